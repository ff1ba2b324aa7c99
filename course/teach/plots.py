"""Pictures of results. Every one has one look (`course.mplstyle`), a text that says the same, and no chartjunk."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from course.think.evaluation import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "os^DvP"  # one a series, beside its color


@dataclass(frozen=True)
class Picture:
    """A figure as a PNG with a text that says what it shows, for those who cannot see it and for the site."""

    png: bytes
    alt: str

    def __str__(self) -> str:
        return self.alt

    def __repr__(self) -> str:
        return self.alt

    def _ipython_display_(self) -> None:
        """The picture, then its text folded up below: JupyterLab gives pictures no `alt`, whatever a notebook says."""
        from IPython.display import HTML, display

        data = {"image/png": base64.b64encode(self.png).decode("ascii"), "text/plain": self.alt}
        display(data, metadata={"image/png": {"alt": self.alt}}, raw=True)
        display(HTML(f"<details><summary>The picture in words</summary>{escape(self.alt)}</details>"))


def picture(figure: "Figure", alt: str) -> Picture:
    """Draw a figure once and for all. Raises ValueError without a text that says what it shows."""
    if not alt.strip():
        raise ValueError("a picture needs a text that says what it shows: give it as `alt`")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Picture(buffer.getvalue(), alt)


def new_figure(rows: int = 1, columns: int = 1, **settings):
    """A figure and its axes in the course's look, outside pyplot: nothing stays open, nothing is drawn twice."""
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(str(resources.files("course.teach") / "course.mplstyle")):
        figure = Figure(**settings)
        return figure, figure.subplots(rows, columns)


def compare(
    scores: Mapping[str, Mapping[str, Score]], marks: Mapping[str, float], mark: str = "best constant"
) -> Picture:
    """Scores of several ways (series), group by group, with 95 % intervals.

    `scores[series][group]`; `marks[group]` is a share to compare with, drawn as a short line. Raises ValueError if a
    series lacks a group.
    """
    groups = list(marks)
    if missing := [name for name, series in scores.items() if set(series) != set(groups)]:
        raise ValueError(f"{', '.join(missing)} must have a score for each of {', '.join(groups)}, and for no other")
    figure, axes = new_figure(figsize=(7, 0.8 + 0.55 * len(groups)))
    for number, (name, series) in enumerate(scores.items()):
        offset = (number - (len(scores) - 1) / 2) * 0.22
        _points(axes, [series[group] for group in groups], offset, MARKERS[number], name)
    for place, group in enumerate(groups):
        axes.plot([marks[group]] * 2, [place - 0.38, place + 0.38], color="0.48", linewidth=1.5, linestyle=":",
                  label=mark if not place else None)  # fmt: skip
    axes.set(
        xlim=(-0.02, 1.02), xlabel="share right, with 95 % interval", yticks=range(len(groups)), yticklabels=groups
    )
    axes.invert_yaxis()
    axes.grid(axis="x")
    figure.legend(loc="outside upper left", ncols=len(scores) + 1)
    said = [
        f"{group}: "
        + ", ".join(f"{name} {series[group]}" for name, series in scores.items())
        + f", {mark} {marks[group]:.2f}"
        for group in groups
    ]
    return picture(figure, "Share right with 95 % intervals. " + "; ".join(said) + ".")


def _points(axes, scores: Sequence[Score], offset: float, marker: str, name: str) -> None:
    """One series: a point and an interval a group."""
    means = [score.mean for score in scores]
    below = [max(score.mean - score.interval[0], 0.0) for score in scores]
    above = [max(score.interval[1] - score.mean, 0.0) for score in scores]
    heights = [place + offset for place in range(len(scores))]
    axes.errorbar(means, heights, xerr=(below, above), fmt=marker, label=name, capsize=3)
