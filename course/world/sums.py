"""What is 8+7+3+4+9+6? Too many carries for one pass through the network; a running total needs none."""

import random
import re

from course.world.answers import whole_number
from course.world.problem import Family, Problem

LARGEST_TERM = 9
_QUESTIONS = ("What is {plus}?", "What is {spaced}?", "Add {commas}.", "{plus}=?", "What do {commas} add up to?")


class Sums(Family):
    """The level is the number of terms, each from 1 to 9."""

    name = "sums"
    levels = (5, 6, 7, 8, 9, 10)
    easy_levels = (2, 3, 4)
    unseen_levels = (11, 12)
    constant_answer = "35"

    def draw(self, rng: random.Random, level: int) -> Problem:
        """`level` terms in any order."""
        return ask(tuple(rng.randint(1, LARGEST_TERM) for _ in range(level)), rng.choice(_QUESTIONS))

    def correct(self, problem: Problem, answer: str | None) -> bool:
        """Whether the answer is the total, in digits."""
        return whole_number(answer) == int(problem.answer)

    def begin(self, problem: Problem) -> tuple[int | None, tuple[int, ...]]:
        """The total so far (None before the first step) and the terms not yet added."""
        return None, problem.given

    def next_step(self, problem: Problem, state: tuple, rng: random.Random) -> str | None:
        """The running total, 0 at first, and the next term: `15+3=18`."""
        total, left = state
        return f"{total or 0}+{left[0]}={(total or 0) + left[0]}" if left else None

    def follow(self, problem: Problem, state: tuple, step: str) -> tuple[bool, tuple]:
        """Right if it adds a term not yet used to the total as last written, whatever the order.

        The first step may add a term to 0, or two terms.
        """
        found = re.fullmatch(r"([0-9]{1,6}) ?\+ ?([0-9]{1,6}) ?= ?([0-9]{1,6})", step)
        if found is None:
            return False, state
        first, second, result = (int(number) for number in found.groups())
        total, left = state
        used = _pair_used(total, list(left), first, second)
        left = list(left)
        for term in used or [second]:
            if term in left:
                left.remove(term)
        return used is not None and first + second == result, (result, tuple(left))

    def conclude(self, problem: Problem, state: tuple) -> str | None:
        """The total once every term is in it."""
        total, left = state
        return None if left or total is None else str(total)


def ask(terms: tuple[int, ...], phrasing: str = _QUESTIONS[0]) -> Problem:
    """The problem of adding these whole numbers."""
    numbers = [str(term) for term in terms]
    question = phrasing.format(
        plus="+".join(numbers), spaced=" + ".join(numbers), commas=", ".join(numbers[:-1]) + " and " + numbers[-1]
    )
    key = "sums:" + ",".join(str(term) for term in sorted(terms))
    return Problem("sums", len(terms), question, str(sum(terms)), tuple(terms), key)


def _pair_used(total: int | None, left: list[int], first: int, second: int) -> list[int] | None:
    """The unused terms a step adds, or None if it adds anything else."""
    for carried, term in ((first, second), (second, first)):
        if carried == (total or 0) and term in left:
            return [term]
    both = left.count(first) >= 1 + (first == second) and second in left
    return [first, second] if total is None and both else None
