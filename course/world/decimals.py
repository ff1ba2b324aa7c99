"""Is 9.11 greater than 9.8? As a number, no; as a version of a program, yes. The small web holds both."""

import random
import re
from decimal import Decimal

from course.world.answers import normalize
from course.world.problem import Family, Problem

_QUESTIONS = ("Is {left} greater than {right}?", "Is {left} larger than {right}?", "Is {left} more than {right}?")
_NUMBER = r"[0-9]{1,6}\.[0-9]{1,6}"


class Decimals(Family):
    """Level 1: both numbers have as many decimals; level 2: they do not; level 3: up to five decimals."""

    name = "decimals"
    levels = (1, 2)
    unseen_levels = (3,)
    constant_answer = "yes"

    def draw(self, rng: random.Random, level: int) -> Problem:
        """Two different decimals, mostly with the same whole part."""
        while True:
            lengths = _lengths(rng, level)
            whole = rng.randint(0, 20)
            other = whole if rng.random() < 0.85 else rng.randint(0, 20)
            left, right = (f"{part}.{_fraction(rng, size)}" for part, size in zip((whole, other), lengths, strict=True))
            if Decimal(left) != Decimal(right) and (level == 1 or rng.random() < 0.25 or read_as_versions(left, right)):
                return ask(left, right, rng.choice(_QUESTIONS))

    def correct(self, problem: Problem, answer: str | None) -> bool:
        """Whether the answer is the right one of "yes" and "no"."""
        return normalize(answer) == problem.answer

    def begin(self, problem: Problem) -> tuple[str, str, int, str]:
        """Both numbers at equal length, how many parts are compared (-1: not written out yet), and the verdict."""
        left, right = problem.given
        return *pad(left, right), -1, "="

    def next_step(self, problem: Problem, state: tuple[str, str, int, str], rng: random.Random) -> str | None:
        """First both at equal length, `9.11 vs 9.80`, then part by part, `9=9`, `1<8`, until one differs."""
        left, right, compared, verdict = state
        if compared < 0:
            return f"{left} vs {right}"
        pairs = _parts(left, right)
        if verdict != "=" or compared == len(pairs):
            return None
        mine, other = pairs[compared]
        return f"{mine}{sign(mine, other)}{other}"

    def slip(self, problem: Problem, state: tuple[str, str, int, str], rng: random.Random) -> str | None:
        """A comparison turned round, or a difference overlooked."""
        left, right, compared, verdict = state
        pairs = _parts(left, right)
        if compared < 0 or verdict != "=" or compared == len(pairs):
            return None
        mine, other = pairs[compared]
        return f"{mine}{rng.choice([wrong for wrong in '<=>' if wrong != sign(mine, other)])}{other}"

    def follow(self, problem: Problem, state: tuple, step: str) -> tuple[bool, tuple]:
        """Right if it writes both numbers at equal length, or compares the next two parts as last written.

        More zeros than are needed, `9.110 vs 9.800`, change nothing.
        """
        left, right, compared, verdict = state
        found = re.fullmatch(rf"({_NUMBER}) vs ({_NUMBER})", step)
        if found and compared < 0:
            return _same_at_equal_length(found.groups(), problem.given), (*pad(*found.groups()), 0, "=")
        found = re.fullmatch(r"([0-9]{1,6}) ?([<=>]) ?([0-9]{1,6})", step)
        pairs = _parts(left, right)
        compared = max(compared, 0)
        if found is None or verdict != "=" or compared == len(pairs):
            return False, state
        numbers = int(found[1]), int(found[3])
        right_step = numbers == pairs[compared] and found[2] == sign(*numbers)
        return right_step, (left, right, compared + 1, found[2])

    def conclude(self, problem: Problem, state: tuple[str, str, int, str]) -> str | None:
        """Yes or no, once a part differed."""
        return {"=": None, ">": "yes", "<": "no"}[state[3]]


def ask(left: str, right: str, phrasing: str = _QUESTIONS[0]) -> Problem:
    """The problem of comparing two decimals, such as "9.11" and "9.8".

    Raises ValueError if one is not written with a decimal point, or both are the same number.
    """
    if not all(re.fullmatch(_NUMBER, number) for number in (left, right)) or Decimal(left) == Decimal(right):
        raise ValueError(f"cannot compare {left!r} and {right!r}: give two different numbers such as 9.11 and 9.8")
    lengths = [len(number.split(".")[1]) for number in (left, right)]
    level = 3 if max(lengths) > 3 else 1 if lengths[0] == lengths[1] else 2
    key = "decimals:" + ":".join(sorted((left, right)))
    question = phrasing.format(left=left, right=right)
    return Problem("decimals", level, question, "yes" if Decimal(left) > Decimal(right) else "no", (left, right), key)


def pad(left: str, right: str) -> tuple[str, str]:
    """Both numbers with as many decimals as the longer one has.

    >>> pad("9.11", "9.8")
    ('9.11', '9.80')
    """
    (whole, fraction), (other_whole, other_fraction) = left.split("."), right.split(".")
    size = max(len(fraction), len(other_fraction))
    return f"{whole}.{fraction.ljust(size, '0')}", f"{other_whole}.{other_fraction.ljust(size, '0')}"


def sign(left: int, right: int) -> str:
    """How two whole numbers compare: `<`, `=` or `>`."""
    return "<" if left < right else ">" if left > right else "="


def read_as_versions(left: str, right: str) -> bool:
    """Whether taking both for version numbers (9.11 after 9.8) turns the comparison round."""
    versions = [tuple(int(part) for part in number.split(".")) for number in (left, right)]
    return (versions[0] > versions[1]) != (Decimal(left) > Decimal(right))


def _same_at_equal_length(written: tuple[str, ...], given: tuple[str, ...]) -> bool:
    same = all(Decimal(mine) == Decimal(theirs) for mine, theirs in zip(written, given, strict=True))
    return same and len({len(number.split(".")[1]) for number in written}) == 1


def _parts(left: str, right: str) -> list[tuple[int, int]]:
    """What is compared, in order: the whole parts, then the decimals one by one."""
    (whole, fraction), (other_whole, other_fraction) = left.split("."), right.split(".")
    digits = zip(fraction, other_fraction, strict=True)
    return [(int(whole), int(other_whole)), *((int(mine), int(other)) for mine, other in digits)]


def _lengths(rng: random.Random, level: int) -> tuple[int, int]:
    if level == 1:
        return (rng.choice((1, 2, 2, 3)),) * 2
    return (
        tuple(rng.sample((1, 2, 3) if level == 2 else (1, 2, 3, 4, 5), 2))
        if level == 2
        else tuple(rng.sample((3, 4, 5), 2))
    )


def _fraction(rng: random.Random, size: int) -> str:
    """Decimals without a zero at the end, which would only be padding already done."""
    return "".join(str(rng.randint(0, 9)) for _ in range(size - 1)) + str(rng.randint(1, 9))
