"""Imports go one way. The order is that in which the reader meets things."""

import ast

import pytest

from tests.project import ROOT

ORDER = (
    *("_threads", "_shapes", "_files", "_checkpoints", "_place"),  # what everybody may use
    *("world", "model", "think", "learn"),
    *("presets", "contents", "experiments", "teach", "chapters"),
    *("remedies", "doctor", "serve", "notebooks", "cli", "__main__"),  # the front doors
)
SOURCES = sorted((ROOT / "course").rglob("*.py"))


def wrong_imports(room: str, source: str) -> list[str]:
    """What a module of a room imports from later rooms, or relatively, anywhere in its text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found += ["relative"] if node.level else _rooms(node)
        elif isinstance(node, ast.Import):
            found += [alias.name.split(".")[1] for alias in node.names if alias.name.startswith("course.")]
    return [name for name in found if name == "relative" or ORDER.index(name) > ORDER.index(room)]


def _rooms(node: ast.ImportFrom) -> list[str]:
    """The rooms that `from course... import ...` opens."""
    package, *inside = (node.module or "").split(".")
    if package != "course":
        return []
    return inside[:1] or [alias.name for alias in node.names]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_imports_only_from_its_own_room_and_earlier_ones(path):
    room = path.relative_to(ROOT / "course").parts[0].removesuffix(".py")
    if room != "__init__":
        assert wrong_imports(room, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from course.learn.grpo import train",
        "import course.learn.grpo",
        "from course import learn",
        "def f():\n    from course.teach import show",
        "from . import sampling",
    ],
)
def test_an_import_from_a_later_room_is_found(source):
    assert wrong_imports("think", source)


def test_an_import_from_an_earlier_room_is_allowed():
    assert wrong_imports("think", "from course.model import load\nfrom course._shapes import Int\nimport torch") == []


def imports_of(path) -> set[str]:
    """The modules a file imports, at the top or anywhere else."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return found


def test_the_course_itself_imports_only_how_threads_wait():
    assert imports_of(ROOT / "course" / "__init__.py") == {"course._threads"}
    assert imports_of(ROOT / "course" / "_threads.py") <= {"os", "sys", "warnings"}
