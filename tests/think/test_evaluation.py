"""Scores, comparisons, votes and pass@k against formulas, published numbers and enumeration."""

import json
import math
from collections import Counter
from itertools import combinations, combinations_with_replacement, product

import numpy as np
import pytest
from scipy import stats

from course.model import Completion
from course.think.evaluation import (
    Score,
    accuracy,
    estimate,
    expected_vote,
    majority_vote,
    paired_comparison,
    pass_at_k,
    profile,
    shares,
    vote_at_k,
)
from course.think.rollouts import Rollout
from course.world import sums
from course.world.answers import split_reply
from tests.project import ROOT


@pytest.mark.parametrize(("right", "total"), [(0, 10), (3, 10), (10, 10), (250, 500), (1, 1)])
def test_the_interval_is_wilson_s(right, total):
    p, z = right / total, 1.959963984540054
    center = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    assert Score(right, total).interval == pytest.approx((max(center - half, 0), min(center + half, 1)), abs=1e-9)


def test_nothing_to_score_is_an_error():
    with pytest.raises(ValueError, match="at least one mark"):
        accuracy([])


def test_the_interval_of_published_examples():
    assert Score(600, 1000).interval == pytest.approx((0.5693, 0.6299), abs=5e-5)
    assert Score(0, 1000).interval == pytest.approx((0, 0.0038), abs=5e-5)


def test_a_comparison_is_student_s_paired_test():
    rng = np.random.default_rng(0)
    for n in (2, 5, 20):
        first, second = rng.random(n), rng.random(n) + 0.1
        found = paired_comparison(list(first), list(second))
        test = stats.ttest_rel(second, first)
        assert found.interval == pytest.approx(tuple(test.confidence_interval()), rel=1e-9)
        assert found.difference == pytest.approx(np.mean(second - first)) and found.n == n
        assert (found.verdict == "can't tell") is bool(test.pvalue > 0.05)


def test_a_comparison_turned_around_is_the_opposite():
    first, second = [0.1, 0.2, 0.3, 0.2], [0.5, 0.4, 0.6, 0.7]
    assert paired_comparison(first, second).verdict == "better"
    assert paired_comparison(second, first).verdict == "worse"
    assert paired_comparison(first, first).verdict == "can't tell"


def outcomes(sizes, n):
    """Every way in which n differences can be of these sizes, and how many orders it has."""
    for several in combinations_with_replacement(sizes, n):
        yield several, math.factorial(n) // math.prod(map(math.factorial, Counter(several).values()))


@pytest.mark.parametrize("n", range(2, 21))
def test_of_two_equal_ways_at_most_one_comparison_in_twenty_gets_a_verdict_however_few_marks(n):
    """By enumeration: the marks of a problem differ with a chance of .05 to 1, in either direction equally often."""
    wrong = dict.fromkeys((0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.0), 0.0)
    for several, orders in outcomes((-1, 0, 1), n):
        if paired_comparison([max(-d, 0) for d in several], [max(d, 0) for d in several]).verdict != "can't tell":
            changed = sum(map(abs, several))
            for differ in wrong:
                wrong[differ] += orders * (differ / 2) ** changed * (1 - differ) ** (n - changed)
    assert max(wrong.values()) <= 0.05


@pytest.mark.parametrize("n", range(2, 8))
def test_shares_of_two_samples_a_problem_keep_to_one_wrong_verdict_in_twenty_too(n):
    """By enumeration: two ways that are right with the same chance, each asked twice on every problem."""
    wrong = dict.fromkeys((0.05, 0.1, 0.2, 0.3, 0.4, 0.5), 0.0)
    for several, orders in outcomes((-2, -1, 0, 1, 2), n):
        if paired_comparison([0.0] * n, [d / 2 for d in several]).verdict != "can't tell":
            for right in wrong:
                samples = [(1 - right) ** 2, 2 * right * (1 - right), right**2]
                chance = {
                    d: sum(samples[i] * samples[i + d] for i in range(3) if 0 <= i + d <= 2) for d in range(-2, 3)
                }
                wrong[right] += orders * math.prod(chance[d] for d in several)
    assert max(wrong.values()) <= 0.05


def test_differences_without_any_spread_prove_nothing_until_there_are_six():
    for n, verdict in ((2, "can't tell"), (5, "can't tell"), (6, "better")):
        first = [0.1 * place for place in range(n)]
        assert paired_comparison(first, [one + 0.2 for one in first]).verdict == verdict, n


def test_the_interval_of_few_marks_is_the_exact_test_s():
    """Four of five problems rose: Clopper and Pearson's interval for 4 of 4, which begins at .025 to the power 1/4."""
    found = paired_comparison([0, 0, 0, 0, 1], [1, 1, 1, 1, 1])
    assert found.interval == pytest.approx((0.8 * (2 * 0.025**0.25 - 1), 0.8)) and found.difference == 0.8


def test_no_recorded_verdict_on_marks_changes():
    """How many rose and how many fell follows from a recorded mean and interval; seeds are compared as before."""
    checked = 0
    for one in (one for record in records() for one in record.get("comparisons", {}).values() if one["n"] >= 20):
        low, high = one["interval"]
        n, rise = one["n"], one["n"] * one["difference"]
        spread = (high - low) / 2 * math.sqrt(n) / stats.t.ppf(0.975, n - 1)
        changed = (n - 1) * spread**2 + rise**2 / n
        if abs(rise - round(rise)) > 0.01 or abs(changed - round(changed)) > 0.25 or changed < abs(rise) - 0.25:
            continue  # shares of several samples
        up = (round(changed) + round(rise)) // 2
        fell = round(changed) - up
        sides = [0] * up + [1] * fell + [0] * (n - up - fell), [1] * up + [0] * (n - up)
        again = paired_comparison(*sides)
        assert again.verdict == one["verdict"] and again.interval == pytest.approx((low, high), abs=6e-4)
        checked += 1
    assert checked > 30


def records():
    return [json.loads(path.read_text()) for path in sorted((ROOT / "results").glob("*.json"))]


def unpaired(n, rng):
    return rng.normal(size=n).tolist(), rng.normal(size=n).tolist()


def same_problems(n, rng):
    """Marks of two ways that are equally good, on problems of which each way knows half."""
    return (rng.random(n) < 0.5).tolist(), (rng.random(n) < 0.5).tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "draw", "least"),
    [(5, unpaired, 0.044), (20, unpaired, 0.044), (20, same_problems, 0.01), (500, same_problems, 0.03)],
)
def test_where_there_is_no_difference_one_verdict_in_twenty_is_wrong(n, draw, least):
    """10,000 comparisons: 5 %, give or take three standard errors of .0022; marks come in whole steps and give less."""
    rng = np.random.default_rng(n)
    verdicts = Counter(paired_comparison(*draw(n, rng)).verdict for _ in range(10_000))
    assert least < 1 - verdicts["can't tell"] / 10_000 < 0.0566
    assert abs(verdicts["better"] - verdicts["worse"]) < 3 * math.sqrt(600)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([1, 2], [1], "two sides"),
        ([1], [2], "at least two"),
        ([], [], "at least two"),
        ([1, 2], [1, math.nan], "finite"),
    ],
)
def test_what_cannot_be_compared_is_an_error(first, second, words):
    with pytest.raises(ValueError, match=words):
        paired_comparison(first, second)


def test_an_estimate_s_interval_holds_its_level():
    rng = np.random.default_rng(1)
    held = [low < 3 < high for low, high in (estimate(rng.normal(3, 2, size=6).tolist()).interval for _ in range(4000))]
    assert np.mean(held) == pytest.approx(0.95, abs=3 * 0.0035)


@pytest.mark.parametrize(("n", "c"), [(1, 0), (1, 1), (5, 2), (7, 0), (7, 3), (7, 7)])
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(n, c):
    marks = [True] * c + [False] * (n - c)
    for k in range(1, n + 1):
        subsets = [any(marks[place] for place in chosen) for chosen in combinations(range(n), k)]
        assert pass_at_k(n, c, k) == pytest.approx(sum(subsets) / len(subsets), abs=1e-12)


@pytest.mark.parametrize(
    ("n", "c", "k", "value"), [(10, 3, 1, 0.3), (10, 3, 5, 0.916667), (10, 3, 10, 1), (200, 10, 100, 0.999229)]
)
def test_pass_at_k_of_published_examples(n, c, k, value):
    assert pass_at_k(n, c, k) == pytest.approx(value, abs=1e-6)


def test_pass_at_k_is_unbiased_where_the_plug_in_is_not():
    """E[estimate] for 20 samples, each right with .15, at k=5: the truth is 1 - .85**5."""
    chance = stats.binom(20, 0.15).pmf(range(21))
    assert sum(chance[c] * pass_at_k(20, c, 5) for c in range(21)) == pytest.approx(1 - 0.85**5, abs=1e-12)
    assert sum(chance[c] * (1 - (1 - c / 20) ** 5) for c in range(21)) == pytest.approx(0.518236, abs=1e-6)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, 4)])
def test_pass_at_k_of_what_cannot_be(n, c, k):
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, c, k)


def test_the_majority_wins_whatever_the_order_and_whoever_has_no_answer():
    answers = ["2", "3", None, "3", None, None, "3", "2"]
    rng = np.random.default_rng(0)
    assert {majority_vote(rng.permutation(np.array(answers, dtype=object)).tolist()) for _ in range(20)} == {"3"}
    assert majority_vote([None, None]) is None and majority_vote([]) is None


def test_a_tie_is_drawn_by_the_seed_and_never_by_the_order():
    for seed in range(20):
        assert len({majority_vote(order, seed=seed) for order in (["a", "b"], ["b", "a"])}) == 1
    winners = Counter(majority_vote(["a", "b", "c", "a", "c"], seed=seed) for seed in range(2000))
    assert set(winners) == {"a", "c"} and abs(winners["a"] - 1000) < 4 * math.sqrt(500)


def by_enumeration(answers, right, k):
    """The chance of a right vote, over all choices of k answers."""
    credits = []
    for chosen in combinations(range(len(answers)), k):
        counts = Counter(answers[place] for place in chosen if answers[place] is not None)
        top = [answer for answer, count in counts.items() if count == max(counts.values())]
        truth = {answers[place] for place in chosen if right[place]}
        credits.append(sum(answer in truth for answer in top) / len(top) if top else 0.0)
    return sum(credits) / len(credits)


@pytest.mark.parametrize("answers", [["3", "2", "2", "3", "3", "1"], ["3", None, None, "2", None, "3"], [None] * 6])
def test_a_vote_of_k_is_the_mean_over_all_choices(answers):
    right = [answer == "3" for answer in answers]
    assert vote_at_k(answers, right, 6) == pytest.approx(by_enumeration(answers, right, 6), abs=1e-12)
    for k in (1, 2, 3, 5):
        error = 4 * 0.5 / math.sqrt(400)  # of a mean over 400 choices
        assert vote_at_k(answers, right, k) == pytest.approx(by_enumeration(answers, right, k), abs=error)


def test_two_wordings_that_are_both_right_are_two_candidates():
    assert vote_at_k(["1+2", "2+1", "9", "9"], [True, True, False, False], 4) == 0.0


def multinomial(shares, right, k):
    """The chance of a right vote, over all outcomes of k draws."""
    total = 0.0
    for drawn in product(range(len(shares)), repeat=k):
        counts = Counter(drawn)
        top = [kind for kind, count in counts.items() if count == max(counts.values())]
        total += math.prod(shares[kind] for kind in drawn) * sum(right[kind] for kind in top) / len(top)
    return total


@pytest.mark.parametrize("shares", [(0.4, 0.35, 0.25), (0.3, 0.45, 0.25), (1.0, 0.0, 0.0)])
def test_an_expected_vote_is_the_multinomial_s(shares):
    for k in (1, 2, 3, 5):
        truth = multinomial(shares, (True, False, False), k)
        assert expected_vote(shares, (True, False, False), k) == pytest.approx(truth, abs=4 * 0.5 / math.sqrt(4000))


@pytest.mark.parametrize(
    ("shares", "values"),
    [
        ([0.4] + [0.06] * 10, {1: 0.40, 3: 0.4816, 5: 0.639, 11: 0.852, 41: 0.999}),
        ([0.3, 0.45] + [0.025] * 10, {1: 0.30, 3: 0.3004, 5: 0.326, 11: 0.282, 41: 0.128}),
    ],
)
def test_a_vote_raises_the_commonest_answer_right_or_wrong(shares, values):
    right = [True] + [False] * (len(shares) - 1)
    for k, value in values.items():
        assert expected_vote(shares, right, k, trials=100_000) == pytest.approx(value, abs=0.008)


def test_votes_that_cannot_be_counted_are_errors():
    for answers, right, k in ((["1"], [True, False], 1), (["1"], [True], 2), ([], [], 1)):
        with pytest.raises(ValueError, match="k lies between 1"):
            vote_at_k(answers, right, k)
    for several, right in (([0.7, 0.7], [True, False]), ([-0.1, 0.5], [True, False]), ([0.5], [True, False])):
        with pytest.raises(ValueError, match="add up to 1"):
            expected_vote(several, right, 1)


def test_shares_and_their_profile_are_counted_by_hand_and_of_none_are_not_numbers():
    problem = sums.ask((2, 3))
    texts = {"5": 2, "<think>0+2=2\n2+3=5\n</think>5": 8, "<think>0+2=2\n2+3=5\n</think>6": 9, "6": 1}
    replies = [
        Rollout(problem, split_reply(text), Completion(text, [9] * tokens, [0.0] * tokens, True))
        for text, tokens in texts.items()
    ]
    assert shares(replies) == {"right": 0.5, "thinks": 0.5, "tokens": 5.0}
    found = profile(replies)
    assert {name: one.mean for name, one in found.items()} == {"accuracy": 0.5, "thinks": 0.5, "tokens": 5.0}
    assert all(math.isnan(value) for value in shares([]).values())
