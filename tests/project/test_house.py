"""Rules of the house that a program can check."""

import ast
import re
import subprocess
import sys

import pytest

from tests.project import ROOT, texts

SOURCES = [*sorted((ROOT / "course").rglob("*.py")), ROOT / "bootstrap.py", *sorted((ROOT / "book").glob("*.py"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in SOURCES]
UNPICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
RUNNING_TEXT = {"eval", "exec", "compile", "__import__"}
FOLDERS_OF_ONE_MACHINE = re.compile(r"(?<![\w.~])/(?:work|tmp|root|home|Users)/[\w.-]+")


def trees():
    for path in SOURCES:
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def functions():
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}:{node.name}", node


def test_functions_have_at_most_sixty_lines():
    assert [name for name, node in functions() if node.end_lineno - node.lineno + 1 > 60] == []


def test_modules_have_at_most_three_hundred_lines():
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in zip(NAMES, SOURCES)}
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_public_functions_and_classes_say_what_their_signatures_cannot():
    bare = [
        f"{name}:{node.name}"
        for name, tree in trees()
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if ast.get_docstring(node) is None
    ]
    assert bare == []


def test_modules_say_what_they_are_for():
    bare = [name for name, tree in trees() if tree.body and ast.get_docstring(tree) is None]
    assert bare == []


def test_modules_have_names_that_say_something():
    vague = {"utils", "util", "common", "helpers", "misc", "base", "core", "lib"}
    assert [path.name for path in SOURCES if path.stem in vague or re.match(r"ch\d", path.stem)] == []


def forbidden(tree: ast.AST) -> list[str]:
    """What in a module could run code that came as data."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [module for module in modules if module.split(".")[0] in UNPICKLING]
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            remote = [word.arg for word in node.keywords if word.arg in ("trust_remote_code", "allow_pickle")]
            found += remote + [called] * (called in RUNNING_TEXT or called in ("torch.load", "torch.hub.load"))
    return found


def test_nothing_unpickles_and_no_text_is_ever_run():
    assert {name: found for name, tree in trees() if (found := forbidden(tree))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from dill import loads",
        "torch.load(path)",
        "eval(answer)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "numpy.load(path, allow_pickle=True)",
    ],
)
def test_what_could_run_code_is_found(source):
    assert forbidden(ast.parse(source))


def test_no_file_names_a_folder_of_one_machine():
    found = {name: match.group() for name, text in texts() if (match := FOLDERS_OF_ONE_MACHINE.search(text))}
    assert found == {}


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_has_nothing_to_say(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--quiet", "."], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
