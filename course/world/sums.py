"""What is 8+7+3+4+9+6? One pass through the network is not enough for a long sum; a running total makes it easy."""

import random
import re
from collections.abc import Iterable
from itertools import combinations_with_replacement

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

    def keys(self, level: int) -> Iterable[str]:
        """One key for every choice of terms, the order left out."""
        return map(_key, combinations_with_replacement(range(1, LARGEST_TERM + 1), level))

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

    def slip(self, problem: Problem, state: tuple, rng: random.Random) -> str | None:
        """A total off by one, two or ten."""
        total, left = state[0] or 0, state[1]
        if not left:
            return None
        result = total + left[0]
        off = rng.choice([off for off in (1, -1, 1, -1, 2, -2, 10, -10) if result + off >= 0])
        return f"{total}+{left[0]}={result + off}"

    def follow(self, problem: Problem, state: tuple, step: str) -> tuple[bool, tuple]:
        """Right if it adds a term not yet used to the total as last written, whatever the order.

        The first step may add a term to 0, or two terms. A wrong step uses up the terms it names, too.
        """
        found = re.fullmatch(r"([0-9]{1,6}) ?\+ ?([0-9]{1,6}) ?= ?([0-9]{1,6})", step)
        if found is None:
            return False, state
        first, second, result = (int(number) for number in found.groups())
        allowed, left = _use(*state, first, second)
        return allowed and first + second == result, (result, left)

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
    return Problem("sums", len(terms), question, str(sum(terms)), tuple(terms), _key(terms))


def _key(terms: Iterable[int]) -> str:
    return "sums:" + ",".join(str(term) for term in sorted(terms))


def _use(total: int | None, left: tuple[int, ...], first: int, second: int) -> tuple[bool, tuple[int, ...]]:
    """Whether a step may add these two numbers, and the terms that are left after it."""
    carried = total or 0
    for one, other in ((first, second), (second, first)):
        if one == carried and other in left:
            return True, _without(left, [other])
    named = [first, second]
    if carried in named:  # the total is no term, even where a term is as large
        named.remove(carried)
    rest = _without(left, named)
    return total is None and len(rest) == len(left) - 2, rest


def _without(left: tuple[int, ...], used: list[int]) -> tuple[int, ...]:
    """The terms left once these are used; numbers that are no terms change nothing."""
    rest = list(left)
    for term in used:
        if term in rest:
            rest.remove(term)
    return tuple(rest)
