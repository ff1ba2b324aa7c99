"""What the exercises claim is true: traces by the oracle, solutions by the library, predictions by recorded results."""

import re
from itertools import product

import pytest

from course.experiments import recorded
from course.teach.exercises import find
from course.think import evaluation
from course.world import FAMILIES, Problem
from course.world.answers import split_reply, steps


def test_the_slip_to_find_is_the_oracle_s():
    text = find("reasoning.find_slip").text
    lines = re.findall(r"^line \d+: (.*)$", text, re.MULTILINE)
    swaps = [tuple(map(int, swap.split("-"))) for swap in re.search(r"swap ([\d\-, ]+)\.", text)[1].split(", ")]
    problem = Problem("cups", 5, "", "3", (2, tuple(swaps)), "")
    verdicts = FAMILIES["cups"].check_steps(problem, lines)
    wrong = [number for number, right in enumerate(verdicts, 1) if not right]
    assert wrong == [3, find("reasoning.find_slip").reference] and lines[3].startswith("wait")


def test_the_checker_of_sums_agrees_with_the_oracle_where_the_order_is_kept():
    """The oracle lets terms come in any order; the exercise does not."""
    checker = find("reasoning.check_running_sum").reference
    for terms, lines in find("reasoning.check_running_sum").inputs:
        problem = Problem("sums", len(terms), "", str(sum(terms)), tuple(terms), "")
        if [int(re.split("[+=]", line)[1]) for line in lines] == terms:
            assert checker(terms, lines) == FAMILIES["sums"].check_steps(problem, lines)
        else:
            assert not all(checker(terms, lines))


def test_cutting_a_reply_in_two_agrees_with_the_library():
    cut = find("reasoning.split_reply").reference
    pieces = ("<think>", "</think>", "3", "r 1\n", " ")
    for chosen in product(pieces, repeat=4):
        if chosen.count("<think>") > 1:
            continue  # the exercise says nothing of it
        reply = split_reply("".join(chosen))
        assert cut("".join(chosen)) == (reply.reasoning, reply.answer)
    assert steps(cut("<think>a\nb</think>3")[0]) == ["a", "b"]


def test_votes_chances_and_intervals_agree_with_the_library():
    vote = find("prompting.majority_vote").reference
    assert all(
        vote(answers) == evaluation.majority_vote(answers) for answers in (["3", "2", "3"], [None], [], ["3", None])
    )
    for counts in find("prompting.pass_at_k").inputs:
        assert find("prompting.pass_at_k").reference(*counts) == pytest.approx(evaluation.pass_at_k(*counts))
    for sides in find("prompting.interval").inputs:
        found = evaluation.paired_comparison(*sides).interval
        assert find("prompting.interval").reference(*sides) == pytest.approx(found)


def test_the_vote_to_predict_falls_as_is_said():
    shares, right = [0.3, 0.45] + [0.025] * 10, [True] + [False] * 11
    chances = [evaluation.expected_vote(shares, right, k, trials=50_000) for k in (1, 5, 41)]
    assert chances == pytest.approx([0.30, 0.33, 0.13], abs=0.01)


def test_more_swaps_do_what_the_prediction_says():
    """Plain guesses at two and at ten, thinking is right at both: from the recorded experiment."""
    cups = recorded("difficulty")["figures"]["cups"]
    plain, thinking = ([cups[level][way]["accuracy"] for level in ("2", "10")] for way in ("plain", "thinking"))
    guess = 1 / 5
    assert all(one["interval"][0] < guess + 0.05 and one["mean"] < 0.35 for one in plain)
    assert all(one["mean"] > 0.75 for one in thinking)
