"""Interrupting a run at every line: `lines_of` lists those of its second step, `interrupt` stops it at one of them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import course

ROOMS = tuple(str(Path(course.__file__).parent / name) for name in ("learn", "_files.py"))
Line = tuple[str, int]


def _traced(run: Iterator[dict], at_line: Callable[[Line], None]) -> Iterator[dict]:
    """A run that calls `at_line` before every line of the library's training code in its second step."""

    def local(frame, event, _):
        if event == "line":
            at_line((frame.f_code.co_filename, frame.f_lineno))
        return local

    def entered(frame, event, _):
        return local if frame.f_code.co_filename.startswith(ROOMS) else None

    yield next(run)
    before = sys.gettrace()
    sys.settrace(entered)
    try:
        found = next(run)
    finally:
        sys.settrace(before)
    yield found
    yield from run


def lines_of(run: Iterator[dict]) -> list[Line]:
    """Every line that the second step of a run executes, in the order of their first time."""
    seen: dict[Line, None] = {}
    for _ in _traced(run, lambda line: seen.setdefault(line)):
        pass
    return list(seen)


def interrupt(run: Iterator[dict], line: Line) -> list[int]:
    """Interrupt a run before a line of its second step, as control-C does; returns the steps it had yielded."""
    done = []

    def at_line(reached: Line) -> None:
        if reached == line:
            raise KeyboardInterrupt

    try:
        for stats in _traced(run, at_line):
            done.append(stats["step"])
    except KeyboardInterrupt:
        return done
    raise AssertionError(f"the second step never came to {line}")
