"""Handouts: learners get no solution on the page, teachers get each in its place, and both sets run to their end."""

import ast
import re
import sys

import nbformat
import papermill
import pytest

from course import cli
from course.handouts import hand_out
from course.teach.exercises import chapters, check, find, of_chapter, task
from tests.notebooks import NOTEBOOKS

SMALL = next(path for path in NOTEBOOKS if path.stem == "02_prompting")
SETS = ("learners", "teachers")
ALL = [exercise.name for chapter in chapters() for exercise in of_chapter(chapter)]


@pytest.fixture(scope="module")
def handouts(tmp_path_factory):
    """The folder with both sets of every notebook."""
    folder = tmp_path_factory.mktemp("class")
    hand_out(NOTEBOOKS, folder)
    return folder


def cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_learners_get_every_cell_and_neither_solutions_nor_outputs(handouts, path):
    mine, own = cells(handouts / "learners" / path.name), cells(path)
    assert [re.sub(", solution=False", "", cell.source) for cell in mine] == [cell.source for cell in own]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in mine)
    asked = [cell.source for cell in mine if "task(" in cell.source]
    assert all("solution=False" in source for source in asked)


@pytest.mark.parametrize("name", ALL)
def test_a_task_without_its_solution_keeps_its_hints(name):
    shown = task(name, solution=False)._repr_html_()
    assert "Solution" not in shown and "Hint 1" in shown and "Solution" in task(name)._repr_html_()
    one = find(name)
    assert not one.why or one.why not in shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_solution_of_the_teachers_set_is_right_in_a_cell_of_its_own(handouts, path, capsys):
    """With nothing else around it: each cell imports what it needs."""
    checked = [cell.source for cell in cells(handouts / "teachers" / path.name) if "check(" in cell.source]
    for source in checked:
        ast.parse(source)
        exec(source, {"check": check})  # noqa: S102 (our own text, as a kernel would run it)
        assert "right!" in capsys.readouterr().out, source
    chapter = path.stem.partition("_")[2]
    assert len(checked) == (len(of_chapter(chapter)) if chapter in chapters() else 0)


def test_the_teachers_set_keeps_what_the_course_printed_but_for_the_checks(handouts):
    for mine, own in zip(cells(handouts / "teachers" / SMALL.name), cells(SMALL)):
        assert mine.outputs == ([] if "check(" in own.source else own.outputs)


def test_outputs_stay_if_they_are_asked_for_and_those_that_fold_up_a_solution_do_not(tmp_path):
    hand_out([SMALL], tmp_path, outputs=True)
    text = (tmp_path / "learners" / SMALL.name).read_text(encoding="utf-8")
    assert "image/png" in text and "<summary>Solution" not in text


def test_the_badge_that_opens_another_copy_is_gone_and_a_wheel_stands_in_the_first_cell(tmp_path):
    for path in hand_out([SMALL], tmp_path, wheel="https://example.org/course-0.1.0-py3-none-any.whl"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert "Open in Colab" not in notebook.cells[0].source and notebook.cells[0].source.startswith("# ")
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        assert 'COURSE_WHEEL = "https://example.org/course-0.1.0-py3-none-any.whl"' in first.source


@pytest.mark.slow
@pytest.mark.parametrize("kind", SETS)
def test_one_of_each_set_runs_from_top_to_bottom(handouts, kind, tmp_path):
    ran = tmp_path / SMALL.name
    papermill.execute_notebook(handouts / kind / SMALL.name, ran, {"PRESET": "quick"}, progress_bar=False)
    printed = "".join(output.get("text", "") for cell in cells(ran) for output in cell.outputs)
    marks = {"learners": "not attempted yet", "teachers": "right!"}
    assert printed.count(marks[kind]) == len(of_chapter("prompting"))


def test_the_command_writes_both_sets_and_names_what_is_no_notebook(tmp_path, monkeypatch, capsys):
    def course(*arguments):
        monkeypatch.setattr(sys, "argv", ["course", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, capsys.readouterr()

    status, printed = course("handout", tmp_path / "class", SMALL, "--outputs")
    assert status == 0 and "1 notebooks for learners" in printed.out
    assert {path.parent.name for path in (tmp_path / "class").rglob("*.ipynb")} == set(SETS)
    (tmp_path / "x.ipynb").write_text("{}")
    for path, said in ((tmp_path / "x.ipynb", "is no notebook"), (tmp_path / "gone.ipynb", "no notebook")):
        status, printed = course("handout", tmp_path / "class", path)
        assert status == 2 and said in printed.err and printed.err.count("\n") == 1
