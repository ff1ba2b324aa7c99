"""The field's own words: what this course once said otherwise is not said again, in prose, docstrings and messages."""

import ast
import re

import nbformat
import pytest

from tests.project import ROOT

INSTEAD = {  # a pattern: what to say
    r"\b(ask(ed|s|ing)?|answer(ed|s|ing)?) plainly\b": "ask directly",
    r"\bmade to think\b|\bmake it think\b": "forced or prompted to think",
    r"\bunasked\b": "unprompted",
    r"\blikelie(r|st)\b": "more (or most) probable",
    r"\bcommonest\b": "most common",
    r"\bstraight off\b": "directly",
    r"\bno wonder\b": "no surprise",
    r"\blearnt\b": "learned",
    r"\b(is|are|was|were|be|been|being|gets?|got) paid\b|\bpaid (for|alike|nothing|only)\b|\bpays? for (an|the) end\b":
        "earns a reward",
    r"\bpurses?\b": "compute budget",
    r"\bpupils?\b": "student",
    r"\bsilent(ly)? groups?\b": "zero-variance group",
    r"\bcut off\b": "truncated",
    r"\bnoise over signal\b": "gradient noise scale",
    r"\bjudg(e|es|ed|ing)\b": "check, score, grade or reward",
    r"\blessons?\b": "training example",
    r"\bwho_sees_whom\b|\bown_lesson_only\b": "attention_mask, block_causal_mask",
}  # fmt: skip
KEPT = {  # names in files that have to stay as they are
    "decimals asked plainly": "a key of results/votes.json",
    "commonest answer": "a key of results/votes.json",
}


def prose():
    """Every text a reader meets, by file: cells of notebooks, pages, docstrings and messages of `course`."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        yield path, "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    for path in (*ROOT.glob("*.md"), *(ROOT / "book").glob("*.md")):
        if path.name != "CHANGELOG.md":  # it says what was renamed
            yield path, path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "course").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        strings = [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        yield path, "\n".join(strings)


TEXTS = {path.relative_to(ROOT).as_posix(): text for path, text in prose()}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_texts_speak_the_field_s_own_words(name):
    text = TEXTS[name]
    for kept in KEPT:
        text = text.replace(kept, "")
    found = {match[0]: say for pattern, say in INSTEAD.items() for match in re.finditer(pattern, text, re.IGNORECASE)}
    assert found == {}, f"say instead: {found}"
