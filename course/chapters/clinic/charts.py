"""Pictures of chapter 06b: seeds as thin lines, their mean as a thick one; zero-variance groups; picking the best."""

from collections.abc import Mapping, Sequence

from course.chapters.clinic.picking import expected_best
from course.teach.pictures import Picture, in_our_look, new_figure, picture, series_style
from course.teach.plots import milestones
from course.teach.widgets import Adjustable, Frame, Slider
from course.think.evaluation import mean

Lines = Mapping[str, Mapping[float, Sequence[float]]]  # a series: its values at each place, one a seed
SPAN = 0.02  # a panel shows at least so much, or rounding would look like a curve


@in_our_look
def chart(panels: Mapping[str, Lines], xlabel: str = "step", *, joined: bool = True) -> Picture:
    """Panels side by side; a thin line a seed and a thick one for their mean, or points if they are not `joined`."""
    figure, grid = new_figure(1, len(panels), figsize=(7, 3.1), squeeze=False)
    said = []
    for axes, (title, lines) in zip(grid.flat, panels.items(), strict=True):
        for number, (name, line) in enumerate(lines.items()):
            means = {x: mean(list(values)) for x, values in line.items()}
            look = series_style(number, markers=not joined, lines=joined)
            seed = {**look, "marker": ""} if joined else look
            for values in zip(*line.values(), strict=True):
                axes.plot(list(line), values, **seed, linewidth=0.7, alpha=0.4)
            axes.plot(list(means), list(means.values()), **look, linewidth=2, label=name)
            said.append(f"{title}, {name}: {milestones(means)}")
        axes.set(title=title, xlabel=xlabel)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y")
        _give_room(axes, [value for line in lines.values() for values in line.values() for value in values])
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=min(3, len(labels)))
    several = max(len(next(iter(line.values()))) for lines in panels.values() for line in lines.values())
    seeds = f" Means of {several} seeds." if several > 1 else ""
    return picture(figure, f"By {xlabel}.{seeds} " + "; ".join(said) + ".")


def _give_room(axes, values: Sequence[float]) -> None:
    """From zero on where nothing is below it, to one where all are shares, and never less than a little."""
    low, high = min(0.0, *values), max(0.0, *values)
    if low > -1e-6 and 0.5 < high <= 1:
        low, high = 0.0, 1.0
    if high - low < SPAN:
        low, high = low - SPAN / 2, high + SPAN / 2
    margin = 0.04 * (high - low)
    axes.set_ylim(low - margin, high + margin)


@in_our_look
def zero_variance(points: Mapping[str, tuple[float, float]], group: int) -> Picture:
    """Sets of problems by the share right and the share of zero-variance groups, over the curve of p^G + (1-p)^G."""
    figure, axes = new_figure(figsize=(7, 3.4))
    chances = [place / 100 for place in range(101)]
    axes.plot(chances, [p**group + (1 - p) ** group for p in chances], color="0.48", label="all problems equally hard")
    for number, (name, (right, equal)) in enumerate(points.items()):
        axes.plot(right, equal, label=name, **series_style(number, lines=False))
    axes.set(xlabel="share right", ylabel="share of zero-variance groups", xlim=(-0.03, 1.03), ylim=(-0.03, 1.06))
    axes.grid()
    figure.legend(loc="outside right upper")
    said = "; ".join(f"{name}: {right:.2f} right, {equal:.2f} zero-variance" for name, (right, equal) in points.items())
    return picture(figure, f"Zero-variance groups of {group} by share right. {said}.")


TRIES = (1, 2, 5, 10, 20, 50, 100)


class Promise(Adjustable):
    """Two sliders, how good a model is and how many problems the benchmark has; and what picking the best reports."""

    def __init__(self, right: float = 0.5, problems: int = 30):
        axes = {"x": TRIES, "ticks": TRIES, "log": True, "ylim": (0, 1)}
        axes |= {"xlabel": "seeds or checkpoints to pick from", "ylabel": "reported share right"}
        sliders = Slider("truth", right, 0, 1, 0.1), Slider("problems", problems, 10, 490, 20)
        super().__init__(sliders, promised, promises, axes=axes)


def promised(right: float, problems: int) -> Frame:
    """What the best of so many tries shows on a benchmark of this size, if the truth is always `right`."""
    best = [expected_best(right, problems, k) for k in TRIES]
    said = ", ".join(f"{value:.2f} of {k}" for k, value in zip(TRIES, best, strict=True))
    words = f"Truth {right:.2f}, benchmark of {problems} problems. The best shows {said}."
    return Frame({"the best of them": best}, words, level=right)


@in_our_look
def promises(right: float, problems: int) -> Picture:
    """The same as a picture that stands still."""
    figure, axes = new_figure(figsize=(7, 3))
    shown = promised(right, problems)
    axes.plot(TRIES, shown.lines["the best of them"], "o-", label="the best of them")
    axes.axhline(right, color="0.48", linestyle=":", label="the truth")
    axes.set(xlabel="seeds or checkpoints to pick from", ylabel="reported share right", ylim=(0, 1.03), xscale="log")
    axes.set_xticks(TRIES, [str(k) for k in TRIES])
    axes.minorticks_off()
    axes.grid(axis="y")
    axes.legend(loc="lower right")
    return picture(figure, shown.said)
