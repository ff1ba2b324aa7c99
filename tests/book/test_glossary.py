"""The glossary: sorted, without gaps, and with an entry for each term that a notebook introduces in bold."""

import re

import nbformat
import pytest

from tests.notebooks import NOTEBOOKS
from tests.project import read

GLOSSARY = re.search(r"```\{glossary\}\n(.*?)```", read("book/glossary.md"), re.DOTALL)[1]
TERMS = re.findall(r"^(\S.*)$", GLOSSARY, re.MULTILINE)
BOXES = {"Predict", "To read", "Tip", "Note", "Warning", "Key idea", "Shift+Enter"}
FORMS = {  # how a term is written where it is introduced
    "better": "verdict",
    "worse": "verdict",
    "can't tell": "verdict",
    "bias": "selection bias",
    "clip": "clipping",
    "direct": "direct prompt",
    "elicits": "elicitation",
    "feed-forward": "feed-forward layer",
    "few-shot": "few-shot prompt",
    "fine-grained experts": "fine-grained experts",
    "masked": "masked loss",
    "probability": "log-probability",
}


def introduced(path):
    """What a notebook introduces: in bold, in small letters, in the middle of a sentence."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for bold in re.findall(r"\*\*([^*]+?)\*\*", cell.source):
                words = " ".join(bold.split())
                if words[0].islower() and not words.endswith("."):
                    yield words


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_term_that_a_notebook_introduces_is_in_the_glossary(path):
    missing = {
        words for words in introduced(path) if not {FORMS.get(words, words), words.removesuffix("s")} & set(TERMS)
    }
    assert missing == set()


def test_terms_are_sorted_and_none_comes_twice():
    assert sorted(set(TERMS), key=str.casefold) == TERMS


def test_references_lead_to_terms():
    named = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", GLOSSARY)
    assert named and {" ".join(name.split()) for name in named} <= set(TERMS)


def test_every_term_has_a_definition_of_whole_sentences():
    definitions = re.split(r"^\S.*\n", GLOSSARY, flags=re.MULTILINE)[1:]
    assert len(definitions) == len(TERMS)
    assert [text for text in definitions if not (text.strip().endswith(".") or text.strip().endswith('."'))] == []


@pytest.mark.parametrize(
    "word",
    [
        "rollout", "completion", "reward", "return", "zero-variance group", "compute budget", "FLOP",
        "training example", "student", "teacher", "iteration", "epoch", "truncation",
        "attention mask", "block-causal mask",
        "rotary position embedding", "gradient noise scale", "expert load", "hidden size", "intermediate size",
    ],
)  # fmt: skip
def test_the_field_s_own_words_are_explained(word):
    assert word in TERMS
