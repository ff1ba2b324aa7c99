"""Rewards: what is paid, and what must not be."""

import pytest

from course.learn.rewards import answer_and_format, closed_thoughts, coin, exact_answer, soft_overlong
from course.model import Completion
from course.think.prompting import direct, force_thinking
from course.think.rollouts import Rollout, read_reply
from course.world import sums
from course.world.answers import split_reply

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
