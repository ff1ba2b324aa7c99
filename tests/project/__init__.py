"""The house itself: what every file has to keep to. `ROOT` is the repository; the rest reads it."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {"_build", "node_modules", "runs", "build", "dist", "__pycache__"}
TEXT = {".py", ".md", ".ipynb", ".toml", ".yml", ".yaml", ".cfg", ".txt", ".js", ".css", ".json", ".bib", ".cff", ""}


def texts() -> Iterator[tuple[str, str]]:
    """Every text file of the repository: its name from the root, and what it says."""
    for path in sorted(ROOT.rglob("*")):
        inside = path.relative_to(ROOT)
        hidden = any(part.startswith(".") and part not in (".ci", ".github") for part in inside.parts)
        if path.is_file() and path.suffix in TEXT and not hidden and not NOT_OURS.intersection(inside.parts):
            yield inside.as_posix(), path.read_text(encoding="utf-8")


def read(name: str) -> str:
    """The text of a file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def project() -> dict:
    """The [project] table of pyproject.toml."""
    return tomllib.loads(read("pyproject.toml"))["project"]


def pins() -> dict[str, str]:
    """The exact versions of constraints.txt, by lower-case name."""
    lines = (line.partition("#")[0].strip() for line in read("constraints.txt").splitlines())
    return {
        name.lower().replace("_", "-"): version for name, _, version in (line.partition("==") for line in lines if line)
    }
