"""Slides: a notebook's own pictures, each with its heading and text; a deck loads nothing and escapes what it shows."""

import re

import nbformat
import pytest

from course.teach.slides import deck, slides
from tests.notebooks import NOTEBOOKS

PICTURE = {"image/png": "QUJD\n"}


def notebook(*cells):
    """A notebook of texts and of pictures, which are given by what they show."""
    made = []
    for kind, text in cells:
        if kind == "text":
            made.append(nbformat.v4.new_markdown_cell(text))
        else:
            output = nbformat.v4.new_output("display_data", PICTURE, metadata={"image/png": {"alt": text}})
            made.append(nbformat.v4.new_code_cell("plot()", outputs=[output]))
    return nbformat.v4.new_notebook(cells=made)


def test_a_slide_has_the_heading_above_its_picture_and_the_sentence_after_it():
    (one, two) = slides(
        notebook(
            ("text", "# Title\n\nWords."),
            ("text", "## First part"),
            ("picture", "a curve"),
            ("text", "The *curve* rises, as [here](a.html). More words.\n\nAnother paragraph."),
            ("picture", "a second one"),
            ("text", "## Next part"),
        )
    )
    assert (one.heading, one.text, one.caption) == ("First part", "a curve", "The curve rises, as here.")
    assert (two.heading, two.text, two.caption) == ("First part", "a second one", "")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_picture_of_a_notebook_is_on_a_slide(path):
    outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    texts = [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
    assert [one.text for one in slides(nbformat.read(path, 4))] == texts != []
    assert deck(path).count("<img ") == len(texts)


def test_a_deck_loads_nothing_and_shows_text_as_text(tmp_path):
    nbformat.write(
        notebook(("text", "# <b>Title</b>"), ("picture", '"><script>alert(1)</script>')), tmp_path / "a.ipynb"
    )
    page = deck(tmp_path / "a.ipynb")
    assert "<script" not in page and "&lt;b&gt;Title" in page
    assert not re.search(r'(?:src|href)="(?!data:image)|@import|url\(', page)


def test_a_notebook_without_pictures_is_refused(tmp_path):
    nbformat.write(notebook(("text", "# Only words")), tmp_path / "a.ipynb")
    with pytest.raises(ValueError, match="a.ipynb has no pictures"):
        deck(tmp_path / "a.ipynb")
