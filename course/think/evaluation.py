"""Evaluation: scores with intervals, paired comparisons with verdicts, majority votes, pass@k.

The unit of a score is the problem, and its interval is Wilson's. The unit of a comparison is the problem too, but the
seed where something was trained: two models that learned from the same seed are one difference, however many
problems they answered.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from course._shapes import Float
from course.think.rollouts import Rollout
from course.world import FAMILIES, Problem, is_right

SUBSETS = 400  # random choices of k samples that stand for all of them


@dataclass(frozen=True, repr=False)
class Score:
    """The number of right answers and of all answers, with the share right and its 95 % interval."""

    right: int
    total: int

    @property
    def mean(self) -> float:
        """The share that was right."""
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson (1927), which holds its level also near 0 and 1; the unit is the problem."""
        from scipy.stats import binomtest  # a second to import, so not before it is needed

        found = binomtest(self.right, self.total).proportion_ci(0.95, method="wilson")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.mean:.2f} [{low:.2f}, {high:.2f}]"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Estimate:
    """The mean of `n` independent numbers with its 95 % t-interval."""

    mean: float
    interval: tuple[float, float]
    n: int

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.mean:.3g} [{low:.3g}, {high:.3g}]"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Comparison:
    """The mean paired difference of two ways of doing something, with its 95 % interval and a verdict."""

    difference: float
    interval: tuple[float, float]
    n: int

    @property
    def verdict(self) -> str:
        """`better` or `worse` if the 95 % interval leaves out zero, else `can't tell`."""
        low, high = self.interval
        return "better" if low > 0 else "worse" if high < 0 else "can't tell"

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.difference:+.2f} [{low:+.2f}, {high:+.2f}], n={self.n}: {self.verdict}"

    __repr__ = __str__


def accuracy(marks: Sequence[bool]) -> Score:
    """The share of true marks, as a score. Raises ValueError if there are none.

    >>> print(accuracy([True] * 8 + [False] * 2))
    0.80 [0.49, 0.94]
    """
    if not marks:
        raise ValueError("nothing to score: give at least one mark")
    return Score(sum(map(bool, marks)), len(marks))


def estimate(numbers: Sequence[float]) -> Estimate:
    """The mean of some numbers with a 95 % t-interval (Student 1908).

    Raises ValueError for fewer than two numbers, which have no spread, and for numbers that are not finite.

    >>> print(estimate([1, 2, 3, 4]))
    2.5 [0.446, 4.55]
    """
    array = np.asarray(numbers, dtype=float)
    if array.ndim != 1 or array.size < 2 or not np.isfinite(array).all():
        raise ValueError(f"an interval needs at least two finite numbers, one a unit: found {list(numbers)[:5]}")
    from scipy.stats import t

    half = t.ppf(0.975, array.size - 1) * array.std(ddof=1) / math.sqrt(array.size)
    mean = float(array.mean())
    return Estimate(mean, (mean - float(half), mean + float(half)), array.size)


def paired_comparison(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """The mean of `second - first`, unit by unit, with a 95 % t-interval and a verdict.

    One number a unit in the same order on both sides: the mark of a problem (True or False), or the score of a seed
    where something was trained. If there is no difference, the verdict is wrong in 5 % of comparisons of seeds, whose
    scores are taken to be normal. Marks are not: there, and wherever all differences have one size, the interval leaves
    out zero only if an exact test of the signs (McNemar 1947) agrees, so that the verdict is wrong in at most 5 % of
    comparisons of however few problems. Name both sides before you run them.

    Raises ValueError if the sides are not equally long, and for fewer than two units.

    >>> paired_comparison([0.1, 0.3, 0.2], [0.5, 0.6, 0.7])
    +0.40 [+0.15, +0.65], n=3: better
    >>> paired_comparison([0, 0], [1, 1])
    +1.00 [-0.68, +1.00], n=2: can't tell
    """
    if len(first) != len(second):
        raise ValueError(f"a pair needs two sides: {len(first)} numbers against {len(second)}")
    differences = np.array([float(after) - float(before) for before, after in zip(first, second, strict=True)])
    found = estimate(differences.tolist())
    low, high = found.interval
    interval = found.interval if low <= 0 <= high else _unless_signs_disagree(found.interval, differences)
    return Comparison(found.mean, interval, found.n)


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that at least one of k samples is right, estimated without bias from c right ones among n.

    1 - C(n-c, k) / C(n, k): Chen et al. 2021 (arXiv:2107.03374), equation 1. Putting c/n into 1-(1-p)^k instead is
    biased downwards. Raises ValueError unless 0 <= c <= n and 1 <= k <= n.

    >>> pass_at_k(10, 3, 5)
    0.9166666666666666
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@k needs 0 <= c <= n and 1 <= k <= n, not n={n}, c={c}, k={k}")
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def majority_vote(answers: Sequence[str | None], *, seed: int = 0) -> str | None:
    """The answer given most often (Wang et al. 2023, arXiv:2203.11171); None, which is no answer, never wins.

    Of several that are given equally often, the seed draws one: taking the first would let the order of the samples
    decide. The result does not depend on that order. None is returned if nobody gave an answer.

    >>> majority_vote(["3", "2", None, None, None, "3"])
    '3'
    """
    top = _leaders(answers)
    return None if not top else top[np.random.default_rng(seed).integers(len(top))]


def vote_at_k(answers: Sequence[str | None], right: Sequence[bool], k: int, *, seed: int = 0) -> float:
    """The chance that the majority of k of these samples of one problem is right; a tie counts by its right share.

    The mean over 400 random choices of k without putting back, or over the one there is if k is all of them.
    `right[i]` marks `answers[i]`. Raises ValueError if they are not equally long, and unless 1 <= k <= their number.
    """
    if len(answers) != len(right) or not 1 <= k <= len(answers):
        raise ValueError(
            f"k lies between 1 and the number of samples: k={k}, {len(answers)} answers, {len(right)} marks"
        )
    kinds, codes = _kinds(answers)
    correct = np.zeros(len(kinds), dtype=bool)
    correct[codes[codes >= 0]] = np.asarray(right, dtype=bool)[codes >= 0]
    rng = np.random.default_rng(seed)
    chosen = rng.random((1 if k == len(answers) else SUBSETS, len(answers))).argsort(1)[:, :k]  # (S, k)
    counts = (codes[chosen][:, :, None] == np.arange(len(kinds))).sum(1)  # (S, answers that differ)
    return float(_credit(counts, correct).mean())


def expected_vote(
    shares: Sequence[float], right: Sequence[bool], k: int, *, trials: int = 4000, seed: int = 0
) -> float:
    """The chance that the majority of k samples is right if each answer is drawn with its share.

    A multinomial simulation; what is missing from a sum of 1 is given to no answer. Raises ValueError for shares that
    add up to more than 1.
    """
    if min(shares) < 0 or sum(shares) > 1 + 1e-9 or len(shares) != len(right):
        raise ValueError("the shares of the answers are not negative, add up to 1 at most, and each has a mark")
    rest = max(0.0, 1 - sum(shares))
    counts = np.random.default_rng(seed).multinomial(k, [*shares, rest], size=trials)[:, :-1]
    return float(_credit(counts, np.asarray(right, dtype=bool)).mean())


def marks(answered: Sequence[Rollout]) -> list[bool]:
    """For each rollout, whether its answer is right."""
    return [one.right for one in answered]


def mean(values: Sequence[float]) -> float:
    """The mean; not a number if there are none."""
    return sum(values) / len(values) if values else float("nan")


def shares(answered: Sequence[Rollout]) -> dict[str, float]:
    """Of some replies: the share that is `right`, the share that `thinks`, and `tokens`, their mean length."""
    return {
        "right": mean([one.right for one in answered]),
        "thinks": mean([one.thought for one in answered]),
        "tokens": mean([one.tokens for one in answered]),
    }


def profile(answered: Sequence[Rollout]) -> dict[str, Score | Estimate]:
    """The same with intervals; the share right is called `accuracy`."""
    return {
        "accuracy": accuracy(marks(answered)),
        "thinks": accuracy([one.thought for one in answered]),
        "tokens": estimate([one.tokens for one in answered]),
    }


def scores(answered: Mapping[str, Sequence[Rollout]]) -> dict[str, Score]:
    """The score of each group of rollouts."""
    return {group: accuracy(marks(several)) for group, several in answered.items()}


def constant_scores(answered: Mapping[str, Sequence[Rollout]]) -> dict[str, float]:
    """What each group would score if every reply were the best constant answer, whatever the question.

    That is the answer its family names; plain facts, which have no family, have the most frequent one of the group.
    """
    return {
        group: accuracy(_constant_marks([one.problem for one in several])).mean for group, several in answered.items()
    }


def _constant_marks(problems: Sequence[Problem]) -> list[bool]:
    """Which of these problems the best constant answer solves."""
    facts = _leaders([problem.answer for problem in problems if problem.family not in FAMILIES])
    said = [FAMILIES[one.family].constant_answer if one.family in FAMILIES else facts[0] for one in problems]
    return [is_right(problem, answer) for problem, answer in zip(problems, said, strict=True)]


def _unless_signs_disagree(interval: tuple[float, float], differences: Float[np.ndarray, "N"]) -> tuple[float, float]:
    """An interval that leaves out zero; if all differences are 0 or of one size, only if an exact test agrees.

    Otherwise that test's own interval (Clopper and Pearson 1934) of the share that rose among those that changed.
    """
    size = float(np.abs(differences).max())
    signs = np.round(differences / size, 9)  # 0.3 - 0.2 and 0.2 - 0.1 are one size
    if not np.isin(signs, (-1, 0, 1)).all():
        return interval
    from scipy.stats import binomtest

    test = binomtest(int((signs > 0).sum()), int((signs != 0).sum()))
    if test.pvalue <= 0.05:
        return interval
    rose = test.proportion_ci(0.95, method="exact")
    reach = size * float(np.abs(signs).mean())
    return reach * (2 * float(rose.low) - 1), reach * (2 * float(rose.high) - 1)


def _leaders(answers: Sequence[str | None]) -> list[str]:
    """The answers given most often, sorted."""
    counts = Counter(answer for answer in answers if answer is not None)
    return sorted(answer for answer, count in counts.items() if count == max(counts.values()))


def _kinds(answers: Sequence[str | None]) -> tuple[list[str], np.ndarray]:
    """The different answers, and the number of its kind for each answer, -1 for None."""
    kinds = sorted({answer for answer in answers if answer is not None})
    numbers = {answer: number for number, answer in enumerate(kinds)}
    return kinds, np.array([numbers.get(answer, -1) if answer is not None else -1 for answer in answers])


def _credit(counts: np.ndarray, right: np.ndarray) -> np.ndarray:
    """For each row of votes, the share of its leaders that is right; 0 where nobody voted."""
    if not counts.size:
        return np.zeros(len(counts))
    top = counts.max(1, keepdims=True)
    leaders = (counts == top) & (top > 0)
    return (leaders & right).sum(1) / np.maximum(leaders.sum(1), 1)
