"""A picture that grows while something runs, with the steps done and the time left below it.

```python
with Live(("loss (nats)", "length (tokens)"), steps=config.steps) as live:
    for stats in train(...):
        live.add(stats["step"], {"loss (nats)": stats["loss"], "length (tokens)": stats["length"]})
```

It is a display that is replaced, so it works wherever a notebook runs, with or without a screen, and what a notebook
keeps is the last picture. In a program that is no notebook it shows nothing.
"""

import time
from collections.abc import Mapping, Sequence
from html import escape

from course.teach.pictures import Picture, in_our_look, new_figure, picture, series_style
from course.teach.plots import milestones

Values = Mapping[str, float | Mapping[str, float]]  # a number for each panel, or one for each of its series
DRAWING = 0.05  # share of the time that may go into drawing


class Live:
    """Series of numbers against steps, in panels side by side, redrawn about every second.

    `runs` is how many runs of `steps` steps follow one another, each with series of its own; a number drawn is the mean
    of up to `smooth` steps that end there. Leave it by interrupting (the square in the toolbar): the picture and what
    was learned stay, and the notebook goes on.
    """

    def __init__(self, panels: Sequence[str], steps: int, *, runs: int = 1, smooth: int = 1, every: float = 1.0):
        self.steps, self.total, self.smooth, self.every = steps, runs * steps, smooth, every
        self.values: dict[str, dict[str, dict[int, float]]] = {panel: {} for panel in panels}
        self.done = 0

    def __enter__(self) -> "Live":
        self.start = self.drawn = time.monotonic()
        self.pause = self.every
        self.shown = (_Display(), _Display())  # the picture, and the words below it
        self._show()
        return self

    def __exit__(self, kind, error, trace) -> bool:
        last = self.picture()
        self.shown[0].picture(last)
        words = f"<details><summary>The picture in words</summary>{escape(last.alt)}</details>"
        self.shown[1].html(f"{self._ended()}{words}")
        return kind is KeyboardInterrupt

    def add(self, step: int, values: Values) -> None:
        """Add the values of one step to the picture.

        Raises ValueError for a panel that was not named at the beginning, and for a thirteenth series.
        """
        for panel, several in values.items():
            if panel not in self.values:
                raise ValueError(f"there is no panel {panel!r}: choose among {', '.join(self.values)}")
            for series, value in (several if isinstance(several, Mapping) else {"": several}).items():
                known = {name for one in self.values.values() for name in one}
                series_style(len(known | {series}) - 1)  # what cannot be drawn is said at once, and not kept
                self.values[panel].setdefault(series, {})[step] = float(value)
        self.done += 1
        if (now := time.monotonic()) - self.drawn > self.pause:
            self._show()
            self.drawn = time.monotonic()
            self.pause = max(self.every, (self.drawn - now) / DRAWING)

    def picture(self) -> Picture:
        """The picture of all steps so far; before the first step, empty panels."""
        smoothed = {
            panel: {name: _smooth(line, self.smooth) for name, line in several.items()}
            for panel, several in self.values.items()
        }
        return _panels(smoothed, self.steps)

    def _show(self) -> None:
        self.shown[0].picture(self.picture())
        self.shown[1].html(self._progress())

    def _progress(self) -> str:
        bar = f'<progress value="{self.done}" max="{self.total}"></progress>'
        if not self.done:
            return f"{bar} {self.total} steps to do"
        left = (time.monotonic() - self.start) / self.done * (self.total - self.done)
        return f"{bar} step {self.done} of {self.total}, {_duration(left)} left"

    def _ended(self) -> str:
        said = f"{self.done} steps" if self.done >= self.total else f"stopped after {self.done} of {self.total} steps"
        return f"{said}, {_duration(time.monotonic() - self.start)}"


class _Display:
    """A place on the page whose content can be replaced."""

    def __init__(self):
        self.handle = None

    def picture(self, picture: Picture) -> None:
        self._put(picture.bundle(), metadata={"image/png": {"alt": picture.alt}}, raw=True)

    def html(self, text: str) -> None:
        self._put({"text/html": text, "text/plain": ""}, raw=True)

    def _put(self, data: dict, **how) -> None:
        from IPython import get_ipython
        from IPython.display import display

        if self.handle is not None:
            self.handle.update(data, **how)
        elif get_ipython() is not None:
            self.handle = display(data, display_id=True, **how)


def _smooth(line: Mapping[int, float], width: int) -> dict[int, float]:
    """Each number as the mean of up to `width` that end there."""
    steps, values = list(line), list(line.values())
    windows = (values[max(0, place - width) : place] for place in range(1, len(values) + 1))
    return {step: sum(window) / len(window) for step, window in zip(steps, windows, strict=True)}


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


@in_our_look
def _panels(panels: Mapping[str, Mapping[str, Mapping[int, float]]], steps: int) -> Picture:
    """A line a series, the same color for the same name in every panel."""
    rows, columns = -(-len(panels) // 3), min(3, len(panels))
    figure, grid = new_figure(rows, columns, figsize=(7, 0.4 + 2.6 * rows), squeeze=False)
    names, said = list(dict.fromkeys(name for panel in panels.values() for name in panel)), []
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    for axes, (title, panel) in zip(grid.flat, panels.items(), strict=False):
        for name, line in panel.items():
            number = names.index(name)
            axes.plot(list(line), list(line.values()), label=name, linewidth=1.5, **series_style(number, markers=False))
            said.append(f"{title} {name}".strip() + f": {milestones(line)}")
        lowest = min((value for line in panel.values() for value in line.values()), default=0)
        axes.set(title=title, xlabel="step", xlim=(0, steps), ylim=(0 if lowest >= 0 else None, None))
        axes.grid(axis="y")
        if any(panel):
            axes.legend(fontsize="small")
    return picture(figure, "By step. " + ("; ".join(said) or "No step yet") + ".")
