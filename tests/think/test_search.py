"""The best of n and weighted votes against the enumeration of all choices."""

import math
import random
from itertools import combinations, permutations

import pytest

from course.model import Completion
from course.think.evaluation import majority_vote, vote_at_k
from course.think.rollouts import Rollout
from course.think.search import best_of_n, pick, score_groups, weighted_vote, weighted_vote_at_k
from course.world import sums
from course.world.answers import split_reply


def said(text):
    return Rollout(sums.ask((2, 3)), split_reply(text), Completion(text, [5, 1], [0.0, 0.0], True))


def best_by_enumeration(scores, right, k):
    """The mean over all choices of k, and over all orders of those that tie for the best."""
    found = []
    for chosen in combinations(range(len(scores)), k):
        top = max(scores[place] for place in chosen)
        tied = [right[place] for place in chosen if scores[place] == top]
        found.append(sum(tied) / len(tied))
    return sum(found) / len(found)


def test_the_best_of_k_is_the_golden_one_in_any_order():
    scores, right = [0.1, 0.2, 0.3, 0.4, 0.5], [0, 1, 0, 1, 1]
    for order in permutations(range(5)):
        mixed = [scores[place] for place in order], [right[place] for place in order]
        assert [best_of_n(*mixed, k) for k in range(1, 6)] == pytest.approx([0.6, 0.8, 0.9, 1.0, 1.0], abs=1e-12)


@pytest.mark.parametrize("kinds", [1, 2, 3, 1000])
def test_the_best_of_k_is_that_of_all_choices_with_and_without_ties(kinds):
    rng = random.Random(kinds)
    for _ in range(20):
        n = rng.randint(1, 8)
        scores = [rng.randrange(kinds) / kinds - 0.4 for _ in range(n)]
        right = [rng.random() < 0.5 for _ in range(n)]
        for k in range(1, n + 1):
            assert best_of_n(scores, right, k) == pytest.approx(best_by_enumeration(scores, right, k), abs=1e-12)


def test_the_best_of_one_is_the_mean_and_scores_that_say_nothing_stay_there():
    right = [1, 0, 0, 1, 0.5]
    assert best_of_n([3, 1, 2, 5, 4], right, 1) == pytest.approx(0.5)
    assert [best_of_n([7] * 5, right, k) for k in range(1, 6)] == pytest.approx([0.5] * 5)


def test_many_samples_are_no_trouble():
    assert best_of_n(list(range(2000)), [0] * 1999 + [1], 1000) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("scores", "right", "k", "message"),
    [
        ([1.0, 2.0], [1], 1, "2 scores, 1 marks"),
        ([1.0], [1, 0], 1, "1 scores, 2 marks"),
        ([1.0, 2.0], [1, 0], 3, "k=3"),
        ([1.0, 2.0], [1, 0], 0, "k=0"),
        ([], [], 1, "k=1"),
        ([1.0, math.nan], [1, 0], 1, "score 2 is nan"),
        ([math.inf, 1.0], [1, 0], 1, "score 1 is inf"),
    ],
)
def test_the_best_of_nothing_sensible_is_an_error(scores, right, k, message):
    with pytest.raises(ValueError, match=message):
        best_of_n(scores, right, k)


def test_the_heaviest_answer_wins_and_no_answer_never_does():
    assert weighted_vote(["3", "2", "3", None], [0.3, 0.5, 0.3, 9]) == "3"
    assert weighted_vote(["3", "2", "3", None], [0.2, 0.5, 0.2, 9]) == "2"
    assert weighted_vote([None, None], [1, 1]) is None and weighted_vote([], []) is None
    assert weighted_vote([None, "4"], [1, 0]) == "4"


def test_equal_totals_are_drawn_whatever_the_order_and_rounding():
    for weights in ([0.1, 0.2, 0.3], [100.1, 100.2, 200.3]):
        for order in permutations(range(3)):
            answers = [("a", "a", "b")[place] for place in order]
            found = {weighted_vote(answers, [weights[place] for place in order], seed=seed) for seed in range(30)}
            assert found == {"a", "b"}
    assert {weighted_vote(["a", "b", "c"], [0, 0, 0], seed=seed) for seed in range(60)} == {"a", "b", "c"}
    assert {weighted_vote(["a", "b"], [1, 1.00001], seed=seed) for seed in range(30)} == {"b"}


def weighted_by_enumeration(answers, weights, right, k):
    found = []
    for chosen in combinations(range(len(answers)), k):
        totals = {}
        for place in chosen:
            if answers[place] is not None:
                totals[answers[place]] = totals.get(answers[place], 0) + weights[place]
        top = [answer for answer, total in totals.items() if total == max(totals.values())]
        marks = dict(zip(answers, right, strict=True))
        found.append(sum(marks[answer] for answer in top) / len(top) if top else 0)
    return sum(found) / len(found)


def test_the_weighted_vote_of_k_is_that_of_all_choices():
    rng = random.Random(1)
    for _ in range(12):
        answers = [rng.choice(["a", "b", "c", None]) for _ in range(7)]
        weights, right = [rng.choice([0, 1, 2, 5]) for _ in answers], [answer == "b" for answer in answers]
        exact = [weighted_by_enumeration(answers, weights, right, k) for k in range(1, 8)]
        found = [weighted_vote_at_k(answers, weights, right, k) for k in range(1, 8)]
        assert found[-1] == pytest.approx(exact[-1], abs=1e-12)
        for one, other in zip(found, exact, strict=True):  # four standard errors of 400 choices
            assert abs(one - other) <= 4 * math.sqrt(max(other * (1 - other), 0.01) / 400)


def test_weights_decide_and_equal_ones_do_not():
    answers = ["a", "a", "b", "c", None, "b", "a", "d"]
    right = [answer == "b" for answer in answers]
    for k in range(1, 9):
        for weight in (1, 0.1, 0.7):
            assert weighted_vote_at_k(answers, [weight] * 8, right, k, seed=3) == vote_at_k(answers, right, k, seed=3)
    for seed in range(20):
        assert weighted_vote(answers[1:], [0.3] * 7, seed=seed) == majority_vote(answers[1:], seed=seed)
    assert weighted_vote_at_k(answers, [1, 1, 9, 1, 9, 9, 1, 1], right, 8) == 1
    assert weighted_vote_at_k([None, None], [1, 1], [False, False], 1) == 0
    assert weighted_vote_at_k(answers, list(range(8)), right, 3, seed=1) == weighted_vote_at_k(
        answers, list(range(8)), right, 3, seed=1
    )


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [1, -0.1], [1, math.nan], [math.inf, 1]])
def test_weights_that_are_none_are_an_error(weights):
    with pytest.raises(ValueError, match="a weight that is finite and not negative: 2 answers"):
        weighted_vote(["a", "b"], weights)
    with pytest.raises(ValueError, match="a weight that is finite and not negative: 2 answers"):
        weighted_vote_at_k(["a", "b"], weights, [True, False], 1)


def test_votes_of_too_many_or_unmarked_samples_are_an_error():
    for right, k in (([True], 1), ([True, False], 0), ([True, False], 3)):
        with pytest.raises(ValueError, match=f"k={k}, 2 answers, {len(right)} marks"):
            weighted_vote_at_k(["a", "b"], [1, 1], right, k)


def test_a_scorer_is_asked_once_and_the_best_is_picked():
    group, asked = [said(str(number)) for number in (3, 9, 4)], []

    def by_number(rollouts):
        asked.append(len(rollouts))
        return [int(one.reply.answer) for one in rollouts]

    assert pick(group, by_number) is group[1] and asked == [3]
    assert score_groups([group[:1], [], group[1:]], by_number) == [[3], [], [9, 4]] and asked == [3, 3]
    assert score_groups([[], []], by_number) == [[], []] and asked == [3, 3]


def test_of_equally_good_ones_the_seed_picks():
    group = [said(str(number)) for number in (1, 2, 3)]
    found = {pick(group, lambda rollouts: [1, 0, 1], seed=seed).reply.answer for seed in range(30)}
    assert found == {"1", "3"}


def test_a_scorer_must_score_every_rollout():
    group = [said("1"), said("2")]
    with pytest.raises(ValueError, match="found 1 for 2 rollouts"):
        pick(group, lambda rollouts: [1.0])
    with pytest.raises(ValueError, match="score 2 is nan"):
        score_groups([group], lambda rollouts: [1.0, math.nan])
    with pytest.raises(ValueError, match="nothing to pick from"):
        pick([], lambda rollouts: [])
