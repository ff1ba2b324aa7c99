"""Exercises that answer at once: `check("prompting.majority_vote", fn)` says right, not yet, or which classic mistake.

A chapter's exercises stand in the module of its name. `task(name)` shows what is asked, with hints and the
solution folded up; `check(name, attempt)` tries an attempt on a few inputs, smallest first, and returns the function
(or value) to go on with: the learner's if it is right, else the reference, so that a notebook runs on. It never
raises, whatever the attempt does, and the same attempt always gets the same reply.
"""

import contextlib
import copy
import inspect
import math
import numbers
import random
import reprlib
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import torch

from course.contents import part, with_part
from course.teach import progress

NOT_ATTEMPTED = "not attempted yet (the notebook goes on with the reference)"
_short = reprlib.Repr()
_short.maxlist, _short.maxtuple, _short.maxstring, _short.maxother = 12, 12, 160, 120


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people give: a function, or a value, and what to tell them."""

    wrong: Any
    diagnosis: str


@dataclass(frozen=True)
class Exercise:
    """A task, a reference that solves it, and the mistakes to recognize.

    A function is tried on `inputs`, each the arguments of one call, smallest first. Without inputs the exercise asks
    for a value, and a wrong value is never told the right one.
    """

    name: str  # "chapter.what", as `check` gets it
    title: str
    text: str  # what to do, as plain text; a blank line begins a paragraph
    difficulty: int  # 1 to 5
    importance: int  # 1 to 5
    minutes: int  # of a learner
    hints: tuple[str, ...]
    reference: Any
    mistakes: tuple[Mistake, ...]
    inputs: tuple[tuple, ...] = ()
    why: str = ""  # for a value: why it is right, shown with the solution and after a right answer

    @property
    def solution(self) -> str:
        """The source of the reference, or its value and the reason for it."""
        if self.inputs:
            return textwrap.dedent(inspect.getsource(self.reference)).rstrip()
        return f"{self.reference!r}"


class Task:
    """What an exercise asks, with its hints and its solution folded up; shows itself in a notebook and on a page."""

    def __init__(self, exercise: Exercise, solution: bool = True):
        self.exercise, self.solution = exercise, solution

    def __repr__(self) -> str:
        one = self.exercise
        return f"Exercise {one.name}: {one.title} ({_facts(one)})\n{one.text}"

    def _repr_html_(self) -> str:
        one = self.exercise
        hints = "".join(_folded(f"Hint {number}", escape(hint)) for number, hint in enumerate(one.hints, 1))
        why = f"<p>{escape(one.why)}</p>" if one.why else ""
        code = f"<pre><code>{escape(one.solution)}</code></pre>"
        solution = _folded("Solution", f"{code}{why}") if self.solution else ""
        paragraphs = "".join(
            f'<p style="white-space:pre-line">{escape(paragraph)}</p>' for paragraph in one.text.split("\n\n")
        )
        return (
            '<div style="border:1px solid rgba(128,128,128,.5);border-radius:6px;padding:.2em .8em;max-width:60em">'
            f"<p><strong>Exercise: {escape(one.title)}</strong><br><small>{_facts(one)}</small></p>"
            f"{paragraphs}{hints}{solution}</div>"
        )


def task(name: str, solution: bool = True) -> Task:
    """The task of an exercise, with hints and solution folded up, or with hints alone.

    Raises ValueError for an unknown name.
    """
    return Task(find(name), solution)


def check(name: str, attempt: Any) -> Any:
    """Try an attempt, print what there is to say, and return what to go on with: the attempt if right, else the
    reference.

    An attempt is noted in the progress file. Raises ValueError for an unknown name, and nothing else.
    """
    exercise = find(name)
    right, message = assess(exercise, attempt)
    print(f"{name}: {message}")
    if message != NOT_ATTEMPTED and (trouble := progress.note(name, right)):
        print(trouble)
    return attempt if right else exercise.reference


def assess(exercise: Exercise, attempt: Any) -> tuple[bool, str]:
    """Whether an attempt solves an exercise, and the message for the learner."""
    if not exercise.inputs:
        attempt = _as_an_option(exercise, attempt)
    given = outcomes(attempt, exercise.inputs)
    if _untouched(attempt) or all(_untouched(one) for one in given):
        return False, NOT_ATTEMPTED
    wanted = outcomes(exercise.reference, exercise.inputs)
    differs = [place for place, pair in enumerate(zip(given, wanted, strict=True)) if not same(*pair)]
    if not differs:
        return True, " ".join(["right!", exercise.why]).strip()
    for mistake in exercise.mistakes:
        known = outcomes(mistake.wrong, exercise.inputs)
        if all(same(*pair) for pair in zip(given, known, strict=True)):
            return False, f"not yet. {mistake.diagnosis}{_shown(exercise, given, wanted, differs[0])}"
    return False, f"not yet.{_shown(exercise, given, wanted, differs[0]) or ' That is none of the values it could be.'}"


def _as_an_option(exercise: Exercise, value: Any) -> Any:
    """The option that a text names in capital or small letters, with or without spaces around it."""
    if not isinstance(value, str):
        return value
    options = (exercise.reference, *(mistake.wrong for mistake in exercise.mistakes))
    named = (one for one in options if isinstance(one, str) and one.casefold() == value.strip().casefold())
    return next(named, value)


def find(name: str) -> Exercise:
    """The exercise called `name`. Raises ValueError naming those of its chapter, or the chapters."""
    chapter = name.partition(".")[0]
    if chapter not in chapters():
        raise ValueError(f"unknown exercise {name!r}: its chapter is one of {', '.join(chapters())}")
    known = {exercise.name: exercise for exercise in of_chapter(chapter)}
    if name not in known:
        raise ValueError(f"unknown exercise {name!r}: choose one of {', '.join(known)}")
    return known[name]


def chapters() -> tuple[str, ...]:
    """The chapters that have exercises, in the course's order."""
    return with_part("exercises")


def of_chapter(chapter: str) -> tuple[Exercise, ...]:
    """The exercises of a chapter, in the order in which they come."""
    return part(chapter, "exercises").EXERCISES


@dataclass(frozen=True)
class Raised:
    """The exception in which a call ended, by its kind and its text."""

    kind: str
    text: str


def outcomes(attempt: Any, inputs: Sequence[tuple]) -> list[Any]:
    """What an attempt gives for each input; without inputs, the attempt itself. Exceptions are outcomes too."""
    if not inputs:
        return [attempt]
    with _same_draws():
        return [_call(attempt, one) for one in inputs]


@contextlib.contextmanager
def _same_draws() -> Iterator[None]:
    """Begin all random numbers anew, so that an attempt that draws gets the same reply again; then put them back."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (the generator a learner's code would draw from)
    torch.default_generator.manual_seed(0)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])


def _call(function: Any, arguments: tuple) -> Any:
    try:
        return function(*copy.deepcopy(arguments))  # a copy, or one call could change the next one's input
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the learner's code may end in anything, SystemExit too
        with contextlib.suppress(Exception):
            return Raised(type(error).__name__, str(error))
        return Raised(type(error).__name__, "")


def same(mine: Any, other: Any) -> bool:
    """Whether two outcomes agree: numbers to six digits, lists and tuples and arrays item by item, errors by kind."""
    try:
        mine, other = _bare(mine), _bare(other)
        if isinstance(mine, Raised) or isinstance(other, Raised):
            return isinstance(mine, Raised) and isinstance(other, Raised) and mine.kind == other.kind
        if isinstance(mine, numbers.Real) and isinstance(other, numbers.Real):
            neither = mine != mine and other != other  # not a number, on both sides
            return neither or math.isclose(mine, other, rel_tol=1e-6, abs_tol=1e-9)
        if isinstance(mine, list | tuple) and isinstance(other, list | tuple):
            return len(mine) == len(other) and all(map(same, mine, other))
        return type(mine) is type(other) and bool(mine == other)
    except Exception:  # values that refuse to be compared are not the same
        return False


def _bare(value: Any) -> Any:
    """Arrays and tensors as lists and numbers, inside lists and tuples too; anything else as it is."""
    if isinstance(value, list | tuple):
        return type(value)(map(_bare, value)) if type(value) in (list, tuple) else value
    return value.tolist() if type(value).__module__.split(".")[0] in ("numpy", "torch") else value


def _untouched(outcome: Any) -> bool:
    return outcome is None or outcome is ... or (isinstance(outcome, Raised) and outcome.kind == "NotImplementedError")


def _shown(exercise: Exercise, given: list, wanted: list, place: int) -> str:
    """The smallest input that shows it: what came, and what should have come. Of a value nothing is shown."""
    if not exercise.inputs:
        return ""
    called = ", ".join(_text(argument) for argument in exercise.inputs[place])
    return f"\n  for ({called})\n  yours gives  {_text(given[place])}\n  it should be {_text(wanted[place])}"


def _text(value: Any) -> str:
    if isinstance(value, Raised):
        return f"an error: {value.kind}: {_short.repr(value.text)}"
    try:
        return _short.repr(_bare(value))
    except Exception:  # a value of the learner's own that cannot be shown
        return f"something of type {type(value).__name__}"


def _facts(one: Exercise) -> str:
    return f"difficulty {one.difficulty} of 5, importance {one.importance} of 5, about {one.minutes} minutes"


def _folded(title: str, inside: str) -> str:
    return f"<details><summary>{title}</summary>{inside}</details>"
