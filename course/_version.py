"""Which version of the library this is, and whether a notebook was written for it."""

import warnings


def installed() -> str:
    """The library's version: a clone's own, else that of the installed package."""
    from importlib.metadata import version

    from course._place import in_clone, project

    return project()["version"] if in_clone() else version("think-step-by-step")


def series(version: str) -> str:
    """The part of a version that says whether things fit: `0.1` of `0.1.3`."""
    return ".".join(version.split(".")[:2])


def expects(wanted: str) -> None:
    """Warn, with what to do, if a notebook was written for another version than this one; its first cell asks."""
    if complaint := mismatch(wanted, installed()):
        warnings.warn(complaint, stacklevel=2)


def mismatch(wanted: str, there: str) -> str:
    """What does not fit between the version that a notebook was written for and the one there, and what to do.

    Empty if they fit: up to the second number they have to be the same.
    """
    if series(wanted) == series(there):
        return ""
    said = f"this notebook was written for version {wanted} of the course, and the library here is version {there}: "
    if _numbers(wanted) < _numbers(there):
        return said + (
            "cells may fail. Take this version's notebook (a clone has it in notebooks/, the site's badge opens it in "
            f"Colab), or set COURSE_WHEEL in the first cell to a wheel of version {wanted}."
        )
    return said + (
        "cells may fail. Update the library: in a clone type `git pull` and `make lab`; in Colab choose Runtime > "
        "Disconnect and delete runtime, then run the first cell again."
    )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in series(version).split(".")]
