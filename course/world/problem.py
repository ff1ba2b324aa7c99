"""Problems with exact answers, and how worked solutions are written and checked step by step.

A family describes a solution as a small machine: `begin` gives the state before the first step, `next_step`
writes the step that comes next, `follow` reads a step and says whether it was right and which state it leads to,
`conclude` turns the last state into an answer. Writing solutions, planting slips and checking the steps of a model's
reply are then the same loop, written here once.
"""

import hashlib
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from course.world.answers import normalize

SPLITS = ("train", "dev", "test")
RESERVED = frozenset({"letters:strawberry:r", "decimals:9.11:9.8"})  # asked in notebooks, never trained on
WAIT = "wait "  # how the world begins a line that does the line before it again; a model may write it otherwise
_WAIT = re.compile(r"wait(?![\w'])[ ,]*")  # the word, and not the beginning of "waiter"


@dataclass(frozen=True)
class Problem:
    """A question with its exact answer.

    `given` holds what the question is about in the family's own terms (a word and a letter, the terms of a sum),
    `key` names the same thing without phrasing, names and the order of operands, so that equal problems share it.
    """

    family: str
    level: int
    question: str
    answer: str
    given: tuple
    key: str


def is_again(line: str) -> bool:
    """Whether a line starts with the word "wait", and so does the line before it again."""
    return _WAIT.match(line.lower()) is not None


def split_of(key: str) -> str:
    """The split a problem belongs to, by a hash of what it asks: 80 % train, 10 % dev, 10 % test."""
    if key in RESERVED:
        return "test"
    bucket = hashlib.blake2b(key.encode(), digest_size=2).digest()[0] % 10
    return "dev" if bucket == 8 else "test" if bucket == 9 else "train"


class Family(ABC):
    """One kind of problem that a program can draw, solve and check step by step.

    Levels are small whole numbers that say how hard a problem is; `rng` is a `random.Random`.
    """

    name: str
    levels: tuple[int, ...]  # the standard mix: what `level=None` draws, evenly
    easy_levels: tuple[int, ...] = ()  # also in the corpus, not in the standard mix
    unseen_levels: tuple[int, ...] = ()  # in neither: longer chains, unseen words
    constant_answer: str  # the best answer for somebody who does not read the question

    @abstractmethod
    def draw(self, rng: random.Random, level: int) -> Problem:
        """A problem of this level, of any split."""

    def keys(self, level: int) -> Iterable[str] | None:
        """The key of every problem that `draw` can give at this level, or None if there are too many to list."""
        return None

    @abstractmethod
    def correct(self, problem: Problem, answer: str | None) -> bool:
        """Whether this answer says exactly what was asked for; any text is safe, and None is wrong."""

    @abstractmethod
    def begin(self, problem: Problem) -> Any:
        """The state of a solution before its first step."""

    @abstractmethod
    def next_step(self, problem: Problem, state: Any, rng: random.Random) -> str | None:
        """The line a careful solver writes next, or None when it is done."""

    @abstractmethod
    def follow(self, problem: Problem, state: Any, step: str) -> tuple[bool, Any]:
        """Whether this line follows from the problem and the state, and the state it leads to, as written."""

    def slip(self, problem: Problem, state: Any, rng: random.Random) -> str | None:
        """The next step with a wrong result: readable, and wrong by itself and the lines before it.

        None where a step has no such slip, and in families that have none.
        """
        return None

    @abstractmethod
    def conclude(self, problem: Problem, state: Any) -> str | None:
        """The answer a solution ends in, or None if it has not come to one."""

    def solution(self, problem: Problem, rng: random.Random | None = None) -> list[str]:
        """A worked solution without slips, one step a line."""
        return solve(self, problem, rng or random.Random(0))[0]

    def check_steps(self, problem: Problem, steps: list[str]) -> list[bool]:
        """Which of these steps follow from the problem and the lines before them, as written.

        An error carried forward correctly is right. A line that starts with the word "wait" does the line before it
        again. A line that cannot be read is wrong and leaves everything as it was.
        """
        return self.read(problem, steps)[0]

    def leads_to(self, problem: Problem, steps: list[str], answer: str | None) -> bool:
        """Whether these steps, right or wrong, come to an end, and the answer is what they come to."""
        concluded = self.conclude(problem, self.read(problem, steps)[1])
        return concluded is not None and answer is not None and normalize(answer) == normalize(concluded)

    def read(self, problem: Problem, steps: list[str]) -> tuple[list[bool], Any]:
        """Which of these steps are right, as `check_steps` says, and the state that the last one leads to."""
        verdicts, state = [], self.begin(problem)
        before = state
        for line in steps:
            text = " ".join(line.lower().split())
            if again := _WAIT.match(text):
                text, state = text[again.end() :], before
            ok, after = self.follow(problem, state, text)
            before, state = state, after
            verdicts.append(ok)
        return verdicts, state


def solve(family: Family, problem: Problem, rng: random.Random, slip: float = 0.0, mend: float = 0.0):
    """Write a worked solution of a problem, and the answer it ends in.

    With probability `slip` one step goes wrong (its last number is off by one); with probability `mend` the slip
    is noticed and the next line says "wait" and does the step again, otherwise it is carried forward.

    Returns `(steps, answer)`; the answer is None where a slip led nowhere.
    """
    state, lines = family.begin(problem), []
    slip_at = rng.randrange(8) if rng.random() < slip else None
    while (line := family.next_step(problem, state, rng)) is not None:
        if len(lines) == slip_at and (wrong := _off_by_one(line, rng)) is not None:
            lines.append(wrong)
            if rng.random() < mend:
                line = WAIT + line
            else:
                _, state = family.follow(problem, state, wrong)
                slip_at = None
                continue
            slip_at = None
        _, state = family.follow(problem, state, line.removeprefix(WAIT))
        lines.append(line)
    return lines, family.conclude(problem, state)


def _off_by_one(line: str, rng: random.Random) -> str | None:
    found = re.search(r"[0-9]+(?=[^0-9]*$)", line)
    if found is None:
        return None
    value = int(found.group())
    wrong = value + 1 if value == 0 or rng.random() < 0.5 else value - 1
    return line[: found.start()] + str(wrong) + line[found.end() :]
