"""Rewards: what is paid, and what must not be."""

from dataclasses import replace

import pytest
import torch

from course.learn.rewards import (
    Together,
    answer_and_format,
    closed_thoughts,
    coin,
    compute_rewards,
    exact_answer,
    right_steps,
    right_throughout,
    soft_overlong,
    summed_steps,
)
from course.model import Completion
from course.think.prompting import direct, force_thinking
from course.think.rollouts import Rollout, RolloutBatch, read_reply
from course.world import sums
from course.world.answers import split_reply
from tests.learn.rollouts import rollouts, small

PROBLEM = sums.ask((2, 3))


def said(text, ids=(5, 1)):
    return Rollout(PROBLEM, split_reply(text), Completion(text, list(ids), [0.0] * len(ids), True))


@pytest.mark.parametrize(
    ("text", "answer", "tags"),
    [
        ("5", 1, 0),
        ("<think>0+2=2\n2+3=5\n</think>5", 1, 1),
        ("<think>0+2=2\n2+3=5\n</think>6", 0, 1),
        ("<think>nonsense</think>5", 1, 1),
        ("<think></think>5", 1, 0),
        ("<think>5", 0, 0),
        ("<think>5</think>", 0, 0),
        ("x</think>3", 0, 0),
        ("2+3=5</think>5", 1, 0),
        ("</think>5", 1, 0),
        ("", 0, 0),
        ("15", 0, 0),
        ("2 3 4 5", 0, 0),
        ("5 or 6", 0, 0),
    ],
)
def test_the_right_answer_is_paid_and_closed_thoughts_are_and_nothing_else(text, answer, tags):
    one = said(text)
    assert (exact_answer(one), closed_thoughts(one), answer_and_format(one)) == (answer, tags, answer + tags)


def test_thoughts_that_the_prompt_opened_are_open():
    completion = Completion("2+3=5</think>5", [5, 1], [0.0, 0.0], True)
    asked, forced = (read_reply(ask("2+3=?"), completion) for ask in (direct, force_thinking))
    assert [closed_thoughts(Rollout(PROBLEM, reply, completion)) for reply in (asked, forced)] == [0, 1]


def test_a_coin_is_fair_knows_nothing_of_the_answer_and_falls_the_same_way_again():
    sides = [coin(said("5", (number, 1))) for number in range(2000)]
    wrong = [coin(said("6", (number, 1))) for number in range(2000)]
    assert sides == wrong == [coin(said("5", (number, 1))) for number in range(2000)]
    assert abs(sum(sides) / 2000 - 0.5) < 0.045  # four standard errors
    other = Rollout(sums.ask((2, 4)), split_reply("5"), Completion("5", [5, 1], [0.0, 0.0], True))
    again = [coin(Rollout(other.problem, other.reply, Completion("", [n, 1], [0.0] * 2, True))) for n in range(200)]
    assert again != sides[:200]


def test_the_overlong_penalty_is_dapo_s():
    found = [soft_overlong(length, 20480, 4096) for length in (0, 16384, 18432, 20480, 30000)]
    assert found == [0, 0, -0.5, -1, -1]
    with pytest.raises(ValueError, match="margin lies between"):
        soft_overlong(5, 10, 0)


# --- of processes

SUM = sums.ask((2, 3, 4))
LINES = {
    "0+2=2\n2+3=5\n5+4=9\n": (1, 1, 1, 3),
    "0+2=2\n2+3=6\n6+4=10\n": (2 / 3, 0, 0, 2),
    "0+2=2\n2+3=6\nwait 2+3=5\n5+4=9\n": (3 / 4, 1, 0, 3),
    "0+2=2\n2+3=6\nwait 2+3=4\n4+4=8\n": (2 / 4, 0, 0, 2),
    "0+2=2\nwait 0+2=2\nwait 0+2=2\n2+3=5\n5+4=9\n": (1, 1, 1, 5),
    "nonsense\n": (0, 0, 0, 0),
    "": (0, 0, 0, 0),
}


@pytest.mark.parametrize(("lines", "expected"), LINES.items(), ids=list(LINES))
def test_a_process_is_rewarded_by_its_lines(lines, expected):
    one = replace(said(f"<think>{lines}</think>9"), problem=SUM)
    strict = right_throughout(one, forgive_mended=False)
    assert (right_steps(one), right_throughout(one), strict, summed_steps(one)) == expected


def test_lines_that_are_right_under_a_wrong_answer_are_not_right_throughout():
    one = replace(said("<think>0+2=2\n2+3=5\n5+4=9\n</think>8"), problem=SUM)
    assert (right_steps(one), right_throughout(one), summed_steps(one)) == (1, 0, 3)


def test_the_sum_of_steps_pays_for_writing_the_same_line_again():
    honest, padded = (replace(said(f"<think>0+2=2\n{'wait 0+2=2' * more}</think>9"), problem=SUM) for more in (0, 1))
    assert summed_steps(padded) > summed_steps(honest) and right_steps(padded) == right_steps(honest)


# --- all completions at once


def test_a_reward_for_all_at_once_is_asked_once_and_never_for_truncated_replies():
    batch, asked = rollouts(small(), cut=3), []

    def lengths(several):
        asked.append(several)
        return [one.tokens for one in several]

    found = compute_rewards(batch, Together(lengths), -7.0)
    assert torch.equal(found, compute_rewards(batch, lambda one: one.tokens, -7.0))
    assert asked == [[one for one in batch.rows if one.completion.finished]] and len(asked[0]) == 10
    assert [one.completion.finished for one in batch.rows] == (found.flatten() > 0).tolist()
    assert Together(lengths)(batch.rows[1]) == batch.rows[1].tokens


def test_a_reward_for_all_is_not_asked_about_none():
    batch = rollouts(small())
    cut = [
        [replace(one, completion=replace(one.completion, finished=False)) for one in group] for group in batch.groups
    ]
    found = compute_rewards(RolloutBatch(batch.prompt_ids, cut), Together(lambda several: 1 / 0), 0.5)
    assert found.tolist() == [[0.5] * 4] * 3


def test_a_reward_for_all_must_reward_each_with_a_number():
    batch = rollouts(small())
    for values, message in (
        ([1.0] * 11, "found 11 for 12"),
        ([1.0] * 13, "found 13 for 12"),
        ([1.0] * 5 + [float("nan")] + [1.0] * 6, "completion 2 of problem 2: its reward is nan"),
        ([1.0] * 11 + [None], "completion 4 of problem 3: its reward must be a number"),
    ):
        with pytest.raises(ValueError, match=message):
            compute_rewards(batch, Together(lambda several, values=values: values), 0.0)
