"""Progress: the exercises that a reader has tried and solved, kept in one JSON file in the home folder.

In Colab that folder goes with the session: `progress.keep_in("/content/drive/MyDrive")` keeps the file on Drive.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from course._files import write_whole
from course.contents import part, with_part

PATIENCE = 10.0  # seconds to wait for another notebook that notes something; a lock that is older was left behind
Known = dict[str, dict[str, Any]]  # what the file says: see `known`


def path() -> Path:
    """The progress file: in the folder that the environment names as `COURSE_HOME`, else in one under home.

    Raises ValueError where there is neither.
    """
    try:
        folder = Path(os.environ.get("COURSE_HOME") or Path.home() / ".think-step-by-step")
    except RuntimeError as error:  # no HOME, and a user nobody knows, as in some containers
        raise ValueError("there is no home folder: name one for your progress as COURSE_HOME") from error
    return folder / "progress.json"


def keep_in(folder: str | Path) -> Path:
    """Keep progress in this folder from now on, such as one on a mounted Drive, and bring along what there is.

    It lasts as long as the kernel does. Returns the progress file. Raises ValueError if there is no such folder, if
    files cannot be written in it, or if either progress file is damaged; progress then stays where it was.
    """
    place, before = Path(folder).expanduser(), os.environ.get("COURSE_HOME")
    if not place.is_dir():
        mount = "from google.colab import drive; drive.mount('/content/drive')"
        hint = f"mount Drive first: `{mount}`" if place.is_relative_to("/content/drive") else "make it first"
        raise ValueError(f"there is no folder {place} to keep your progress in: {hint}")
    here = known()
    os.environ["COURSE_HOME"] = str(place.resolve())
    try:
        _change(lambda there: _together(here, there))
    except (OSError, ValueError) as error:
        os.environ.pop("COURSE_HOME")
        os.environ.update({"COURSE_HOME": before} if before else {})
        raise ValueError(
            f"your progress stays in {path().parent}, since it cannot be kept in {place}: {error}"
        ) from error
    return path()


def known() -> Known:
    """What was noted: `solved` (exercise, day), `tries` (exercise, attempts, first and last) and `quizzes` (chapter,
    right answers of the first try and the best, tries, last).

    Raises ValueError if the file is damaged.
    """
    try:
        found = json.loads(path().read_text(encoding="utf-8"))
        quizzes, tries = found.get("quizzes", {}), found.get("tries", {})
        return {
            "solved": {str(name): str(day) for name, day in found["solved"].items()},
            "tries": {name: {"attempts": int(one["attempts"]), **_times(one)} for name, one in tries.items()},
            "quizzes": {
                name: {what: int(one[what]) for what in ("at_first", "best", "tries")} | {"last": str(one["last"])}
                for name, one in quizzes.items()
            },
        }
    except FileNotFoundError:
        return {"solved": {}, "tries": {}, "quizzes": {}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path()} cannot be read ({error}): mend it, or move it away to begin again") from error


def solved() -> dict[str, str]:
    """The exercises that were solved, each with the day. Raises ValueError if the file is damaged."""
    return known()["solved"]


def note(name: str, right: bool = True) -> str | None:
    """Note an attempt at an exercise; what went wrong, in words, if it could not be noted. Nothing is ever lost.

    What was solved once is solved: later attempts are not counted.
    """

    def with_it(before: Known) -> Known:
        if name in before["solved"]:
            return before
        one = before["tries"].get(name, {"attempts": 0, "first": _now()})
        tries = before["tries"] | {name: one | {"attempts": one["attempts"] + 1, "last": _now()}}
        solved = {name: date.today().isoformat()} if right else {}
        return before | {"tries": tries, "solved": before["solved"] | solved}

    return _noted(with_it)


def note_quiz(chapter: str, right: int) -> str | None:
    """Note how many answers of a quiz were right; what went wrong, in words, if it could not be noted."""

    def with_it(before: Known) -> Known:
        one = before["quizzes"].get(chapter, {"at_first": right, "best": 0, "tries": 0})
        one = one | {"best": max(one["best"], right), "tries": one["tries"] + 1, "last": _now()}
        return before | {"quizzes": before["quizzes"] | {chapter: one}}

    return _noted(with_it)


def _noted(change: Callable[[Known], Known]) -> str | None:
    try:
        _change(change)
    except (OSError, ValueError) as error:
        return f"(your progress was not noted: {error})"
    return None


def _change(change: Callable[[Known], Known]) -> None:
    """Put what a change makes of the progress file in its place, if it makes anything else of it."""
    before = known()
    if change(before) == before and path().exists():
        return
    with _alone(path().with_suffix(".lock")):
        content = change(known())  # again: another notebook may have noted something meanwhile
        write_whole(path(), json.dumps(content, indent=1) + "\n")


def _together(one: Known, other: Known) -> Known:
    """What two progress files say, neither of which may lose anything; the same again if put together again."""
    first, second = one["solved"], other["solved"]
    whole = {"solved": {name: min(first.get(name, day), day) for name, day in (first | second).items()}}
    for kind in ("tries", "quizzes"):
        whole[kind] = one[kind] | other[kind]
        for name in one[kind].keys() & other[kind].keys():
            mine, theirs = one[kind][name], other[kind][name]
            earliest = {"first", "at_first"}
            whole[kind][name] = {what: (min if what in earliest else max)(mine[what], theirs[what]) for what in mine}
    return whole


def _times(one: dict) -> dict[str, str]:
    return {what: str(one[what]) for what in ("first", "last")}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process holds the lock, and hold it. Raises OSError if it cannot be had."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 2 * PATIENCE
    while not _taken(lock):
        if time.monotonic() > end:
            raise TimeoutError(f"another notebook has held {lock} for {2 * PATIENCE:.0f} seconds")
        with suppress(OSError):
            if time.time() - lock.stat().st_mtime > PATIENCE:  # whoever held it was killed
                lock.unlink()
        time.sleep(0.005)
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()


def _taken(lock: Path) -> bool:
    """Whether the lock could be taken: the file that stands for it is made by one process only."""
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    except PermissionError:
        if os.name != "nt":  # there, a file that is just being removed cannot be made
            raise
        return False
    return True


class WhereAmI:
    """How far the reader is, chapter by chapter; shows itself in a notebook."""

    def __init__(self):
        done = solved()
        self.chapters = {
            chapter: {exercise.name: exercise.name in done for exercise in _exercises(chapter)}
            for chapter in with_part("exercises")
        }

    def __repr__(self) -> str:
        return "\n".join(self._line(chapter) for chapter in self.chapters)

    def _line(self, chapter: str) -> str:
        done = self.chapters[chapter]
        bar = "".join("■" if solved else "□" for solved in done.values())
        missing = [name.partition(".")[2] for name, solved in done.items() if not solved]
        rest = f"to do: {', '.join(missing)}" if missing else "all done"
        return f"{chapter:{max(map(len, self.chapters))}}  {bar}  {sum(done.values())} of {len(done)}; {rest}"


def where_am_i() -> WhereAmI:
    """The exercises solved so far. Raises ValueError if the progress file is damaged."""
    return WhereAmI()


def _exercises(chapter: str):
    return part(chapter, "exercises").EXERCISES
