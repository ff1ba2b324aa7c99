"""What is watched while a model is reinforced, counted by hand."""

import math

import pytest
import torch

from course.learn.monitoring import Noticing, noticing, run_statistics, slips, world_statistics
from course.model import Completion
from course.think.rollouts import Rollout
from course.world import countdown, cups, sums
from course.world.answers import split_reply
from course.world.facts import fact_problems


def said(problem, text, tokens=3, finished=True, logprob=-0.5):
    return Rollout(problem, split_reply(text), Completion(text, [9] * tokens, [logprob] * tokens, finished))


FIVE = sums.ask((2, 3))


def test_slips_are_wrong_steps_and_mended_if_the_next_line_says_wait_and_is_right():
    cases = {
        "<think>0+2=2\n2+3=5\n</think>5": (0, 0),
        "<think>0+2=3\nwait 0+2=2\n2+3=5\n</think>5": (1, 1),
        "<think>0+2=3\n3+3=6\n</think>6": (1, 0),
        "<think>0+2=3\nwait 0+2=4\nwait 0+2=2\n2+3=5\n</think>5": (2, 1),
        "<think>wait what\n0+2=2\n</think>5": (1, 0),
        "5": (0, 0),
    }
    assert {text: slips(said(FIVE, text)) for text in cases} == cases


def test_what_is_noticed_is_counted_over_first_tries_alone():
    texts = (
        "0+2=2\n2+3=5",  # two right steps
        "0+2=3\nwait 0+2=2\n2+3=5",  # a slip that is mended, and a right step
        "0+2=3\nwait 0+2=4\nwait 0+2=2\n2+3=5",  # noticed, and mended too late
        "0+2=3\n3+3=6\nwait 3+3=6",  # a slip that is not noticed, and a false alarm
        "0+2=2\nwaiter",  # a word that only begins like it: a line that cannot be read is wrong
    )
    found = noticing([said(FIVE, f"<think>{text}\n</think>5") for text in texts])
    assert found == Noticing(right=6, wrong=4, false_alarms=1, noticed=2, mended=1)
    assert found.figures == {"slips": 40.0, "noticed": 0.5, "mended": 0.25, "false_alarms": 1 / 6}
    nothing = noticing([said(FIVE, "5"), said(fact_problems()[0], "<think>no need to think\n</think>paris")])
    assert nothing == Noticing(0, 0, 0, 0, 0) and all(map(math.isnan, nothing.figures.values()))


def test_a_fact_has_no_steps_and_so_no_slips():
    assert slips(said(fact_problems()[0], "<think>no need to think\n</think>paris")) == (0, 0)


def test_a_batch_by_hand():
    groups = [
        [said(FIVE, "5", 2), said(FIVE, "<think>0+2=3\nwait 0+2=2\n2+3=5\n</think>5", 8), said(FIVE, "6", 3)],
        [said(cups.ask(1, ((1, 2),)), text, 4, finished=text != "1") for text in ("2", "2", "1")],
    ]
    rewards = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    found = run_statistics(groups, rewards)
    assert found["reward"] == pytest.approx(5 / 6) and found["zero_variance"] == 0.5
    assert found["length"] == pytest.approx(25 / 6) and found["length_rewarded"] == pytest.approx(22 / 5)
    assert found["length_unrewarded"] == 3 and found["unfinished"] == pytest.approx(1 / 6)
    assert found["entropy"] == pytest.approx(0.5)
    world = world_statistics(groups)
    assert world["right"] == pytest.approx(4 / 6) and world["thinks"] == pytest.approx(1 / 6)
    assert world["mended"] == 1.0 and world["sums"] == pytest.approx(2 / 3) and world["cups"] == pytest.approx(2 / 3)
    assert set(world) == {"right", "thinks", "mended", "sums", "cups"}


@pytest.mark.slow
def test_the_entropy_is_an_estimate_of_what_was_sampled_from():
    shares = torch.tensor([0.7, 0.2, 0.1])
    drawn = torch.multinomial(shares, 20_000, replacement=True, generator=torch.Generator().manual_seed(0))
    rows = [said(FIVE, "5", 1, logprob=float(shares[token].log())) for token in drawn]
    exact = -float((shares * shares.log()).sum())
    assert run_statistics([rows], torch.zeros(1, 20_000))["entropy"] == pytest.approx(exact, abs=0.02)


def test_what_there_is_none_of_is_not_a_number_and_no_error():
    groups = [[said(countdown.ask((2, 3), 5), "2+3", 4)] * 2]
    assert math.isnan(world_statistics(groups)["mended"])
    assert math.isnan(run_statistics(groups, torch.ones(1, 2))["length_unrewarded"])
