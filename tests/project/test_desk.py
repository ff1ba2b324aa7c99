"""The teacher's desk: exams and slides from the command line."""

import nbformat
import pytest
from typer.testing import CliRunner

from course.cli import app
from course.teach.exam import exam, key, paper

RUN = CliRunner()


@pytest.mark.parametrize("option, text", [([], paper), (["--key"], key)])
def test_an_exam_is_printed_and_its_key_apart(option, text):
    done = RUN.invoke(app, ["exam", "--seed", "3", "--items", "4", *option])
    assert (done.exit_code, done.stdout.strip()) == (0, text(exam(3, 4), 3).strip())


def test_slides_are_written_one_file_for_each_notebook(tmp_path):
    output = nbformat.v4.new_output("display_data", {"image/png": "QUJD"}, metadata={"image/png": {"alt": "a curve"}})
    cells = [nbformat.v4.new_markdown_cell("# A title"), nbformat.v4.new_code_cell("plot()", outputs=[output])]
    for name in ("one", "two"):
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    notebooks = [str(tmp_path / f"{name}.ipynb") for name in ("one", "two")]
    done = RUN.invoke(app, ["slides", *notebooks, "--out", str(tmp_path / "deck")])
    assert done.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "deck").iterdir()) == ["one.html", "two.html"]
    assert "a curve" in (tmp_path / "deck" / "one.html").read_text(encoding="utf-8")
