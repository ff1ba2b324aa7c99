"""Troubleshooting: the page has whatever the doctor can find wrong, and its commands are those of the remedies."""

import ast
import re

import pytest
import yaml

from course.cli import app
from tests.project import ROOT, read
from tests.project.test_documents import COMMANDS, TARGETS

PAGE = read("book/troubleshooting.md")
SOURCES = read("course/doctor.py") + read("course/remedies.py")


def pattern(node: ast.expr, names: dict[str, ast.expr]) -> str:
    """What a message says, with a mark where something is filled in; names stand for what they were given."""
    if isinstance(node, ast.Name) and node.id in names:
        return pattern(names[node.id], names)
    if isinstance(node, ast.JoinedStr):
        return "".join(one.value if isinstance(one, ast.Constant) else "…" for one in node.values)
    return node.value if isinstance(node, ast.Constant) else "…"


def wrong_findings():
    """Every message with which the doctor calls something wrong, read from its code."""
    for function in ast.walk(ast.parse(read("course/doctor.py"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        names = {
            node.targets[0].id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding" and len(node.args) > 1:
                yield pattern(node.args[0], names)


def test_every_finding_of_the_doctor_has_its_entry():
    listed = re.findall(r"^`([^`]+)`$", PAGE, re.MULTILINE)
    assert len(set(wrong_findings())) >= 12
    assert sorted(listed) == sorted(set(wrong_findings()))


@pytest.mark.parametrize(
    "command",
    [
        "make lab",
        "bootstrap.py lab",
        "--force-reinstall",
        "ipykernel install --sys-prefix",
        "course/model/checkpoints/",
    ],
)
def test_a_remedy_on_the_page_is_one_of_the_library_s(command):
    assert command in PAGE
    assert command in SOURCES or all(word in SOURCES for word in command.split())


@pytest.mark.parametrize("page", ["troubleshooting", "teaching", "architecture"])
def test_commands_that_pages_name_exist(page):
    text = read(f"book/{page}.md")
    code = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))
    makes, courses = (set(re.findall(rf"^{word} ([a-z]+)", code, re.MULTILINE)) for word in ("make", "course"))
    assert makes <= TARGETS and courses <= COMMANDS and app
    assert set(re.findall(r"bootstrap\.py ([a-z]+)", code)) <= COMMANDS


def test_the_site_has_the_pages_in_an_order_that_begins_with_what_to_know():
    order = [entry["file"] for entry in yaml.safe_load(read("myst.yml"))["project"]["toc"]]
    assert {path.name for path in (ROOT / "book").glob("*.md")} == {
        name.removeprefix("book/") for name in order if name.startswith("book/")
    }
    assert order.index("book/prerequisites.md") < order.index("notebooks/00_start.ipynb")
