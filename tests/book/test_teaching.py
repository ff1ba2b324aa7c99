"""The instructor's guide: minutes that add up, misconceptions with a question each, kinds of exam items as they are."""

import re

import nbformat
import pytest

from book.chapters import named
from book.teaching import plans
from course.contents import CHAPTERS
from course.teach.exam import KINDS
from tests.project import ROOT, read

PAGE = read("book/teaching.md")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def test_the_minutes_of_every_finished_chapter_are_those_of_the_list_of_chapters():
    rows = re.findall(r"^\| \[chapter (\w+)\]\(\S+\) \| .+ \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    finished = [one for one in CHAPTERS if one.finished]
    assert rows == [(one.number.lstrip("0") or "0", str(one.machine), str(one.learner)) for one in finished]
    machine, reader = re.search(r"^\| together \| \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE).groups()
    assert (int(machine), int(reader)) == (sum(int(row[1]) for row in rows), sum(int(row[2]) for row in rows))


@pytest.mark.parametrize("plan", plans(), ids=lambda plan: plan["name"])
def test_a_plan_adds_up_and_gives_no_chapter_more_time_than_it_takes(plan):
    assert sum(block["minutes"] for block in plan["blocks"]) == plan["total"]
    blocks = [block for block in plan["blocks"] if "chapter" in block]
    for chapter in {block["chapter"] for block in blocks}:
        in_all = sum(block["minutes"] for block in blocks if block["chapter"] == chapter)
        assert named(chapter).finished and in_all <= named(chapter).learner


@pytest.mark.parametrize("plan", plans(), ids=lambda plan: plan["name"])
def test_the_parts_that_a_plan_names_are_headings_of_its_chapter(plan):
    for block in plan["blocks"]:
        for heading in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*", block["do"]):
            notebook = nbformat.read(ROOT / "notebooks" / f"{named(block['chapter']).title}.ipynb", 4)
            assert any(f"## {' '.join(heading.split())}" in cell.source for cell in notebook.cells), heading


def test_there_are_plans_for_ninety_minutes_a_day_and_six_weeks():
    assert [plan["name"] for plan in plans()] == ["Ninety minutes", "One day", "Six weeks"]
    assert plans()[0]["total"] == 90 and plans()[1]["total"] <= 8 * 60
    weeks = [int(number) for number in re.findall(r"\bWeek (\d)", str(plans()[2]))]
    assert weeks == sorted(weeks) and set(weeks) == set(range(1, 7))


def test_every_misconception_has_a_question_and_says_what_answers_show():
    part = re.search(r"## Common misconceptions\n(.*?)\n## ", PAGE, re.DOTALL)[1]
    sections = re.split(r"^### ", part, flags=re.MULTILINE)[1:]
    assert len(sections) >= 10
    for section in sections:
        question, *answers = re.split(r"\n\n", section.split("\n", 2)[2].strip())
        assert question.startswith("**Ask:** *") and "?" in question, section[:40]
        assert len(" ".join(answers).split()) >= 15, section[:40]


def test_the_page_tells_how_many_kinds_of_items_there_are():
    said = re.search(r"There are\s+(\w+) kinds of items: (.+?)\.", PAGE, re.DOTALL)
    assert said[1] == NUMBERS[len(KINDS)]
    assert len(re.split(r", (?:and )?", " ".join(said[2].split()))) == len(KINDS)
