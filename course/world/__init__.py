"""The questions: five families of problems a program can check, and the small web written about them."""

import random

from course.world.countdown import Countdown
from course.world.cups import Cups
from course.world.decimals import Decimals
from course.world.facts import knows
from course.world.letters import Letters
from course.world.problem import SPLITS, Family, Problem, split_of
from course.world.sums import Sums

__all__ = ["FAMILIES", "Family", "Problem", "draw_problems", "is_right", "thinks"]

FAMILIES: dict[str, Family] = {family.name: family for family in (Letters(), Decimals(), Sums(), Cups(), Countdown())}


def draw_problems(family: str, n: int, *, level: int | None = None, split: str = "dev", seed: int = 0) -> list[Problem]:
    """`n` different problems of one family and split; `level=None` draws its standard mix, levels in turn.

    The same arguments always give the same problems. Raises ValueError for an unknown family, level or split, or
    when a split holds fewer than `n` problems of the level.
    """
    chosen = _family(family)
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    levels = chosen.levels if level is None else (level,)
    known = (*chosen.easy_levels, *chosen.levels, *chosen.unseen_levels)
    if level is not None and level not in known:
        raise ValueError(f"unknown level {level} of {family}: choose one of {', '.join(map(str, sorted(known)))}")
    rng = random.Random(f"{family}:{level}:{split}:{seed}")
    problems: dict[str, Problem] = {}
    for _ in range(1000 + 200 * n):
        if len(problems) == n:
            return list(problems.values())
        problem = chosen.draw(rng, levels[len(problems) % len(levels)])
        if split_of(problem.key) == split:
            problems.setdefault(problem.key, problem)
    if len(problems) == n:
        return list(problems.values())
    raise ValueError(
        f"{family} has only {len(problems)} different problems of this kind in {split}: ask for fewer than {n}"
    )


def is_right(problem: Problem, answer: str | None) -> bool:
    """Whether an answer is right, be the problem of a family or a plain fact; any text is safe, and None is wrong."""
    return knows(problem, answer) if problem.family == "facts" else FAMILIES[problem.family].correct(problem, answer)


def thinks(problem: Problem, reasoning: str | None) -> bool:
    """Whether a reply's reasoning holds at least one step that the oracle calls right.

    `reasoning` is that of a reply which closed its thoughts (`split_reply`); empty tags are not thinking.
    """
    from course.world.answers import steps

    family = FAMILIES.get(problem.family)  # a fact has no steps
    return family is not None and any(family.check_steps(problem, steps(reasoning)))


def _family(name: str) -> Family:
    if name not in FAMILIES:
        raise ValueError(f"unknown family {name!r}: choose one of {', '.join(FAMILIES)}")
    return FAMILIES[name]
