"""Slips: solutions written in haste, and solutions to be marked.

Every slip is one that a solver makes (`Family.slip`), wrong to the oracle, and none names what does not exist. One that
is noticed is mended at once: the next line says "wait" and does the step again from where it was before.
"""

import random

from course.world.problem import WAIT, Family, Problem


def hasty_solution(
    family: Family, problem: Problem, rng: random.Random, slip: float, mend: float
) -> tuple[list[str], str | None]:
    """A worked solution whose steps go wrong with probability `slip` each; of these, `mend` are noticed and mended.

    What is not noticed is carried forward. Returns `(steps, answer)`; the answer is None where a slip led nowhere.
    """
    state, lines = family.begin(problem), []
    while (line := family.next_step(problem, state, rng)) is not None:
        wrong = family.slip(problem, state, rng) if rng.random() < slip else None
        noticed = wrong is not None and rng.random() < mend
        lines += [wrong, WAIT + line] if noticed else [wrong or line]
        _, state = family.follow(problem, state, line if noticed else wrong or line)
    return lines, family.conclude(problem, state)


def solution_to_mark(family: Family, problem: Problem, rng: random.Random) -> tuple[list[str], str | None]:
    """The beginning of a solution, and the line that follows it.

    The last line shown is a slip in half of all cases, and then "wait" follows with the step done rightly; otherwise
    the next step does, or None where the solution is finished. Raises ValueError for a family that makes no slips.
    """
    state, lines = family.begin(problem), []
    choices = []  # how many lines stand before a slip, the slip, and the state after the right line
    while (line := family.next_step(problem, state, rng)) is not None:
        wrong = family.slip(problem, state, rng)
        _, state = family.follow(problem, state, line)
        if wrong is not None:
            choices.append((len(lines), wrong, state))
        lines.append(line)
    if not choices:
        raise ValueError(f"{family.name} makes no slips that could be marked")
    before, wrong, after = rng.choice(choices)
    if rng.random() < 0.5:
        return [*lines[:before], wrong], WAIT + lines[before]
    return lines[: before + 1], family.next_step(problem, after, rng)
