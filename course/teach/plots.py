"""Pictures of results. Every one has one look (`course.mplstyle`), a text that says the same, and no chartjunk."""

import base64
import functools
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from course._shapes import Float
from course.think.evaluation import Estimate, Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "os^DvP"  # one a series, beside its color
LINES = ("-", "--", "-.", ":")
Measured = Score | Estimate | Mapping  # the last is what a results file holds


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

    Half of them are the commonest, and half the commonest among those alike, so that rare ones have a neighbor.
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


@in_our_look
def compare(
    scores: Mapping[str, Mapping[str, Measured]], marks: Mapping[str, float], mark: str = "best constant"
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
    figure.legend(loc="outside upper left", ncols=min(3, len(scores) + 1))
    said = [
        f"{group}: "
        + ", ".join(f"{name} {_said(series[group])}" for name, series in scores.items())
        + f", {mark} {marks[group]:.2f}"
        for group in groups
    ]
    return picture(figure, "Share right with 95 % intervals. " + "; ".join(said) + ".")


@in_our_look
def curves(
    panels: Mapping[str, Mapping[str, Mapping[float, Measured]]],
    xlabel: str,
    ylabel: str = "share right",
    *,
    ylim: tuple[float, float] | None = (-0.03, 1.03),
    doubling: bool = False,
) -> Picture:
    """Measured values against a number, with 95 % intervals; up to three panels in a row, a line a series.

    `doubling` spaces 1, 2, 4, 8 evenly.

    `panels[panel][series][x]` is a score, an estimate, or what a results file holds of either. Raises ValueError if
    there is nothing to draw.
    """
    if not panels or not all(line for panel in panels.values() for line in panel.values()):
        raise ValueError("nothing to draw: every panel needs a series, and every series a point")
    rows, columns = -(-len(panels) // 3), min(3, len(panels))
    figure, grid = new_figure(rows, columns, figsize=(7, 0.8 + 2.6 * rows), sharey=True, squeeze=False)
    said, names = [], list(dict.fromkeys(name for panel in panels.values() for name in panel))
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    for axes, (title, panel) in zip(grid.flat, panels.items(), strict=False):
        for name, line in panel.items():
            number = names.index(name)
            _line(axes, line, name, MARKERS[number], LINES[number % len(LINES)], f"C{number}")
            said.append(f"{title} {name}: " + ", ".join(f"{x} {_measured(y)[0]:.2f}" for x, y in line.items()))
        axes.set(title=title if len(panels) > 1 else "", xlabel=xlabel)
        if ylim:  # None would fix what the first panel needs
            axes.set_ylim(ylim)
        if doubling:
            ticks = sorted({x for line in panel.values() for x in line})
            axes.set_xscale("log", base=2)
            axes.set_xticks(ticks, [str(x) for x in ticks])
        else:
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y")
    for axes in grid[:, 0]:
        axes.set_ylabel(ylabel)
    lines = {line.get_label(): line for axes in figure.axes for line in axes.containers}
    if len(names) > 1:
        figure.legend(list(lines.values()), list(lines), loc="outside upper left", ncols=len(names))
    return picture(figure, f"{ylabel.capitalize()} by {xlabel}. " + "; ".join(said) + ".")


@in_our_look
def history(values: Mapping[int, float], xlabel: str, ylabel: str) -> Picture:
    """A value along a run, one point a step, joined. Raises ValueError if there are none."""
    if not values:
        raise ValueError("nothing to draw: the run has not made a step")
    figure, axes = new_figure(figsize=(7, 3))
    axes.plot(list(values), list(values.values()), linewidth=1)
    axes.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, None))
    axes.grid(axis="y")
    return picture(figure, f"{ylabel.capitalize()} by {xlabel}: {milestones(values)}.")


def milestones(values: Mapping[int, float]) -> str:
    """Five values along a run in words, the first and the last among them."""
    steps = list(values)
    shown = [steps[place * (len(steps) - 1) // 4] for place in range(5)]
    return ", ".join(f"{values[step]:.2f} at {step}" for step in dict.fromkeys(shown))


@in_our_look
def ranked(shares: Mapping[str, float], xlabel: str) -> Picture:
    """Shares as horizontal bars, in the order given. Raises ValueError if there are none."""
    if not shares:
        raise ValueError("nothing to draw: give at least one share")
    figure, axes = new_figure(figsize=(7, 0.9 + 0.32 * len(shares)))
    bars = axes.barh(list(shares), list(shares.values()), color="C0", height=0.6)
    axes.bar_label(bars, [f"{share:.2f}" for share in shares.values()], padding=4, color="0.48")
    axes.set(xlabel=xlabel, xlim=(0, 1.1))
    axes.invert_yaxis()
    return picture(
        figure, f"{xlabel.capitalize()}: " + ", ".join(f"{name} {x:.2f}" for name, x in shares.items()) + "."
    )


@in_our_look
def scattered(points: Mapping[str, tuple[float, float]], xlabel: str, ylabel: str) -> Picture:
    """Named points in the unit square, the name beside each. Raises ValueError if there are none."""
    if not points:
        raise ValueError("nothing to draw: give at least one point")
    figure, axes = new_figure(figsize=(7, 4))
    free = {True: -1.0, False: -1.0}  # from which height on there is room for a name, left and right
    for name, (x, y) in sorted(points.items(), key=lambda point: point[1][1]):
        axes.plot(x, y, "o", color="C0")
        left = x > 0.6
        height = max(y, free[left])
        free[left] = height + 0.07
        place, side = (x - 0.08, "right") if left else (x + 0.08, "left")
        thread = {"arrowstyle": "-", "color": "0.48", "alpha": 0.5}
        axes.annotate(name, (x, y), xytext=(place, height), ha=side, va="center", color="0.48", arrowprops=thread)
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.grid()
    said = ", ".join(f"{name} at {x:.2f}, {y:.2f}" for name, (x, y) in points.items())
    return picture(figure, f"{ylabel.capitalize()} against {xlabel}: {said}.")


@in_our_look
def attention(weights: Float[Tensor, "T T"], pieces: Sequence[str]) -> Picture:
    """Who looks at whom: a row for each token, stronger where it takes more. Raises ValueError if sizes do not fit."""
    if len(pieces) != len(weights):
        raise ValueError(f"{len(pieces)} tokens do not name {len(weights)} rows")
    figure, axes = new_figure(figsize=(7, 6.4))
    from matplotlib.colors import to_rgba

    shades = np.tile(to_rgba("C0"), (*weights.shape, 1))
    shades[:, :, 3] = weights.numpy()  # clear where nothing is taken, on whatever page this stands
    axes.imshow(shades)
    names = [piece.replace("\n", "↵").replace(" ", "␣") for piece in pieces]
    axes.set(yticks=range(len(names)), yticklabels=names, xticks=range(len(names)), xlabel="takes from", ylabel="token")
    axes.set_xticklabels(names, rotation=90)
    axes.tick_params(labelsize=7, length=0)
    most = [(names[row], names[int(line.argmax())]) for row, line in enumerate(weights)]
    said = ", ".join(f"{token} from {source}" for token, source in most[-6:])
    return picture(figure, f"Attention of one head over {len(names)} tokens. The last six take most: {said}.")


def _measured(value: Measured) -> tuple[float, tuple[float, float]]:
    """The mean and the interval of a score or an estimate, be it an object or a record."""
    if isinstance(value, Mapping):
        return value["mean"], tuple(value["interval"])
    return value.mean, value.interval


def _said(value: Measured) -> str:
    mean, (low, high) = _measured(value)
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def _line(axes, points: Mapping[float, Measured], name: str, marker: str, line: str, color: str) -> None:
    """One series: points with intervals, joined."""
    places, (means, spread) = [float(x) for x in points], _bars(points.values())
    axes.errorbar(places, means, yerr=spread, fmt=marker + line, color=color, label=name, capsize=2, markersize=5)


def _points(axes, scores: Sequence[Measured], offset: float, marker: str, name: str) -> None:
    """One series: a point and an interval a group."""
    means, spread = _bars(scores)
    heights = [place + offset for place in range(len(scores))]
    axes.errorbar(means, heights, xerr=spread, fmt=marker, label=name, capsize=3)


def _bars(values: Iterable[Measured]) -> tuple[list[float], tuple[list[float], list[float]]]:
    """Means, and how far their intervals reach below and above them."""
    measured = [_measured(value) for value in values]
    below = [max(mean - low, 0.0) for mean, (low, _) in measured]
    above = [max(high - mean, 0.0) for mean, (_, high) in measured]
    return [mean for mean, _ in measured], (below, above)
