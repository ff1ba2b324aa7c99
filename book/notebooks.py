"""What a notebook becomes on the site: the same one, with the chapter's heading and a badge that is a picture.

The notebook itself has a plain link: a picture would need a network in JupyterLab and in Colab. It also marks the cells
whose outputs the tests compare, which a reader need not see.
"""

import re
from pathlib import Path

import nbformat

from course.contents import CHAPTERS, Chapter

LINK = re.compile(r"\[Open in Colab\]\((\S+)\)")
BADGE = r'<a class="colab" href="\1"><img src="_static/colab.svg" alt="Open in Colab" width="142" height="30"></a>'
MARK = "# NBVAL_CHECK_OUTPUT\n"


def staged(path: Path) -> nbformat.NotebookNode:
    """A notebook as Sphinx reads it.

    Raises ValueError if it is no chapter's, does not open with the chapter's question and the link to Colab, or has a
    picture without a text.
    """
    notebook = nbformat.read(path, as_version=4)
    check_alternative_texts(notebook)
    first = notebook.cells[0]
    text, links = LINK.subn(BADGE, with_heading(first.source, chapter_of(path)))
    if links != 1:
        raise ValueError(f"{path.name} must link to Colab once in its first cell, in Markdown")
    first.source = text
    for cell in notebook.cells:
        cell.source = cell.source.removeprefix(MARK)
    return notebook


def chapter_of(path: Path) -> Chapter:
    """The chapter whose notebook this is."""
    found = [chapter for chapter in CHAPTERS if chapter.title == path.stem]
    if not found:
        raise ValueError(f"{path.name} is no chapter of course/contents.py")
    return found[0]


def with_heading(text: str, chapter: Chapter) -> str:
    """A notebook's first cell with number, term and question in the place of the question."""
    head, *rest = text.splitlines()
    if head.casefold() != f"# {chapter.question}".casefold():
        raise ValueError(f"{chapter.title} opens with {head!r}, and its question is {chapter.question!r}")
    return "\n".join([f"# {chapter.heading}", *rest])


def check_alternative_texts(notebook: nbformat.NotebookNode) -> None:
    """Raise ValueError for a picture without an `alt`, the text that says what it shows."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in output.get("data", {}):
                if kind.startswith("image/") and not output.get("metadata", {}).get(kind, {}).get("alt"):
                    raise ValueError(f"a picture has no text that says what it shows: {cell.source[:60]!r}")
