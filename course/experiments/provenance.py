"""How a record came about: the commit, the code and the settings behind it, and the pieces that it is made of."""

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from course import _place

ROOMS = ("world", "model", "think", "learn", "experiments")  # what a figure can depend on, beside its chapter


@dataclass
class Run:
    """An experiment while it runs: what its pieces must agree with, and what they took."""

    settings: Mapping  # of the experiment, as JSON holds them
    threads: int
    seconds: list[float] = field(default_factory=list)  # of work, piece by piece
    resumed: int = 0  # pieces that an earlier, interrupted run had done
    waited: float = 0.0  # seconds that passed while pieces ran


_running: ContextVar[Run | None] = ContextVar("running", default=None)


@contextmanager
def running(settings: Mapping, threads: int) -> Iterator[Run]:
    """Whatever runs inside belongs to one experiment."""
    token = _running.set(Run(settings, threads))
    try:
        yield _running.get()
    finally:
        _running.reset(token)


def current() -> Run:
    """The experiment that runs; outside of one, a run of no settings whose time nobody asks for."""
    return _running.get() or Run({}, 1)


def commit() -> str | None:
    """The commit the code is at, with a plus behind it if files differ; None outside a clone.

    A repository around an installation is somebody else's: its commits say nothing of this code.
    """
    top = _git("rev-parse", "--show-toplevel")
    if not _place.in_clone() or top is None or Path(top).resolve() != _place.ROOT:
        return None
    head, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", "course")
    return None if head is None or changed is None else head[:12] + "+" * bool(changed)


def code(module: str = "") -> dict[str, str]:
    """A digest of each file that a figure can depend on: the library's and, of a module, its chapter's.

    Models and word lists count as well as code; exercises and pictures of other chapters do not.
    """
    course = Path(__file__).resolve().parents[1]
    folders = [course / room for room in ROOMS]
    if module.startswith("course.chapters."):
        folders.append(course.joinpath(*module.split(".")[1:3]))
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(course).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in files
        if path.suffix != ".pyc"
    }


def different(one: Mapping, other: Mapping) -> list[str]:
    """The names under which two mappings do not hold the same."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _git(*command: str) -> str | None:
    """What git says about the clone; None if there is no git or no repository."""
    alone = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_")
    }  # a hook points elsewhere
    try:
        done = subprocess.run(
            ["git", "-C", str(_place.ROOT), *command], capture_output=True, text=True, check=True, env=alone
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
