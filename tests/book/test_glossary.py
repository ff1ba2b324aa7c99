"""The glossary: sorted, without gaps, with an entry for each term that a notebook introduces or a heading has."""

import re

import nbformat
import pytest

from book.tour import every
from tests.notebooks import NOTEBOOKS
from tests.project import ROOT, read

GLOSSARY = re.search(r"```\{glossary\}\n(.*?)```", read("book/glossary.md"), re.DOTALL)[1]
TERMS = re.findall(r"^([^:\s].*)$", GLOSSARY, re.MULTILINE)
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
ORDINARY = set(read("tests/book/ordinary_words.txt").split())  # words of headings that are no terms of the field
NAMES = {"pytorch", "jupyterlab", "colab", "r1", "claims", "glossary"}  # of programs, and of this site's own pages
NAMES |= {part.lower() for system in every() for part in re.findall(r"[A-Za-z][\w-]*", system.name)}
ROOMS = {"architecture", "prerequisites", "teaching"}  # pages that are called by what they are


def headings(text):
    """The headings of a Markdown text, without those in code."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^#{1,6} (.+)$", outside, re.MULTILINE)


def words(heading):
    """The words of a heading in small letters; numbers and formulas are none."""
    return re.findall(r"[a-z][a-z0-9@'-]*", re.sub(r"\$.*?\$|\{[a-z]+\}", " ", heading).lower())


def forms(word):
    """What a word may be a form of."""
    stems = [word, word.removesuffix("'s"), word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ed")]
    stems += [word.removesuffix("ing"), word.removesuffix("ing") + "e", word.removesuffix("d"), word.removesuffix("er")]
    return {*stems, re.sub("ies$", "y", word), word.removesuffix("n"), word.removesuffix("s") + "ing"}


EXPLAINED = {form for term in TERMS for word in words(term) for form in (word, word.removesuffix("s"))}


def texts():
    """Every notebook and page of the site, by name."""
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        yield path.stem, "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for path in sorted((ROOT / "book").glob("*.md")):
        yield path.stem, path.read_text(encoding="utf-8")


TEXTS = dict(texts())


@pytest.mark.parametrize("name", TEXTS)
def test_every_term_of_a_heading_is_in_the_glossary(name):
    known = ORDINARY | NAMES | ROOMS | EXPLAINED
    found = {word: heading for heading in headings(TEXTS[name]) for word in words(heading) if not forms(word) & known}
    assert headings(TEXTS[name]) and found == {}, "explain it in book/glossary.md, or list it here as an ordinary word"


def test_a_term_without_an_entry_is_found():
    (heading,) = headings("# What a hypernetwork learns\n\n```sh\n# a comment\n```")
    assert [word for word in words(heading) if not forms(word) & (ORDINARY | NAMES | ROOMS | EXPLAINED)] == [
        "hypernetwork"
    ]


def test_no_word_is_called_ordinary_that_has_an_entry_of_its_own():
    assert ORDINARY & {term.lower() for term in TERMS} == set()


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
    definitions = re.split(r"^[^:\s].*\n", GLOSSARY, flags=re.MULTILINE)[1:]
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
