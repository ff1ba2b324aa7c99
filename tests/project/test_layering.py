"""Imports go one way. The order is that in which the reader meets things."""

import ast
import re

import pytest

from tests.project import ROOT

ORDER = (
    *("_threads", "_shapes", "_files", "_checkpoints", "_place", "_version"),  # what everybody may use
    *("world", "model", "think", "learn"),
    *("presets", "contents", "experiments", "teach", "chapters"),
    *(
        "remedies",
        "doctor",
        "serve",
        "notebooks",
        "handouts",
        "classroom",
        "talk",
        "cli",
        "__main__",
    ),  # the front doors
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
        elif isinstance(node, ast.Constant | ast.JoinedStr):
            found += _rooms_in_words(node)
    return [name for name in found if name == "relative" or ORDER.index(name) > ORDER.index(room)]


def _rooms(node: ast.ImportFrom) -> list[str]:
    """The rooms that `from course... import ...` opens."""
    package, *inside = (node.module or "").split(".")
    if package != "course":
        return []
    return inside[:1] or [alias.name for alias in node.names]


def _rooms_in_words(node: ast.Constant | ast.JoinedStr) -> list[str]:
    """The room of a module's full name given as a string, as a dynamic import would want it."""
    text = ast.unparse(node).lstrip("rbf").strip("\"'")
    match = re.fullmatch(r"course\.(\w+)(\.[\w{}]+)*", text)
    return [match.group(1)] if match and match.group(1) in ORDER else []


def dynamic_imports(source: str) -> set[str]:
    """The functions of a module that import by a name worked out as they run, or "" outside any."""
    tree = ast.parse(source)
    inside = {
        id(node): function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    wanted = {"import_module", "__import__", "exec_module", "run_module", "run_path", "find_loader"}
    return {inside.get(id(call), "") for call in calls if ast.unparse(call.func).split(".")[-1] in wanted}


def private_names(room: str, source: str) -> list[str]:
    """What a module takes from other rooms although its name begins with an underscore, however it gets it."""
    tree, found, modules = ast.parse(source), [], set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "course":
            theirs = [
                alias for alias in node.names if room not in ((node.module or "").split(".")[1:2] or [alias.name])
            ]
            for alias in theirs:
                everybody_s = node.module == "course"  # _shapes and _files are the house's own
                found += [alias.name] if alias.name.startswith("_") and not everybody_s else []
                modules.add(alias.asname or alias.name)
        elif isinstance(node, ast.Import):
            modules |= {alias.asname for alias in node.names if alias.asname and alias.name.startswith("course.")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            holder = ast.unparse(node.value)
            found += [node.attr] if holder in modules or holder.startswith("course.") else []
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_imports_only_from_its_own_room_and_earlier_ones(path):
    room = path.relative_to(ROOT / "course").parts[0].removesuffix(".py")
    if room == "contents":
        assert wrong_imports(room, path.read_text(encoding="utf-8")) == ["chapters"], "the one door: see below"
    elif room != "__init__":
        assert wrong_imports(room, path.read_text(encoding="utf-8")) == []


def test_one_function_imports_by_name_and_it_opens_chapters():
    """What `contents.part` opens are plugins: it is the only door through which an earlier room calls a later one."""
    doors = {
        (path.relative_to(ROOT / "course").as_posix(), name)
        for path in SOURCES
        for name in dynamic_imports(path.read_text(encoding="utf-8"))
    }
    assert doors == {("contents.py", "part"), ("doctor.py", "check_torch")}


@pytest.mark.parametrize("source", ["import_module(name)", "def f():\n    importlib.import_module('course.' + room)"])
def test_a_dynamic_import_is_found(source):
    assert dynamic_imports(source)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_takes_no_private_name_from_another_room(path):
    room = path.relative_to(ROOT / "course").parts[0].removesuffix(".py")
    assert private_names(room, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from course.learn.grpo import _step",
        "from course.learn import grpo\ngrpo._step()",
        "import course.learn.grpo as g\ng._step()",
        "import course.learn\ncourse.learn._step()",
    ],
)
def test_a_private_name_of_another_room_is_found(source):
    assert private_names("teach", source) == ["_step"]
    assert private_names("teach", source.replace("learn", "teach").replace("_step", "step")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from course.learn.grpo import train",
        "import course.learn.grpo",
        "from course import learn",
        "def f():\n    from course.teach import show",
        "from . import sampling",
        "import_module('course.teach.show')",
        "import_module(f'course.chapters.{name}')",
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


def test_the_course_itself_imports_only_how_threads_wait_and_which_version_it_is():
    assert imports_of(ROOT / "course" / "__init__.py") == {"course._threads", "course._version"}
    assert imports_of(ROOT / "course" / "_version.py") <= {"warnings", "importlib.metadata", "course._place"}
    assert imports_of(ROOT / "course" / "_threads.py") <= {"os", "sys", "warnings"}
