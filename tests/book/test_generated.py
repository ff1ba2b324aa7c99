"""Generated parts of pages: what is committed is what would be made now, and its figures are those of the results."""

import json
import re

import pytest

from book import toy_and_real
from book.build import stage
from book.generated import BLOCK, BLOCKS, WIDGET, filled
from book.records import quoted, with_figures, with_interval
from course.contents import CHAPTERS
from course.teach.page import module
from tests.book.numerals import BIBLIOGRAPHY, notes, numerals, shown_forms
from tests.project import ROOT, read

PAGES = sorted((ROOT / "book").glob("*.md"))
ROWS = [(chapter["chapter"], row) for chapter in toy_and_real.every() for row in chapter["rows"]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_committed_page_is_what_would_be_made_now(page):
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text, "run `python -m book.generated`"


def test_the_module_beside_the_landing_page_is_what_notebooks_get():
    assert WIDGET.read_text(encoding="utf-8") == module(), "run `python -m book.generated`"


def test_every_part_that_can_be_made_stands_on_a_page():
    assert {match[1] for page in PAGES for match in BLOCK.finditer(page.read_text(encoding="utf-8"))} == set(BLOCKS)


def test_a_part_that_nothing_makes_is_refused():
    with pytest.raises(KeyError, match="nosuch"):
        filled("% generated: nosuch\n% end of what is generated")


def test_staged_pages_find_notebooks_and_drawings_beside_them():
    stage()
    staged = ROOT / "book" / "_build" / "src"
    for page in staged.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        files = [link.partition("#")[0] for link in re.findall(r"\]\(([^):#]+\.(?:ipynb|svg)[^):]*)\)", text)]
        assert [file for file in files if not (staged / file).exists()] == [], page.name


def test_a_reference_is_looked_up_and_rounded_as_its_interval_needs():
    kept = json.loads(read("results/kept.json"))["figures"]["share kept"]
    assert with_figures("It keeps [[kept | figures |\n share kept]].") == f"It keeps {kept:.2f}."
    assert quoted("kept", "figures", "share kept", "percent") == f"{round(100 * kept)} %"
    with pytest.raises(KeyError):
        with_figures("[[kept | figures | nosuch]]")


@pytest.mark.parametrize(
    "numbers, shown",
    [
        ((0.274, 0.0039, 0.5441), "+0.274 [+0.004, +0.544]"),  # two decimals would say that it contains zero
        ((-0.0008, -0.0014, -0.0001), "-0.0008 [-0.0014, -0.0001]"),
        ((54.6667, 53.2324, 56.1009), "+54.67 [+53.23, +56.10]"),
        ((0.0, 0.0, 0.0), "+0.00 [+0.00, +0.00]"),
    ],
)
def test_an_interval_never_loses_its_meaning_by_rounding(numbers, shown):
    assert with_interval(*numbers, signed=True) == shown


@pytest.mark.parametrize("chapter, row", ROWS, ids=[f"{chapter}: {row['what']}" for chapter, row in ROWS])
def test_in_toy_and_real_no_figure_is_typed_that_is_not_in_results_or_notes(chapter, row):
    typed = re.sub(r"\[\[.+?\]\]", "", row["toy"], flags=re.DOTALL)
    names = re.findall(r"\[\[([\w-]+)", row["toy"])
    known = set().union(*(shown_forms(json.loads(read(f"results/{name}.json"))) for name in names))
    settings = {"16", "48", "96"}  # names of arms: votes, hidden sizes
    assert numerals(typed) <= settings
    assert (
        numerals(re.sub(r"\[\[.+?\]\]", lambda one: with_figures(one[0]), row["toy"], flags=re.DOTALL))
        <= known | settings
    )
    assert set(row.get("sources", ())) <= set(BIBLIOGRAPHY.entries)
    assert numerals(row["real"]) <= numerals(notes(row.get("sources", ())))
    assert row["carries"] in toy_and_real.WORDS


def test_toy_and_real_has_every_finished_chapter_that_measures_something_in_order():
    finished = [one.name for one in CHAPTERS if one.finished and one.name != "start"]
    assert [chapter["chapter"] for chapter in toy_and_real.every()] == finished
