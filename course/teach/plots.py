"""Charts of results: scores compared, curves, histories, shares, named points, attention."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from torch import Tensor

from course._shapes import Float
from course.teach.pictures import Picture, in_our_look, new_figure, picture, rows_of_legend, series_style
from course.think.evaluation import Estimate, Score

LEGEND = 0.25  # inches of a row of the legend
Measured = Score | Estimate | Mapping  # the last is what a results file holds


@in_our_look
def compare(
    scores: Mapping[str, Mapping[str, Measured]],
    marks: Mapping[str, float],
    mark: str = "best constant",
    xlabel: str = "share right",
) -> Picture:
    """Scores of several ways (series), group by group, with 95 % intervals.

    `scores[series][group]`; `marks[group]` is a share to compare with, drawn as a short line; `xlabel` says which share
    it is. Raises ValueError if a series lacks a group, if there is nothing to draw, and for more series than can be
    told apart (twelve).
    """
    groups = list(marks)
    if not groups or not scores:
        raise ValueError("nothing to draw: give at least one series and one group")
    if missing := [name for name, series in scores.items() if set(series) != set(groups)]:
        raise ValueError(f"{', '.join(missing)} must have a score for each of {', '.join(groups)}, and for no other")
    legend = LEGEND * rows_of_legend(len(scores) + 1, 3)
    figure, axes = new_figure(figsize=(7, 0.8 + legend + max(0.55, 0.1375 * len(scores)) * len(groups)))
    for number, (name, series) in enumerate(scores.items()):
        offset = (number - (len(scores) - 1) / 2) * min(0.22, 0.88 / len(scores))
        _points(axes, [series[group] for group in groups], offset, name, series_style(number, lines=False))
    for place, group in enumerate(groups):
        axes.plot([marks[group]] * 2, [place - 0.38, place + 0.38], color="0.48", linewidth=1.5, linestyle=":",
                  label=mark if not place else None)  # fmt: skip
    axes.set(xlim=(-0.02, 1.02), xlabel=f"{xlabel}, with 95 % interval", yticks=range(len(groups)), yticklabels=groups)
    axes.invert_yaxis()
    axes.grid(axis="x")
    figure.legend(loc="outside upper left", ncols=min(3, len(scores) + 1))
    said = [
        f"{group}: "
        + ", ".join(f"{name} {_said(series[group])}" for name, series in scores.items())
        + f", {mark} {marks[group]:.2f}"
        for group in groups
    ]
    return picture(figure, f"{xlabel[0].upper()}{xlabel[1:]} with 95 % intervals. " + "; ".join(said) + ".")


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
    there is nothing to draw, and for more series than can be told apart (twelve).
    """
    if not panels or not all(line for panel in panels.values() for line in panel.values()):
        raise ValueError("nothing to draw: every panel needs a series, and every series a point")
    rows, columns = -(-len(panels) // 3), min(3, len(panels))
    said, names = [], list(dict.fromkeys(name for panel in panels.values() for name in panel))
    legend = LEGEND * rows_of_legend(len(names), 4)
    figure, grid = new_figure(rows, columns, figsize=(7, 0.8 + legend + 2.6 * rows), sharey=True, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    for axes, (title, panel) in zip(grid.flat, panels.items(), strict=False):
        for name, line in panel.items():
            _line(axes, line, name, series_style(names.index(name)))
            said.append(f"{title} {name}: " + ", ".join(f"{x} {_said(y)}" for x, y in line.items()))
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
        figure.legend(list(lines.values()), list(lines), loc="outside upper left", ncols=min(4, len(names)))
    return picture(figure, f"{ylabel.capitalize()} by {xlabel}. " + "; ".join(said) + ".")


@in_our_look
def history(values: Mapping[int, float], xlabel: str, ylabel: str) -> Picture:
    """One value at each step of a run, as a line. Raises ValueError if there are none."""
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
    sides = [{name: at for name, at in points.items() if (at[0] > 0.6) is left} for left in (False, True)]
    tall = max(4, 0.28 * max(map(len, sides)))
    figure, axes = new_figure(figsize=(7, tall))
    heights = {name: height for side in sides for name, height in _apart(side, 0.28 / tall).items()}
    for name, (x, y) in sorted(points.items(), key=lambda point: point[1][1]):
        axes.plot(x, y, "o", color="C0")
        place, side = (x - 0.08, "right") if x > 0.6 else (x + 0.08, "left")
        thread = {"arrowstyle": "-", "color": "0.48", "alpha": 0.5}
        axes.annotate(
            name, (x, y), xytext=(place, heights[name]), ha=side, va="center", color="0.48", arrowprops=thread
        )
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.grid()
    said = ", ".join(f"{name} at {x:.2f}, {y:.2f}" for name, (x, y) in points.items())
    return picture(figure, f"{ylabel.capitalize()} against {xlabel}: {said}.")


@in_our_look
def attention(weights: Float[Tensor, "T T"], pieces: Sequence[str]) -> Picture:
    """The attention weights of one head as a grid: each row shows which tokens one token attends to.

    Raises ValueError unless there is a name for each token.
    """
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


def _apart(points: Mapping[str, tuple[float, float]], gap: float) -> dict[str, float]:
    """Heights for the names of points: at the point or above, a gap from the next, and none above the picture."""
    heights: dict[str, float] = {}
    free = -1.0
    for name, (_, y) in sorted(points.items(), key=lambda point: point[1][1]):
        heights[name] = max(y, free)
        free = heights[name] + gap
    top = max(1.0, *(y for _, y in points.values())) if points else 1.0
    for name in reversed(heights):
        heights[name] = min(heights[name], top)
        top = heights[name] - gap
    return heights


def _measured(value: Measured) -> tuple[float, tuple[float, float]]:
    """The mean and the interval of a score or an estimate, be it an object or a record."""
    if isinstance(value, Mapping):
        return value["mean"], tuple(value["interval"])
    return value.mean, value.interval


def _said(value: Measured) -> str:
    mean, (low, high) = _measured(value)
    return f"{mean:.2f}" if low == mean == high else f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def _line(axes, points: Mapping[float, Measured], name: str, style: dict[str, object]) -> None:
    """One series: points with intervals, joined."""
    places, (means, spread) = [float(x) for x in points], _bars(points.values())
    axes.errorbar(places, means, yerr=spread, label=name, capsize=2, markersize=5, **style)


def _points(axes, scores: Sequence[Measured], offset: float, name: str, style: dict[str, object]) -> None:
    """One series: a point and an interval a group."""
    means, spread = _bars(scores)
    heights = [place + offset for place in range(len(scores))]
    axes.errorbar(means, heights, xerr=spread, label=name, capsize=3, **style)


def _bars(values: Iterable[Measured]) -> tuple[list[float], tuple[list[float], list[float]]]:
    """Means, and how far their intervals reach below and above them."""
    measured = [_measured(value) for value in values]
    below = [max(mean - low, 0.0) for mean, (low, _) in measured]
    above = [max(high - mean, 0.0) for mean, (_, high) in measured]
    return [mean for mean, _ in measured], (below, above)
