"""A shell game: which cup is the ball under? k swaps need k steps, and a shallow network has no room for them."""

import random
import re
from collections.abc import Iterable
from itertools import combinations, product

from course.world.answers import normalize
from course.world.problem import Family, Problem

CUPS = 5
LONGEST_LISTED = 4  # swaps, up to which all problems are counted: 50,000
_QUESTIONS = (
    "Ball under cup {start}. Swap {swaps}. Which cup now?",
    "A ball is under cup {start}. Swap {swaps}. Where is it?",
    "Cup {start} hides a ball. Swap {swaps}. Where is the ball?",
)


class Cups(Family):
    """The level is the number of swaps, among five cups."""

    name = "cups"
    levels = (4, 5, 6, 7, 8, 9, 10)
    easy_levels = (1, 2, 3)
    unseen_levels = (11, 12)
    constant_answer = "1"

    def draw(self, rng: random.Random, level: int) -> Problem:
        """A cup to start from and `level` swaps of two different cups."""
        swaps = tuple(tuple(rng.sample(range(1, CUPS + 1), 2)) for _ in range(level))
        return ask(rng.randint(1, CUPS), swaps, rng.choice(_QUESTIONS))

    def keys(self, level: int) -> Iterable[str] | None:
        """One key for every start and every row of swaps, as far as there are not too many rows."""
        if level > LONGEST_LISTED:
            return None
        rows = product(combinations(range(1, CUPS + 1), 2), repeat=level)
        return (_key(start, swaps) for swaps in rows for start in range(1, CUPS + 1))

    def correct(self, problem: Problem, answer: str | None) -> bool:
        """Whether the answer is the cup's number, alone or as "cup 3"."""
        return normalize(answer).removeprefix("cup ") == problem.answer

    def begin(self, problem: Problem) -> tuple[int, int]:
        """Swaps done so far (-1: where the ball starts is not written yet) and where the ball is."""
        return -1, problem.given[0]

    def next_step(self, problem: Problem, state: tuple[int, int], rng: random.Random) -> str | None:
        """First where the ball starts, `start: 1`, then the next swap and the ball's cup after it, `1-4: 4`."""
        done, ball = state
        if done < 0:
            return f"start: {ball}"
        if done == len(problem.given[1]):
            return None
        swap = problem.given[1][done]
        return f"{swap[0]}-{swap[1]}: {after(swap, ball)}"

    def slip(self, problem: Problem, state: tuple[int, int], rng: random.Random) -> str | None:
        """A ball left behind, or moved by a swap that misses it."""
        (_, swaps), (done, ball) = problem.given, state
        if done < 0 or done == len(swaps):
            return None
        left, right = swaps[done]
        return f"{left}-{right}: {ball if ball in (left, right) else rng.choice((left, right))}"

    def follow(self, problem: Problem, state: tuple[int, int], step: str) -> tuple[bool, tuple[int, int]]:
        """Right if it is the next swap and the ball goes where that takes it from the cup last written."""
        (start, swaps), (done, ball) = problem.given, state
        if begun := re.fullmatch(r"start: ?([1-5])", step):
            return done < 0 and int(begun[1]) == start, (max(done, 0), int(begun[1]))
        found = re.fullmatch(r"([1-5]) ?- ?([1-5]): ?([1-5])", step)
        if found is None:
            return False, state
        left, right, now = (int(number) for number in found.groups())
        done = max(done, 0)
        expected = done < len(swaps) and {left, right} == set(swaps[done]) and now == after((left, right), ball)
        return expected, (done + 1, now)

    def conclude(self, problem: Problem, state: tuple[int, int]) -> str | None:
        """The ball's cup once every swap is done."""
        return str(state[1]) if state[0] >= len(problem.given[1]) else None


def ask(start: int, swaps: tuple[tuple[int, int], ...], phrasing: str = _QUESTIONS[0]) -> Problem:
    """The problem of following a ball from cup `start` through these swaps."""
    ball = start
    for swap in swaps:
        ball = after(swap, ball)
    question = phrasing.format(start=start, swaps=" ".join(f"{left}-{right}" for left, right in swaps))
    return Problem("cups", len(swaps), question, str(ball), (start, swaps), _key(start, swaps))


def _key(start: int, swaps: Iterable[tuple[int, int]]) -> str:
    return f"cups:{start}:" + ",".join("{}{}".format(*sorted(swap)) for swap in swaps)


def after(swap: tuple[int, int], ball: int) -> int:
    """Where a ball under cup `ball` is after two cups trade places."""
    left, right = swap
    return right if ball == left else left if ball == right else ball
