"""What a notebook becomes on the site: the same one, with the chapter's heading and a badge that is a picture."""

from pathlib import Path

import nbformat

from course.contents import CHAPTERS, Chapter

LINK = "[Open in Colab]("
BADGE = "[![Open in Colab](_static/colab.svg)]("  # in the notebook a picture would need a network


def staged(path: Path) -> nbformat.NotebookNode:
    """A notebook as Sphinx reads it.

    Raises ValueError if it is no chapter's, does not open with the chapter's question and the link to Colab, or has a
    picture without a text.
    """
    notebook = nbformat.read(path, as_version=4)
    check_alternative_texts(notebook)
    first = notebook.cells[0]
    if first.source.count(LINK) != 1:
        raise ValueError(f"{path.name} must link to Colab once in its first cell")
    first.source = with_heading(first.source, chapter_of(path)).replace(LINK, BADGE)
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
