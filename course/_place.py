"""Where the course is: in a clone of its repository, or in an installation without one."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # of the clone; elsewhere the folder that packages are installed in


def in_clone() -> bool:
    """Whether this is a clone of the course's repository, or its unpacked archive."""
    return project().get("name") == "think-step-by-step"


def project() -> dict:
    """The [project] table of the `pyproject.toml` beside the library; empty if there is none."""
    try:
        return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        return {}


def workplace() -> Path:
    """The folder that commands write below: the clone, or the current folder where there is no clone."""
    return ROOT if in_clone() else Path.cwd()
