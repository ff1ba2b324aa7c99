"""Progress: the exercises that a reader has solved, kept in one JSON file in the home folder."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

from course._files import write_whole
from course.contents import part, with_part

PATIENCE = 10.0  # seconds to wait for another notebook that notes something; a lock that is older was left behind


def path() -> Path:
    """The progress file: in the folder that the environment names as `COURSE_HOME`, else in one under home.

    Raises ValueError where there is neither.
    """
    try:
        folder = Path(os.environ.get("COURSE_HOME") or Path.home() / ".think-step-by-step")
    except RuntimeError as error:  # no HOME, and a user nobody knows, as in some containers
        raise ValueError("there is no home folder: name one for your progress as COURSE_HOME") from error
    return folder / "progress.json"


def solved() -> dict[str, str]:
    """The exercises that were solved, each with the day. Raises ValueError if the file is damaged."""
    try:
        found = json.loads(path().read_text(encoding="utf-8"))
        return {str(name): str(day) for name, day in found["solved"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path()} cannot be read ({error}): mend it, or move it away to begin again") from error


def note(name: str) -> str | None:
    """Note that an exercise was solved; what went wrong, in words, if it could not be noted. Nothing is ever lost."""
    today = date.today().isoformat()
    try:
        if name not in solved():
            file = path()
            with _alone(file.with_suffix(".lock")):
                known = solved()  # again: another notebook may have noted something meanwhile
                write_whole(file, json.dumps({"solved": known | {name: known.get(name, today)}}, indent=1) + "\n")
    except (OSError, ValueError) as error:
        return f"(your progress was not noted: {error})"
    return None


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
