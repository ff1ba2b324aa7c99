"""The claims ledger: complete, its published figures in the bibliography's notes, and ours in the results alone."""

import json
import re

import nbformat
import pytest

from book.chapters import named
from book.claims import VERDICTS, claims
from course.contents import CHAPTERS
from tests.book.numerals import BIBLIOGRAPHY, notes, numerals
from tests.project import ROOT, read

CLAIMS = claims()
PAGE = read("book/claims.md")
RECORDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "results").glob("*.json")}
EXPERIMENTS = {name for name, record in RECORDS.items() if "experiment" in record}
TESTED = [claim for claim in CLAIMS if claim.tests]
QUESTION = {"9.11", "9.8"}  # the numbers that a claim is about


def card(claim):
    """The entry of a claim as the page has it."""
    return re.search(rf"^\(claim-{claim.id.lower()}\)=\n:::(?:.|\n)*?^:::$", PAGE, re.MULTILINE)[0]


def part(claim, name):
    """What the page says of a claim under this name; nothing if there is no such part."""
    found = re.search(rf"^{name}\n: ((?:.|\n)*?)(?=\n\n)", card(claim), re.MULTILINE)
    return found[1] if found else ""


def test_every_claim_of_the_article_is_there_once_and_in_a_chapter():
    assert [claim.id for claim in CLAIMS] == [f"C{number}" for number in range(1, 42)]
    assert {claim.chapter for claim in CLAIMS} <= {chapter.name for chapter in CHAPTERS}
    assert len(re.findall(r"^\(claim-c\d+\)=$", PAGE, re.MULTILINE)) == len(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_published_figure_stands_in_the_note_of_its_source(claim):
    assert set(claim.sources) <= set(BIBLIOGRAPHY.entries)
    assert numerals(claim.published) - numerals(notes(claim.sources)) - QUESTION == set()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_no_figure_of_ours_is_typed(claim):
    allowed = numerals(notes(claim.sources)) | QUESTION
    assert numerals(claim.claim) | numerals(claim.note) <= allowed


def is_rounded(shown, exact):
    """Whether a number as it is shown is the exact one, rounded to the digits shown."""
    decimals = len(shown.partition(".")[2])
    return abs(float(shown) - exact) <= 0.5000001 * 10**-decimals


def figures(test):
    """What a record holds of the figures that a claim shows: the name, the numbers, and how many units."""
    record = RECORDS[test.experiment]
    for name in test.comparisons:
        one = record["comparisons"][name]
        yield name, [one["difference"], *one["interval"]], one["n"]
    for path in test.figures:
        one = record["figures"]
        for name in path:
            one = one[name]
        numbers = [one["mean"], *one["interval"]] if isinstance(one, dict) else [one]
        yield ", ".join(path), numbers, one["n"] if isinstance(one, dict) else None


@pytest.mark.parametrize("claim", TESTED, ids=lambda claim: claim.id)
def test_every_figure_of_ours_is_the_one_in_the_record_of_its_experiment(claim):
    shown = re.findall(r"^(?::| ) - \*(.+)\*: (.+)$", card(claim), re.MULTILINE)
    expected = [figure for test in claim.tests for figure in figures(test)]
    assert [name for name, _ in shown] == [name for name, _, _ in expected] != []
    for (_, text), (_, exact, units) in zip(shown, expected):
        numbers, _, rest = text.partition("]")
        found = re.findall(r"[+-]?\d+\.\d+", numbers)
        assert len(found) == len(exact) and all(map(is_rounded, found, exact)), text
        assert units is None or re.search(rf", {units} (seeds|problems)\b", rest), text


def test_every_experiment_of_the_results_is_in_the_ledger():
    assert {test.experiment for claim in CLAIMS for test in claim.tests} == EXPERIMENTS
    assert [name for name in RECORDS if name not in EXPERIMENTS and f"results/{name}.json" not in PAGE] == []


def test_an_experiment_stands_under_every_claim_that_its_own_record_names():
    told = {name: set(re.findall(r"\bC\d+\b", RECORDS[name]["claim"])) for name in EXPERIMENTS}
    placed = {name: {one.id for one in CLAIMS for test in one.tests if test.experiment == name} for name in EXPERIMENTS}
    assert {name: ids - placed[name] for name, ids in told.items() if ids - placed[name]} == {}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_verdict_on_the_page_is_that_of_the_records(claim):
    said = re.search(r"^[✓✗?○] \*\*(.+)\*\*$", card(claim), re.MULTILINE)[1]
    said = said[0].lower() + said[1:]
    records = [RECORDS[test.experiment] for test in claim.tests]
    held = [record.get("claims", {}).get(claim.id, record["holds"]) for record in records]
    assert said in VERDICTS and (said == "not yet tested") == (not records)
    if records:
        assert (said == "holds") == all(held)
    if said == "can't tell":
        low, high = records[0]["comparisons"][claim.tests[0].decides]["interval"]
        assert low < 0 < high


@pytest.mark.parametrize("claim", TESTED, ids=lambda claim: claim.id)
def test_a_tested_claim_leads_to_a_heading_of_its_chapter_and_to_its_command(claim):
    notebook = nbformat.read(ROOT / "notebooks" / f"{named(claim.chapter).title}.ipynb", 4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for test in claim.tests:
        assert f"\n## {test.heading}\n" in f"\n{text}\n"
        assert f"`{RECORDS[test.experiment]['command']}`" in part(claim, "Where") + card(claim)


def test_the_tally_counts_the_cards_and_leads_to_each():
    for verdict, sign in VERDICTS.items():
        cards = [claim.id for claim in CLAIMS if f"\n{sign} **{verdict[0].upper()}{verdict[1:]}**\n" in card(claim)]
        count, links = re.search(rf"^\| {re.escape(sign)} {verdict} \| (\d+) \| (.*) \|$", PAGE, re.MULTILINE).groups()
        assert (int(count), re.findall(r"\[(C\d+)\]\(#claim-c\d+\)", links)) == (len(cards), cards)
