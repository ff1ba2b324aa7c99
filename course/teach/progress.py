"""Where am I? The exercises that were solved, in one JSON file of the reader's own."""

import json
import os
from datetime import date
from pathlib import Path

from course.contents import part, with_part


def path() -> Path:
    """The progress file: in the folder that the environment names as `COURSE_HOME`, else in one under home."""
    folder = os.environ.get("COURSE_HOME")
    return (Path(folder) if folder else Path.home() / ".think-step-by-step") / "progress.json"


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
    try:
        known = solved()
        if name not in known:
            file = path()
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(f".{os.getpid()}")
            partial.write_text(json.dumps({"solved": known | {name: date.today().isoformat()}}, indent=1) + "\n")
            partial.replace(file)  # whole or not at all
    except (OSError, ValueError) as error:
        return f"(your progress was not noted: {error})"
    return None


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
        return f"{chapter:12}{bar}  {sum(done.values())} of {len(done)}; {rest}"


def where_am_i() -> WhereAmI:
    """The exercises solved so far. Raises ValueError if the progress file is damaged."""
    return WhereAmI()


def _exercises(chapter: str):
    return part(chapter, "exercises").EXERCISES
