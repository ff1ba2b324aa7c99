"""The tour: every system that the article names, with figures, sources, chapters and errata."""

import re

import pytest

from book.chapters import named
from book.tour import every
from tests.book.numerals import BIBLIOGRAPHY, notes, numerals
from tests.project import read

SYSTEMS = every()
PAGE = read("book/tour.md")
NAMED = "GPT-4,o1,DeepSeek-R1,DeepSeek-R1-Zero,DeepSeek-V3,LLaMA,WizardMath,Qwen-Math,Claude,PaLM and Minerva,Gemini"
NAMED += ",UI-TARS,PRM800K,CriticGPT"  # by the article
by_name = pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)


def section(system):
    """What the page says of a system."""
    return re.search(rf"^## {system.name}\n((?:.|\n)*?)(?=^## |\Z)", PAGE, re.MULTILINE)[1]


def test_every_system_that_the_article_names_is_there_once():
    names = [system.name for system in SYSTEMS]
    assert set(NAMED.split(",")) <= set(names) and len(names) == len(set(names))
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE)[:-1] == names


def test_every_erratum_is_told():
    told = {erratum for system in SYSTEMS for one in system.corrections for erratum in one.errata}
    assert told == {f"E{number}" for number in range(1, 16)}


@by_name
def test_every_number_stands_in_the_notes_of_the_sources_beside_it(system):
    assert set(system.sources) <= set(BIBLIOGRAPHY.entries)
    assert numerals(system.published) - numerals(notes(system.sources)) == set()
    allowed = numerals(system.name) | numerals(notes(system.sources))
    assert numerals(system.technique) <= allowed
    for one in system.corrections:
        assert numerals(one.written) | numerals(one.says) <= allowed | numerals(notes(one.sources)), one.written


@by_name
def test_every_figure_has_a_note_that_says_where_it_stands(system):
    for key in system.sources:
        assert re.search(r"\(|\d{4}\.?$|December 2024", BIBLIOGRAPHY.entries[key].fields["annote"]), key


@by_name
def test_a_finished_chapter_is_linked_and_a_planned_one_is_called_so(system):
    for name in system.chapters:
        chapter = named(name)
        link = f"](../notebooks/{chapter.title}.ipynb)"
        assert (link in section(system)) == chapter.finished
        assert chapter.finished or f"(planned: {chapter.question})" in section(system)


@by_name
def test_the_page_says_what_the_list_says(system):
    text = " ".join(section(system).split())
    told = [system.published, system.technique, *(one.written for one in system.corrections)]
    told += [one.says for one in system.corrections]
    assert all(" ".join(one.split()) in text for one in told)
