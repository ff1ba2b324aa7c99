"""What all pictures share: one look (`course.mplstyle`), a text that says the same, and series told apart by shape."""

import base64
import functools
import io
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = 6  # of the style sheet
MARKERS = "os^DvP"  # filled for the first six series, hollow for the next six
LINES = ("-", "--", "-.", ":")
SERIES = 2 * len(MARKERS)  # so many are told apart without their colors


@dataclass(frozen=True)
class Picture:
    """A figure as a PNG with a text that says what it shows, for those who cannot see it and for the site."""

    png: bytes
    alt: str

    def __str__(self) -> str:
        return self.alt

    def __repr__(self) -> str:
        return self.alt

    def bundle(self) -> dict[str, str]:
        """The picture as a notebook stores it."""
        return {"image/png": base64.b64encode(self.png).decode("ascii"), "text/plain": self.alt}

    def _ipython_display_(self) -> None:
        """The picture, then its text folded up below: JupyterLab gives pictures no `alt`, whatever a notebook says."""
        from IPython.display import HTML, display

        display(self.bundle(), metadata={"image/png": {"alt": self.alt}}, raw=True)
        display(HTML(f"<details><summary>The picture in words</summary>{escape(self.alt)}</details>"))


def picture(figure: "Figure", alt: str) -> Picture:
    """Draw a figure once and for all. Raises ValueError without a text that says what it shows."""
    if not alt.strip():
        raise ValueError("a picture needs a text that says what it shows: give it as `alt`")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Picture(with_few_colors(buffer.getvalue()), alt)


def with_few_colors(png: bytes) -> bytes:
    """The same picture in at most 256 colors, soft edges included: a third to a half of the bytes, and looks the same.

    Half of them are the most common, and half the most common among similar ones, so that rare ones have a neighbor.
    (Pillow's own quantizer for transparent pictures turned lines gray.)
    """
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
    words, place, counts = np.unique(pixels.view(np.uint32), return_inverse=True, return_counts=True)
    colors = words.view(np.uint8).reshape(-1, 4).astype(np.float32)  # red, green, blue, alpha
    common = np.argsort(-counts, kind="stable")
    _, first = np.unique(words[common] & 0xE0E0E0E0, return_index=True)  # alike: the same by three bits of each
    kept = colors[common[np.union1d(np.sort(first)[:128], np.arange(min(128, len(common))))]]
    # The nearest by |a - b|^2 = |a|^2 - 2ab + |b|^2, of which the first term is the same for all.
    nearest = ((kept**2).sum(1) - 2 * colors @ kept.T).argmin(1).astype(np.uint8)
    few = Image.fromarray(nearest[place].reshape(pixels.shape[:2]))
    few.putpalette(kept.astype(np.uint8).tobytes(), "RGBA")
    buffer = io.BytesIO()
    few.save(buffer, "png", optimize=True)
    return buffer.getvalue()


def in_our_look(draw: Callable[..., Picture]) -> Callable[..., Picture]:
    """Have a function draw in the course's look; it holds for everything from the first axis to the saving."""

    @functools.wraps(draw)
    def drawn(*arguments, **settings) -> Picture:
        import matplotlib.style

        with matplotlib.style.context(str(resources.files("course.teach") / "course.mplstyle")):
            return draw(*arguments, **settings)

    return drawn


def new_figure(rows: int = 1, columns: int = 1, *, sharey: bool = False, squeeze: bool = True, **settings):
    """A figure and its axes, outside pyplot: nothing stays open, nothing is drawn twice."""
    from matplotlib.figure import Figure

    figure = Figure(**settings)
    return figure, figure.subplots(rows, columns, sharey=sharey, squeeze=squeeze)


def series_style(number: int, *, markers: bool = True, lines: bool = True) -> dict[str, object]:
    """Color, marker and line of a series, as matplotlib wants them; no two look alike, in gray neither.

    Without `markers`, for a line of very many points, a few markers tell the fifth series from the first. Raises
    ValueError for more series than can be told apart.
    """
    if number >= SERIES:
        raise ValueError(f"a picture tells {SERIES} series apart, and not more: draw two pictures, or make a table")
    style: dict[str, object] = {"color": f"C{number % COLORS}", "linestyle": LINES[number % len(LINES)]}
    if not lines:
        style["linestyle"] = "none"
    if markers:
        style["marker"] = MARKERS[number % len(MARKERS)]
        if number >= len(MARKERS):
            style["markerfacecolor"] = "none"
    elif number >= len(LINES):
        style |= {"marker": MARKERS[number // len(LINES) - 1], "markevery": 0.2, "markersize": 5}
    return style


def rows_of_legend(series: int, columns: int) -> int:
    """How many rows a legend above the axes has beyond the two that every picture has room for."""
    return max(0, -(-series // columns) - 2)
