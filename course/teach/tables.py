"""Tables of figures to compare: plain HTML in a notebook and on the site, aligned text everywhere else."""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from course.experiments import summary
from course.think.evaluation import Comparison, Estimate, Score

# Text and background are the page's own, lines a translucent gray: readable on white and on black.
_LINE = "1px solid rgba(128,128,128,.5)"
_CELL = f"padding:.25em .8em;border-bottom:{_LINE};font-variant-numeric:tabular-nums"
NOTHING = "n/a"  # what stands for None and for what is not a number
Rows = Sequence[Mapping[str, object]] | Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, repr=False)
class Table:
    """A table ready to look at. In a notebook it shows itself; `str()` gives aligned text."""

    caption: str
    columns: tuple[str, ...]  # the first names the rows
    rows: tuple[tuple[str, ...], ...]
    to_the_right: tuple[bool, ...]  # which columns hold numbers

    def __str__(self) -> str:
        """The caption, the names of the columns, a line, and the rows."""
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        lines = [self._as_text(row, widths) for row in (self.columns, ["-" * width for width in widths], *self.rows)]
        return "\n".join([self.caption] * bool(self.caption) + lines)

    __repr__ = __str__  # what the command line and a page without HTML show

    def _as_text(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = zip(row, widths, self.to_the_right, strict=True)
        return "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip()

    def _repr_html_(self) -> str:
        caption = f'<caption style="text-align:left;padding:.3em 0">{escape(self.caption)}</caption>'
        head = "".join(self._as_html(name, place, "col") for place, name in enumerate(self.columns))
        body = "".join(
            "<tr>" + "".join(self._as_html(cell, place, "" if place else "row") for place, cell in enumerate(row))
            + "</tr>"
            for row in self.rows
        )  # fmt: skip
        return (
            f'<table style="border-collapse:collapse;margin:.6em 0">{caption if self.caption else ""}'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _as_html(self, cell: str, place: int, scope: str) -> str:
        style = f"{_CELL};text-align:{'right;white-space:nowrap' if self.to_the_right[place] else 'left'}"
        if not scope or not cell:  # a header without a name would be read out as one
            return f'<td style="{style}">{escape(cell)}</td>'
        weight = ";font-weight:normal" if scope == "row" else ""
        return f'<th scope="{scope}" style="{style}{weight}">{escape(cell)}</th>'


def table(rows: Rows, *, caption: str = "", row: str = "", decimals: int | Mapping[str, int] | None = None) -> Table:
    """A table of figures, one row a thing that is compared and one column a quantity.

    `rows` maps the name of each row to its cells, and `row` heads the column of these names; or it is a list of rows,
    each with its name in the column `row` (the first column if none is given). A cell is a number, a text, a score, an
    estimate or a comparison, or what a results file holds of these three; intervals stand behind their means, and a
    comparison's verdict in a column of its own. All numbers of a column get the same number of decimals: `decimals`,
    for every column or by its name, or as many as its numbers need.

    Raises ValueError if there is nothing to show, and for a list whose rows lack the column that names them.

    >>> from course.think.evaluation import Score, paired_comparison
    >>> table({"direct": {"share right": Score(39, 100), "tokens": 7.1},
    ...        "step by step": {"share right": Score(85, 100), "tokens": 31.25}},
    ...       caption="mini-base on 100 problems", row="prompt")
    mini-base on 100 problems
    prompt              share right  tokens
    ------------  -----------------  ------
    direct        0.39 [0.30, 0.49]    7.10
    step by step  0.85 [0.77, 0.91]   31.25
    >>> gain = paired_comparison([0, 0, 1, 0, 0, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1])
    >>> table([{"family": "cups", "problems": 1000, "gain": gain}])
    family  problems                  gain  verdict
    ------  --------  --------------------  -------
    cups       1,000  +0.78 [+0.44, +1.12]  better
    """
    named = _named(rows, row)
    if not named or not any(cells for _, cells in named):
        raise ValueError("nothing to show: give at least one row with one cell")
    several = [
        _column(name, [cells.get(name, "") for _, cells in named], _decimals(decimals, name))
        for name in dict.fromkeys(name for _, cells in named for name in cells)
    ]
    found = [column for columns in several for column in columns]
    head = row or ("" if isinstance(rows, Mapping) else next(iter(rows[0])))
    return Table(
        caption,
        (head, *(name for name, _, _ in found)),
        tuple(zip((name for name, _ in named), *(cells for _, cells, _ in found), strict=True)),
        (False, *(right for _, _, right in found)),
    )


def findings(record: Mapping) -> Table:
    """What an experiment claimed, each comparison it made with its interval and verdict, and whether the claim holds.

    `record` is what `recorded` returns. The table says the same as `summary(record)`.
    """
    claim, falsified, *_, end = (line.strip() for line in summary(record).splitlines())
    rows = {what: {"difference": one, "n": one["n"]} for what, one in record["comparisons"].items()}
    result = end if "claims" in record else f"it {end}"
    return table(rows, caption=f"Claim: {claim} It is {falsified}. Result: {result}.", row="comparison")


def _named(rows: Rows, row: str) -> list[tuple[str, Mapping[str, object]]]:
    """Each row's name with its other cells."""
    if isinstance(rows, Mapping):
        return [(str(name), cells) for name, cells in rows.items()]
    named = []
    for cells in rows:
        head = row or next(iter(rows[0]), "")
        if cells and head not in cells:
            raise ValueError(f"a row has no {head!r} to name it: it has {', '.join(cells)}")
        named.append((str(cells.get(head, "")), {name: cell for name, cell in cells.items() if name != head}))
    return named


def _decimals(wanted: int | Mapping[str, int] | None, name: str) -> int | None:
    return wanted.get(name) if isinstance(wanted, Mapping) else wanted


def _column(name: str, values: Sequence[object], decimals: int | None) -> list[tuple[str, list[str], bool]]:
    """A column as name, cells and whether it holds numbers, and one for its verdicts if it has any."""
    found = [_read(value) for value in values]
    every = [one.mean for one in found if one.mean is not None and math.isfinite(one.mean)]
    whole = decimals is None and all(one.whole for one in found if one.mean is not None)
    places = 0 if whole else _places(every) if decimals is None else decimals
    while decimals is None and places < 4 and any(one.lost_at(places) for one in found):
        places += 1
    right = any(one.mean is not None for one in found) and all(one.mean is not None or not one.text for one in found)
    columns = [(name, [one.show(places) for one in found], right)]
    if any(one.verdict for one in found):
        columns.append(("verdict", [one.verdict for one in found], False))
    return columns


def _places(values: Sequence[float]) -> int:
    """Two decimals; more where all numbers are small, fewer where all are large."""
    sizes = [abs(value) for value in values if value]
    if not sizes or (max(sizes) >= 0.1 and min(sizes) < 10):
        return 2
    if max(sizes) < 0.1:
        return 1 - math.floor(math.log10(max(sizes)))
    return 0 if min(sizes) >= 100 else 1


@dataclass(frozen=True)
class _Cell:
    """What a cell holds: a number with what belongs to it, or a text."""

    mean: float | None = None
    interval: tuple[float, float] | None = None
    text: str = ""
    verdict: str = ""
    whole: bool = False
    signed: bool = False

    def lost_at(self, places: int) -> bool:
        """Whether an end of a comparison's interval would be rounded to zero, so that the verdict could not be seen."""
        return bool(self.verdict and self.interval) and any(end and not round(end, places) for end in self.interval)

    def show(self, places: int) -> str:
        if self.mean is None:
            return self.text
        number = _number(places, self.signed)
        if self.interval is None:
            return number(self.mean)
        low, high = map(number, self.interval)
        return f"{number(self.mean)} [{low}, {high}]"


def _number(places: int, signed: bool) -> Callable[[float], str]:
    sign = "+" if signed else ""

    def show(value: float) -> str:
        if not math.isfinite(value):
            return NOTHING
        return f"{value:{sign}z,.{places}f}" if abs(value) < 1e9 else f"{value:{sign}.3g}"

    return show


def _read(value: object) -> _Cell:
    """The cell of a value, be it an object or what a results file holds of it."""
    if isinstance(value, Mapping) and "interval" in value:
        verdict, mean = value.get("verdict", ""), value.get("difference", value.get("mean"))
        return _Cell(mean, tuple(value["interval"]), verdict=verdict, signed="difference" in value)
    if isinstance(value, Comparison):
        return _Cell(value.difference, value.interval, verdict=value.verdict, signed=True)
    if isinstance(value, Score | Estimate):
        return _Cell(value.mean, value.interval)
    if hasattr(value, "item"):  # a number of NumPy's or torch's
        value = value.item()
    if isinstance(value, bool):
        return _Cell(text="yes" if value else "no")
    if isinstance(value, numbers.Real):
        return _Cell(float(value), whole=isinstance(value, numbers.Integral))
    return _Cell(text=NOTHING if value is None else str(value))
