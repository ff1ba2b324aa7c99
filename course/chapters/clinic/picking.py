"""What picking the best does to a figure: several runs, or steps of one run, on a benchmark of 30 problems.

Thirty is as many as AIME has. Every model is measured again on other problems, by which it was not picked.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import nn

from course.chapters.clinic.tasks import SMALL, steps_of
from course.learn.grpo import grpo
from course.learn.rewards import coin
from course.model import load
from course.presets import Preset
from course.think.evaluation import mean
from course.think.rollouts import sample_rollouts
from course.world import FAMILIES, Problem, draw_problems

FEW = 6  # problems of each family in the benchmark: 30 in all
SEEDS = 8  # runs to pick from


def expected_best(right: float, problems: int, tries: int) -> float:
    """The exact mean of the best of `tries` scores of a model that solves any problem with probability `right`.

    The best is at most k of n if all are: P(best <= k) = F(k)^tries, with F binomial; and the mean of a count is the
    sum of its probabilities to exceed 0, 1, 2, ... Raises ValueError for `right` outside [0, 1] or counts below 1.

    >>> round(expected_best(0.5, 30, 1), 3), round(expected_best(0.5, 30, 20), 3)
    (0.5, 0.669)
    """
    if not 0 <= right <= 1 or problems < 1 or tries < 1:
        raise ValueError(f"a probability and two counts of at least 1 are needed: found {right}, {problems}, {tries}")
    from scipy.stats import binom

    below = binom.cdf(range(problems), problems, right) ** tries
    return float((1 - below).sum() / problems)


def benchmark() -> list[Problem]:
    """Thirty problems of the dev split, six of each family."""
    return [problem for family in FAMILIES for problem in draw_problems(family, FEW)]


def others(dial: Preset) -> list[Problem]:
    """More problems of the same kind, none of them in the benchmark."""
    more = max(4, dial.problems // 5)
    return [problem for family in FAMILIES for problem in draw_problems(family, FEW + more)[FEW:]]


def measured(model: nn.Module, tokenizer, problems: Sequence[Problem], seed: int) -> float:
    """The share right of one reply to each problem."""
    return mean([one.right for one in sample_rollouts(model, tokenizer, problems, seed=seed)])


@functools.cache
def coin_runs(dial: Preset) -> tuple[dict[str, float], ...]:
    """`mini-base` rewarded by a coin for two steps, once per seed: `step` (the seed), `few` and `many`, shares right.

    Seed 0 is the model untouched.
    """
    found = []
    for seed in range(1 + steps_of(dial, SEEDS)):
        model, tokenizer = load("mini-base")
        if seed:
            for _ in grpo(model, tokenizer, replace(SMALL, steps=2, seed=seed), reward=coin):
                pass
        found.append(_twice(model, tokenizer, seed, dial))
    return tuple(found)


@functools.cache
def along_a_run(dial: Preset) -> tuple[dict[str, float], ...]:
    """`mini-zero`, which has learned all it will, trained further, a checkpoint each step: `step`, `few`, `many`."""
    model, tokenizer = load("mini-zero")
    config = replace(SMALL, steps=steps_of(dial, SMALL.steps))
    return tuple(_twice(model, tokenizer, stats["step"], dial) for stats in grpo(model, tokenizer, config))


def _twice(model: nn.Module, tokenizer, step: int, dial: Preset) -> dict[str, float]:
    few, many = (measured(model, tokenizer, problems, seed=step) for problems in (benchmark(), others(dial)))
    return {"step": step, "few": few, "many": many}


def only(found: Sequence[dict[str, float]], which: str) -> Iterator[dict[str, float]]:
    """One of the two measurements, as `share`."""
    return ({"step": one["step"], "share": one[which]} for one in found)


def picked(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """The score of the best by the benchmark, the same model's on other problems, and the mean of all on those."""
    best = max(found, key=lambda one: one["few"])
    return {
        "best on 30 problems": best["few"],
        "the same on others": best["many"],
        "mean of all on others": mean([one["many"] for one in found]),
    }
