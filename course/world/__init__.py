"""The world of the course: five families of problems that a program can check, and texts written about them."""

import random
from functools import cache

from course.world.answers import steps
from course.world.countdown import Countdown
from course.world.cups import Cups
from course.world.decimals import Decimals
from course.world.facts import knows
from course.world.letters import Letters
from course.world.problem import SPLITS, Family, Problem, split_of
from course.world.sums import Sums

__all__ = ["FAMILIES", "Family", "Problem", "draw_problems", "is_right", "thinks"]

MISSES = 300  # draws without a new problem after which the problems that there are get counted

FAMILIES: dict[str, Family] = {family.name: family for family in (Letters(), Decimals(), Sums(), Cups(), Countdown())}


def draw_problems(family: str, n: int, *, level: int | None = None, split: str = "dev", seed: int = 0) -> list[Problem]:
    """Draw `n` different problems of one family and split; `level=None` draws its standard mix, levels in turn.

    The same arguments always give the same problems. Raises ValueError for a negative `n`, an unknown family, level or
    split, or when a split holds fewer than `n` problems of the level.
    """
    chosen = _family(family)
    if n < 0:
        raise ValueError(f"cannot draw {n} problems: ask for 0 or more")
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    levels = chosen.levels if level is None else (level,)
    known = (*chosen.easy_levels, *chosen.levels, *chosen.unseen_levels)
    if level is not None and level not in known:
        raise ValueError(f"unknown level {level} of {family}: choose one of {', '.join(map(str, sorted(known)))}")
    rng = random.Random(f"{family}:{level}:{split}:{seed}")
    problems: dict[str, Problem] = {}
    since = 0  # draws since the last new problem
    for _ in range(1000 + 200 * n):
        if len(problems) == n:
            return list(problems.values())
        if since == MISSES and (most := _most(chosen, levels, split)) is not None and most < n:
            raise ValueError(f"{family} has only {most} such problems in {split}: ask for at most {most}")
        problem = chosen.draw(rng, levels[len(problems) % len(levels)])
        new = split_of(problem.key) == split and problem.key not in problems
        since = 0 if new else since + 1
        if new:
            problems[problem.key] = problem
    if len(problems) == n:
        return list(problems.values())
    raise ValueError(f"found only {len(problems)} different problems of {family} in {split}: ask for fewer than {n}")


@cache
def _most(family: Family, levels: tuple[int, ...], split: str) -> int | None:
    """How many different problems there are when levels are drawn in turn, or None where that cannot be counted."""
    listed = [family.keys(level) for level in levels]
    counts = [keys if keys is None else sum(split_of(key) == split for key in set(keys)) for keys in listed]
    # The level at place i is asked for problems i, i + L, i + 2L and so on; the first that it lacks ends the drawing.
    ends = [count * len(levels) + place for place, count in enumerate(counts) if count is not None]
    return min(ends, default=None)


def is_right(problem: Problem, answer: str | None) -> bool:
    """Whether an answer to a problem is right, a plain fact included; any text is safe, and None is wrong."""
    return knows(problem, answer) if problem.family == "facts" else FAMILIES[problem.family].correct(problem, answer)


def thinks(problem: Problem, reasoning: str | None) -> bool:
    """Whether a reply's reasoning holds at least one right step, as its family's `check_steps` decides.

    `reasoning` is that of a reply which closed its thoughts (`split_reply`); empty tags are not thinking.
    """
    family = FAMILIES.get(problem.family)  # a fact has no steps
    return family is not None and any(family.check_steps(problem, steps(reasoning)))


def _family(name: str) -> Family:
    if name not in FAMILIES:
        raise ValueError(f"unknown family {name!r}: choose one of {', '.join(FAMILIES)}")
    return FAMILIES[name]
