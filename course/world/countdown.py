"""Make 37 from 3, 5 and 8. There is no recipe for it: try an expression, check it, and try again."""

import random
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations, combinations_with_replacement

from course.world.answers import arithmetic, normalize
from course.world.problem import Family, Problem

LARGEST_NUMBER = {3: 12, 4: 9, 5: 9}  # by how many there are; three numbers up to 9 make too few problems
LARGEST_TARGET = 99
MOST_TRIES = {3: 6, 4: 4, 5: 3}  # tries in a written search, the last of which hits; they must fit in a reply
_QUESTIONS = (
    "Make {target} from {commas}.",
    "Use {commas} to make {target}.",
    "How can you get {target} from {commas}?",
    "Which sum with {commas} gives {target}?",
)


class Countdown(Family):
    """The level is how many numbers there are, 1 to 9 (of three, 1 to 12); each is used exactly once.

    Answers may use + - * / and brackets.
    """

    name = "countdown"
    levels = (3, 4)
    unseen_levels = (5,)
    constant_answer = "1"

    def draw(self, rng: random.Random, level: int) -> Problem:
        """Numbers and a target that one of `expressions` reaches."""
        while True:
            numbers = tuple(rng.randint(1, LARGEST_NUMBER[level]) for _ in range(level))
            expression, target = rng.choice(expressions(numbers))
            if 1 <= target <= LARGEST_TARGET:
                return ask(numbers, target, expression, rng.choice(_QUESTIONS))

    def keys(self, level: int) -> Iterable[str]:
        """One key for every choice of numbers and every target that one of `expressions` reaches."""
        for numbers in combinations_with_replacement(range(1, LARGEST_NUMBER[level] + 1), level):
            for target in {value for _, value in expressions(numbers)}:
                if 1 <= target <= LARGEST_TARGET:
                    yield _key(numbers, target)

    def correct(self, problem: Problem, answer: str | None) -> bool:
        """Whether the answer uses each number once and comes to the target; "= 34" may follow it."""
        expression, equals, claimed = normalize(answer).partition("=")
        if equals and claimed.strip() != str(problem.given[1]):
            return False
        return _reaches(expression, problem.given[0]) == problem.given[1]

    def begin(self, problem: Problem) -> tuple[tuple[str, ...], str | None]:
        """The expressions tried so far, and the one that hit."""
        return (), None

    def next_step(self, problem: Problem, state: tuple, rng: random.Random) -> str | None:
        """The next try, worked out and held against the target: `8*5+3=40+3=43 37? no`."""
        numbers, target = problem.given
        tried, hit = state
        if hit is not None:
            return None
        for expression in candidates(numbers, target, problem.answer):
            if expression not in tried:
                return work_out(expression, target)
        return None

    def follow(self, problem: Problem, state: tuple, step: str) -> tuple[bool, tuple]:
        """Right if it uses each number once, is worked out rightly, and says yes exactly where it hits."""
        numbers, target = problem.given
        found = re.fullmatch(r"([-+*/() 0-9]+(?:=[-+*/() 0-9]+)*)=( ?-?[0-9]{1,9}) ([0-9]{1,9})\? (yes|no)", step)
        if found is None:
            return False, state
        pieces = [*found[1].split("="), found[2]]
        values = [arithmetic(piece) for piece in pieces]
        same = None not in values and len({value for value, _ in values}) == 1 and int(found[3]) == target
        hits = int(found[2]) == target
        right = same and _reaches(pieces[0], numbers) is not None and hits == (found[4] == "yes")
        tried, hit = state
        return right, ((*tried, pieces[0]), pieces[0] if found[4] == "yes" else hit)

    def conclude(self, problem: Problem, state: tuple) -> str | None:
        """The expression that hit."""
        return state[1]


def ask(numbers: tuple[int, ...], target: int, expression: str | None = None, phrasing: str = _QUESTIONS[0]) -> Problem:
    """The problem of reaching a target with each of these numbers once.

    Raises ValueError if none of `expressions` reaches it.
    """
    if expression is None:
        hits = [text for text, value in expressions(tuple(numbers)) if value == target]
        if not hits:
            raise ValueError(f"no sum here makes {target} from {numbers}: take a target that one of them reaches")
        expression = hits[0]
    listed = [str(number) for number in numbers]
    question = phrasing.format(target=target, commas=", ".join(listed[:-1]) + " and " + listed[-1])
    return Problem("countdown", len(numbers), question, expression, (tuple(numbers), target), _key(numbers, target))


def _key(numbers: Iterable[int], target: int) -> str:
    return f"countdown:{target}:" + ",".join(str(number) for number in sorted(numbers))


def expressions(numbers: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    """The expressions a search tries, with their values: at most one product, written first, then + and -.

    >>> expressions((2, 3))
    (('3+2', 5), ('3-2', 1), ('3*2', 6))
    """
    return _expressions(tuple(sorted(numbers, reverse=True)))


@lru_cache(maxsize=4096)  # all choices of up to four numbers; drawing problems asks for each many times
def _expressions(ordered: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for pair in [None, *combinations(range(len(ordered)), 2)]:
        rest = [number for place, number in enumerate(ordered) if pair is None or place not in pair]
        if pair is None:
            head, value = str(rest[0]), rest.pop(0)
        else:
            head, value = "*".join(str(ordered[place]) for place in pair), ordered[pair[0]] * ordered[pair[1]]
        for minus in range(2 ** len(rest)):
            signed = [(-number if minus >> place & 1 else number) for place, number in enumerate(rest)]
            signed.sort(key=lambda number: number < 0)  # additions first, so that each expression has one spelling
            found.setdefault(head + "".join(f"{number:+d}" for number in signed), value + sum(signed))
    return tuple((text, value) for text, value in found.items() if value >= 0)


def candidates(numbers: tuple[int, ...], target: int, answer: str) -> list[str]:
    """What a search tries, in the order of `expressions`: the answer, and the misses that come nearest to the target.

    A fixed order, so that no try comes twice; the last ones are left out where a search would get too long.
    """
    options = expressions(numbers)
    misses = sorted((abs(value - target), text) for text, value in options if value != target)
    near = {text for _, text in misses[: MOST_TRIES[len(numbers)] - 1]}
    return [text for text, _ in options if text in near or text == answer]


def work_out(expression: str, target: int) -> str:
    """An expression worked out one operation at a time, held against the target.

    >>> work_out("8*5-3", 37)
    '8*5-3=40-3=37 37? yes'
    """
    pieces = [expression]
    while found := re.fullmatch(r"([0-9]+)([-+*])([0-9]+)(.*)", pieces[-1]):
        value, _ = arithmetic(found[1] + found[2] + found[3])
        pieces.append(f"{value}{found[4]}")
    return "=".join(pieces) + f" {target}? " + ("yes" if int(pieces[-1]) == target else "no")


def _reaches(expression: str, numbers: tuple[int, ...]) -> int | None:
    """The whole value of an expression that uses exactly these numbers, or None."""
    worked = arithmetic(expression)
    if worked is None or sorted(worked[1]) != sorted(numbers) or worked[0].denominator != 1:
        return None
    return int(worked[0])
