"""Search: among several replies, which one to hand in? A scorer says how good each is, and is passed in.

The best of n by score, and votes that count with a weight. Whatever gives the scores (a reward model, a critic, the
length of a reply), search only sees numbers.
"""

import math
from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np

from course.think.evaluation import SUBSETS
from course.think.rollouts import Rollout

Scorer = Callable[[Sequence[Rollout]], Sequence[float]]  # rollouts to scores, one each: the higher the better
NEAR = 1e-9  # totals closer than this share of the largest weight are a tie that rounding has torn apart


def best_of_n(scores: Sequence[float], right: Sequence[float], k: int) -> float:
    """The chance that the best-scored of k of these n samples is right, over all choices of k: exact, not simulated.

    With the samples in ascending order of score, C(n, k)^-1 * sum over i of C(i, k-1) * right_i, i from 0: sample i is
    the best of those choices in which it meets k - 1 of the i samples below it. Samples of equal score are put in any
    order equally often, so each counts by the mean of its equals. `right` holds marks, or shares from 0 to 1.

    Raises ValueError if the two are not equally long, for scores that are not finite, and unless 1 <= k <= n.

    >>> [round(best_of_n([1, 2, 3, 4, 5], [0, 1, 0, 1, 1], k), 2) for k in (1, 2, 3, 4, 5)]
    [0.6, 0.8, 0.9, 1.0, 1.0]
    """
    n = len(scores)
    if len(right) != n or not 1 <= k <= n:
        raise ValueError(f"k lies between 1 and the number of samples: k={k}, {n} scores, {len(right)} marks")
    _require_finite(scores)
    total, place = 0.0, 0
    for _, tied in groupby(
        sorted(zip(map(float, scores), right, strict=True), key=lambda one: one[0]), lambda one: one[0]
    ):
        marks = [float(mark) for _, mark in tied]
        chances = sum(math.comb(below, k - 1) for below in range(place, place + len(marks)))
        total += chances / math.comb(n, k) * (sum(marks) / len(marks))
        place += len(marks)
    return total


def weighted_vote(answers: Sequence[str | None], weights: Sequence[float], *, seed: int = 0) -> str | None:
    """The answer whose samples weigh most together: argmax over a of the sum of w_i where a_i = a.

    None, which is no answer, never wins, whatever it weighs; it is returned if nobody gave an answer. Of several equal
    totals the seed draws one, as in `majority_vote`, which this is if all weights are equal. Raises ValueError if the
    two are not equally long, and for weights that are negative or not finite.

    >>> weighted_vote(["3", "2", "3", None], [0.2, 0.9, 0.3, 5.0])
    '2'
    """
    kinds, codes, heavy = _ballots(answers, weights)
    if not kinds:
        return None
    top = np.flatnonzero(_leading(codes[None], heavy[None], len(kinds))[0])
    return kinds[top[np.random.default_rng(seed).integers(len(top))]]


def weighted_vote_at_k(
    answers: Sequence[str | None], weights: Sequence[float], right: Sequence[bool], k: int, *, seed: int = 0
) -> float:
    """The chance that the weighted vote of k of these samples of one problem is right; a tie counts by its right share.

    The mean over 400 random choices of k without putting back, or over the one there is if k is all of them: those of
    `vote_at_k`, whose value this is if all weights are equal. `right[i]` marks `answers[i]`. Raises ValueError if the
    three are not equally long, for weights that are negative or not finite, and unless 1 <= k <= their number.
    """
    n = len(answers)
    if len(right) != n or not 1 <= k <= n:
        raise ValueError(f"k lies between 1 and the number of samples: k={k}, {n} answers, {len(right)} marks")
    kinds, codes, heavy = _ballots(answers, weights)
    correct = np.zeros(len(kinds), dtype=bool)
    correct[codes[codes >= 0]] = np.asarray(right, dtype=bool)[codes >= 0]
    rng = np.random.default_rng(seed)
    chosen = rng.random((1 if k == n else SUBSETS, n)).argsort(1)[:, :k]  # (S, k)
    leading = _leading(codes[chosen], heavy[chosen], len(kinds))  # (S, answers that differ)
    return float(((leading & correct).sum(1) / np.maximum(leading.sum(1), 1)).mean())


def score_groups(groups: Sequence[Sequence[Rollout]], scorer: Scorer) -> list[list[float]]:
    """The score of every rollout in groups, from one call of the scorer for all of them.

    Raises ValueError if the scorer gives another number of scores, or one that is not finite.
    """
    rows = [one for group in groups for one in group]
    scores = [float(score) for score in scorer(rows)] if rows else []
    if len(scores) != len(rows):
        raise ValueError(f"a scorer gives one score a rollout: found {len(scores)} for {len(rows)} rollouts")
    _require_finite(scores)
    given = iter(scores)
    return [[next(given) for _ in group] for group in groups]


def pick(rollouts: Sequence[Rollout], scorer: Scorer, *, seed: int = 0) -> Rollout:
    """The rollout with the highest score; of several with equal scores the seed draws one.

    Raises ValueError if there are no rollouts, and for scores as `score_groups` does.
    """
    if not rollouts:
        raise ValueError("there is nothing to pick from: give at least one rollout")
    (scores,) = score_groups([rollouts], scorer)
    top = [one for one, score in zip(rollouts, scores, strict=True) if score == max(scores)]
    return top[np.random.default_rng(seed).integers(len(top))]


def _ballots(answers: Sequence[str | None], weights: Sequence[float]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The different answers, the number of its kind for each sample (-1: no answer), and its weight."""
    heavy = np.array([float(weight) for weight in weights])
    if len(heavy) != len(answers) or not np.isfinite(heavy).all() or (heavy < 0).any():
        raise ValueError(
            f"every answer needs a weight that is finite and not negative: {len(answers)} answers, {len(heavy)} "
            f"weights {heavy[:5].tolist()}"
        )
    kinds = sorted({answer for answer in answers if answer is not None})
    numbers = {answer: number for number, answer in enumerate(kinds)}
    return kinds, np.array([numbers.get(answer, -1) for answer in answers], dtype=int), heavy


def _leading(codes: np.ndarray, weights: np.ndarray, kinds: int) -> np.ndarray:
    """For each row of samples, which kinds of answers were given and weigh most; nothing leads where none was given."""
    given = codes[:, :, None] == np.arange(kinds)  # (S, k, kinds)
    totals = np.where(given.any(1), (given * weights[:, :, None]).sum(1), -np.inf)
    near = NEAR * weights.max(initial=0.0)
    return given.any(1) & (totals >= totals.max(1, keepdims=True, initial=-np.inf) - near)


def _require_finite(scores: Sequence[float]) -> None:
    for place, score in enumerate(scores):
        if not math.isfinite(score):
            raise ValueError(f"score {place + 1} is {score}, not a finite number")
