"""Slides from a notebook's own figures: one picture a slide, with the heading above it and the sentence that follows.

The deck is one HTML file that loads nothing. It scrolls from slide to slide, and prints one slide on each page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import nbformat

STYLE = """
body { margin: 0; font-family: system-ui, sans-serif; color: #1a1a1a; background: #fff; }
html { scroll-snap-type: y proximity; }
section { box-sizing: border-box; min-height: 100vh; padding: 4vh 6vw; scroll-snap-align: start; display: flex;
  flex-direction: column; justify-content: center; gap: 2vh; break-after: page; }
h1, h2 { margin: 0; line-height: 1.2; }
h1 { font-size: 3rem; } h2 { font-size: 2rem; }
img { max-width: 100%; max-height: 62vh; object-fit: contain; align-self: flex-start; }
p { margin: 0; font-size: 1.3rem; line-height: 1.4; max-width: 70em; }
@media print { @page { size: 297mm 167mm; margin: 0; } section { min-height: 165mm; } }
"""


@dataclass(frozen=True)
class Slide:
    """A picture of a notebook: the heading above it, its data in base64, what it shows in words, and its caption."""

    heading: str
    kind: str  # such as image/png
    picture: str
    text: str
    caption: str = ""  # the first sentence that the notebook says after it


def slides(notebook: nbformat.NotebookNode) -> Iterator[Slide]:
    """The pictures of a notebook's outputs in order."""
    heading = ""
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            found = re.findall(r"^#{1,3} (.+)$", cell.source, re.MULTILINE)
            heading = found[-1] if found else heading
        for output in cell.get("outputs", []):
            for kind, data in output.get("data", {}).items():
                if kind in ("image/png", "image/jpeg"):
                    text = output.get("metadata", {}).get(kind, {}).get("alt", "")
                    yield Slide(heading, kind, "".join(data.split()), text, _said_after(notebook, place))


def _said_after(notebook: nbformat.NotebookNode, place: int) -> str:
    """The first sentence of the paragraph that follows a cell, without its markup; nothing where none follows."""
    following = notebook.cells[place + 1] if place + 1 < len(notebook.cells) else None
    if following is None or following.cell_type != "markdown" or not re.match(r"[\w*`]", following.source):
        return ""
    words = re.sub(r"\[([^]]+)\]\([^)]*\)|[*`]", r"\1", " ".join(following.source.split("\n\n")[0].split()))
    sentence = re.split(r"(?<=[.?!])\s", words)[0]
    return sentence if len(sentence.split()) > 3 else ""  # "Why?" says nothing by itself


def deck(path: Path) -> str:
    """The slides of a notebook file as one page of HTML. Raises ValueError for a notebook without pictures."""
    notebook = nbformat.read(path, as_version=4)
    shown = list(slides(notebook))
    if not shown:
        raise ValueError(f"{path.name} has no pictures: run it first, with its outputs kept")
    title = next(
        (line[2:] for cell in notebook.cells for line in cell.source.splitlines() if line[:2] == "# "), path.stem
    )
    parts = [f"<section><h1>{escape(title)}</h1><p>{len(shown)} pictures from {escape(path.name)}</p></section>"]
    parts += [
        f'<section><h2>{escape(one.heading)}</h2><img src="data:{one.kind};base64,{escape(one.picture)}" '
        f'alt="{escape(one.text)}"><p>{escape(one.caption)}</p></section>'
        for one in shown
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body>\n'
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
