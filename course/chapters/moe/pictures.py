"""Pictures of a mixture of experts: expert load, knocked-out experts, and the routes of a question's tokens."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from torch import Tensor, nn

from course._shapes import Float
from course.chapters.moe.routing import Routes, routes
from course.teach.pictures import Picture, in_our_look, new_figure, picture
from course.teach.widgets import Pages, Turn

COLORS = ("0,114,178", "213,94,0", "0,158,115", "204,121,167", "230,159,0", "86,180,233")  # those of our pictures
WRITTEN = 10  # up to so many experts, a cell says its number


@in_our_look
def shaded(
    panels: Mapping[str, Mapping[str, Sequence[float]]], ylabel: str, *, what: str, full: float | None = None
) -> Picture:
    """A heat map for each layer: a row for each kind of token, a column for each expert; darker means larger.

    Cells below zero have another color. `what` names the quantity, and `full` is the value that gets the full color
    (the largest one, if None). Raises ValueError if there is nothing to draw or the panels have different rows.
    """
    rows = list(next(iter(panels.values()), ()))
    if not rows or any(list(panel) != rows for panel in panels.values()):
        raise ValueError("nothing to draw: every panel needs the same rows, at least one")
    values = {title: np.array([[float(x) for x in panel[row]] for row in rows]) for title, panel in panels.items()}
    full = full or max(1e-9, *(float(np.abs(each).max()) for each in values.values()))
    figure, grid = new_figure(1, len(panels), figsize=(7, 1.0 + 0.27 * len(rows)), sharey=True, squeeze=False)
    said = []
    for axes, (title, each) in zip(grid.flat, values.items(), strict=True):
        _shade(axes, each, full)
        axes.set(title=title, xlabel="expert", xticks=range(each.shape[1]), yticks=range(len(rows)), yticklabels=rows)
        axes.tick_params(labelsize=8, length=0)
        most = ", ".join(f"{row} {line.argmax()} ({line.max():.2f})" for row, line in zip(rows, each, strict=True))
        said.append(f"{title}: {most}")
    grid.flat[0].set_ylabel(ylabel)
    return picture(figure, f"{what.capitalize()} by {ylabel}, expert with the most. " + "; ".join(said) + ".")


def _shade(axes, values: np.ndarray, full: float) -> None:
    """Cells in blue above zero and orange below, paler for smaller values, with their numbers if there is room."""
    from matplotlib.colors import to_rgba

    shades = np.where(values[..., None] < 0, np.array(to_rgba("C1")), np.array(to_rgba("C0")))
    shades[..., 3] = (np.abs(values) / full).clip(0, 1)
    axes.imshow(shades, aspect="auto")
    if values.shape[1] > WRITTEN:
        return
    for (row, column), value in np.ndenumerate(values):
        color = "white" if abs(value) > 0.6 * full else "0.48"
        text = f"{value:.2f}".replace("0.", ".", 1)
        axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=color)


def by_layer(shares: Mapping[str, Float[Tensor, "L E"]], layers: Sequence[int]) -> dict[str, dict[str, list[float]]]:
    """The result of `routing.expert_load`, rearranged into one panel for each layer, as `shaded` expects it."""
    return {
        f"layer {layer}": {kind: [float(x) for x in each[place]] for kind, each in shares.items()}
        for place, layer in enumerate(layers)
    }


def lost_by_layer(lost: Mapping[tuple[int, int], Mapping[str, float]]) -> dict[str, dict[str, list[float]]]:
    """The result of `routing.knock_out`, rearranged into one panel for each layer, as `shaded` expects it."""
    panels: dict[str, dict[str, list[float]]] = {}
    for (layer, _), families in lost.items():
        panel = panels.setdefault(f"layer {layer}", {family: [] for family in families})
        for family, nats in families.items():
            panel[family].append(nats)
    return panels


class Explorer(Pages):
    """Each token's experts and weights, layer by layer, for some questions; with Python also for any that is typed."""

    def __init__(self, model: nn.Module, tokenizer, questions: Sequence[str]):
        self.model, self.tokenizer = model, tokenizer
        first = self.look(questions[0])
        super().__init__(
            "routes of a question's tokens",
            [Turn("question", list(questions))],
            {question: as_html(self.look(question)) for question in questions},
            first=questions[0],
            text=as_text(first),
            question=questions[0],
            answer=lambda question: as_html(self.look(question)),
        )

    def look(self, question: str) -> Routes:
        """The routes of a question's tokens. Raises ValueError for characters the model cannot read."""
        return routes(self.model, self.tokenizer, question)


def as_html(found: Routes) -> str:
    """Routes as an HTML table: a row for each token, a column for each layer, with experts and their weights."""
    head = "".join(f'<th scope="col" style="text-align:left">layer {layer}</th>' for layer in found.layers)
    rows = "".join(
        f'<tr><th scope="row" style="font-family:monospace;text-align:left">{escape(_visible(piece))}</th>'
        + "".join(
            f"<td style='text-align:left'>{_chips(found, layer, place)}</td>" for layer in range(len(found.layers))
        )
        + "</tr>"
        for place, piece in enumerate(found.pieces)
    )
    said = f"experts of each token with their weights; each layer has {found.experts}, numbered from 0"
    caption = f'<caption style="text-align:left;font-size:85%">{said}</caption>'
    return f'<table>{caption}<tr><th scope="col" style="text-align:left">token</th>{head}</tr>{rows}</table>'


def _chips(found: Routes, layer: int, place: int) -> str:
    """The experts of one token in one layer, largest weight first; a stronger color means a larger weight."""
    chips = []
    for expert, weight in zip(found.chosen[layer, place].tolist(), found.weights[layer, place].tolist(), strict=True):
        color = f"rgba({COLORS[expert % len(COLORS)]},{min(0.55, 0.1 + 0.45 * weight):.2f})"
        box = f"background:{color};border-radius:4px;padding:0 .4em;margin-right:.3em;white-space:nowrap"
        chips.append(f'<span style="{box}"><strong>{expert}</strong> {weight:.2f}</span>')
    return "".join(chips)


def as_text(found: Routes) -> str:
    """Routes as text, one line for each token."""
    lines = []
    for place, piece in enumerate(found.pieces):
        cells = []
        for number, layer in enumerate(found.layers):
            pairs = zip(found.chosen[number, place].tolist(), found.weights[number, place].tolist(), strict=True)
            cells.append(f"layer {layer}: " + ", ".join(f"{expert} {weight:.2f}" for expert, weight in pairs))
        lines.append(f"{_visible(piece):12} {'   '.join(cells)}")
    return "\n".join(lines)


def _visible(piece: str) -> str:
    return piece.replace("\n", "↵").replace(" ", "␣")
