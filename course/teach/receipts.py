"""Receipts: a learner's progress in one file to hand in, and the table that a teacher makes of many such files.

A receipt is plain JSON that anybody can write or change: it shows progress, and it proves nothing. A folder of receipts
was written by others, so every field is checked before it is used; a file that is wrong is named and left out.
"""

import csv
import io
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from course._files import write_whole
from course._version import installed
from course.contents import part, with_part
from course.teach import progress

FORGED = "Receipts are plain files that anybody can write or change: they show progress, and they prove nothing."
KIND = "think-step-by-step receipt"
LARGEST = 1_000_000  # bytes; a receipt has some ten thousand
MOST = 100_000  # attempts
FORMULA = tuple("=+-@\t\r＝＋－＠")  # how a cell begins that a spreadsheet would run


@dataclass(frozen=True)
class Receipt:
    """What one file says, checked."""

    file: str
    name: str  # as the learner chose it
    version: str  # of the library
    made: str
    solved: dict[str, bool]  # by exercise that was tried
    attempts: dict[str, int]
    quizzes: dict[str, int]  # right answers of the best try
    strange: tuple[str, ...] = ()  # exercises and quizzes that this version of the course does not have


def receipt(name: str, folder: str | Path = ".") -> Path:
    """Write `receipt-NAME.json`: every exercise and quiz that was tried, when, and how it went. Returns its path.

    `name` is what your teacher knows you by. It says nothing of hints: those are folded in the page, where Python does
    not see who opens them. Raises ValueError for a name that cannot be shown and for damaged progress, OSError if the
    file cannot be written.
    """
    _text(name, "the name")
    known, now = progress.known(), datetime.now(UTC).isoformat(timespec="seconds")
    exercises = {
        one: {"solved": known["solved"].get(one), **known["tries"].get(one, {"attempts": 1})}
        for one in sorted(known["solved"] | known["tries"])
    }
    content = {"kind": KIND, "note": FORGED, "name": name.strip(), "version": installed(), "made": now}
    letters = re.sub(r"[^\w-]+", "-", name).strip("-")[:60]
    path = Path(folder) / f"receipt-{letters or 'learner'}.json"
    content |= {"exercises": exercises, "quizzes": known["quizzes"]}
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def read(path: Path) -> Receipt:
    """A receipt, with every field checked. Raises ValueError that says what is wrong with it."""
    found = _load(path)
    exercises, quizzes = _entries(found, "exercises"), _entries(found, "quizzes")
    names, chapters = set(_exercises()), set(with_part("quiz"))
    strange = sorted(map(_plain, (exercises.keys() - names) | (quizzes.keys() - chapters)))
    tried = {name: exercises[name] for name in exercises.keys() & names}
    return Receipt(
        file=_plain(path.name),
        name=_text(found.get("name"), "the name"),
        version=_text(found.get("version"), "the version"),
        made=_day(found.get("made"), "the time it was made"),
        solved={name: one.get("solved") is not None and bool(_day(one["solved"], name)) for name, one in tried.items()},
        attempts={name: _count(one.get("attempts"), f"attempts at {name}", MOST) for name, one in tried.items()},
        quizzes={name: _points(name, quizzes[name]) for name in quizzes.keys() & chapters},
        strange=tuple(strange),
    )


def _load(path: Path) -> dict:
    """The JSON object of a receipt. Raises ValueError for anything else, however large or deep."""
    if not path.is_file():
        raise ValueError("it is no file")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON that can be read") from error
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise ValueError("it is no receipt of this course")
    return found


def read_all(folder: Path) -> tuple[list[Receipt], list[str]]:
    """The receipts among the JSON files of a folder, by name, and a line about each thing that a teacher should know.

    Raises ValueError if it is no folder, or if there is no JSON file in it.
    """
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not paths:
        raise ValueError(f"there are no receipts, files that end in .json, in {folder}")
    receipts, lines, files = [], [], {}
    for path in paths:
        try:
            one = read(path)
        except (ValueError, OSError) as error:
            lines.append(_plain(f"{path.name} is left out: {error}"))
            continue
        receipts.append(one)
        files.setdefault(_same_name(one.name), []).append(one.file)
        if one.strange:
            lines.append(f"{one.file} names what this version of the course does not have: {one.strange[0]}, ...")
    doubles = [" and ".join(several) for several in files.values() if several[1:]]
    lines += [f"{several} have the same name; each has a row" for several in doubles]
    return sorted(receipts, key=lambda one: (_same_name(one.name), one.file)), lines


def rows(receipts: list[Receipt]) -> list[list[str | int]]:
    """The teacher's table: a heading, then a row for each receipt.

    An exercise is 1 if solved, 0 if tried and not solved, empty if not tried; a quiz is its number of right answers.
    """
    exercises, quizzes = _exercises(), with_part("quiz")
    totals = ["exercises solved", "attempts", "quiz answers right"]
    table = [["name", "file", "version", "made", *totals, *exercises, *(f"quiz {chapter}" for chapter in quizzes)]]
    for one in receipts:
        marks = [int(one.solved[name]) if name in one.solved else "" for name in exercises]
        points = [one.quizzes.get(chapter, "") for chapter in quizzes]
        sums = [sum(one.solved.values()), sum(one.attempts.values()), sum(one.quizzes.values())]
        table.append([*map(_cell, (one.name, one.file, one.version, one.made)), *sums, *marks, *points])
    return table


def write_csv(receipts: list[Receipt], path: Path) -> None:
    """Write the teacher's table for any spreadsheet: no cell in it is a formula. Raises OSError if it cannot."""
    text = io.StringIO()
    csv.writer(text).writerows(rows(receipts))
    write_whole(path, text.getvalue().encode("utf-8-sig"))  # with the mark by which Excel knows UTF-8


def _cell(text: str) -> str:
    """A text that a spreadsheet shows and does not run."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _plain(text: str) -> str:
    """A text from elsewhere as it may be printed: without what moves the cursor, and not long."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


def _same_name(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _entries(found: dict, what: str) -> dict[str, dict]:
    entries = found.get(what)
    if not isinstance(entries, dict) or not all(isinstance(one, dict) for one in entries.values()):
        raise ValueError(f"its {what} are not what a receipt has there")
    return entries


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 100 or not value.isprintable():
        raise ValueError(f"{what} should be text of one to a hundred letters")
    return value.strip()


def _count(value: Any, what: str, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{what} should be a number from 0 to {most}")
    return value


def _day(value: Any, what: str) -> str:
    """The day of a date or of a time, as 2026-11-28."""
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except (ValueError, TypeError) as error:
        raise ValueError(f"{what} should have a day such as 2026-11-28") from error


def _points(chapter: str, one: dict) -> int:
    """The right answers of the best try at a quiz."""
    return _count(one.get("best"), f"right answers of the quiz of {chapter}", len(part(chapter, "quiz").QUESTIONS))


def _exercises() -> list[str]:
    """The names of all exercises of this version, in the course's order."""
    return [one.name for chapter in with_part("exercises") for one in part(chapter, "exercises").EXERCISES]
