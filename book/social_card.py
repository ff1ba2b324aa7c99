"""The picture shown where somebody shares a link to the site: a word counted letter by letter, as a staircase."""

from pathlib import Path

from matplotlib.figure import Figure

WORD, LETTER = "strawberry", "r"
SIZE = (1200, 630)  # pixels, as social networks want it
ALT = "Think Step by Step: the letters of strawberry on a staircase that rises at each r, up to 3."
NAVY, AMBER, WHITE, PALE = "#1f3a5f", "#ffb000", "#ffffff", "#c9d6e8"


def draw(path: Path) -> None:
    """Write the picture as a PNG."""
    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor=NAVY)
    figure.text(0.06, 0.82, "Think Step by Step", color=WHITE, fontsize=52, fontweight="bold", va="center")
    figure.text(0.06, 0.685, "Build a reasoning model from nothing, on your laptop.", color=PALE, fontsize=24)
    axes = figure.add_axes((0.06, 0.1, 0.88, 0.5), facecolor="none")
    counts = [WORD[: place + 1].count(LETTER) for place in range(len(WORD))]
    axes.step(range(len(WORD) + 1), [*counts, counts[-1]], where="post", color=WHITE, linewidth=6)
    for place, (letter, count) in enumerate(zip(WORD, counts, strict=True)):
        counted = letter == LETTER
        color, weight = (AMBER, "bold") if counted else (PALE, "normal")
        axes.text(place + 0.5, count + 0.2, letter, color=color, fontsize=34, ha="center", fontweight=weight)
        if counted:
            axes.text(place + 0.5, count - 0.2, str(count), color=AMBER, fontsize=20, ha="center", va="top")
    axes.set(xlim=(-0.05, len(WORD) + 0.05), ylim=(-0.3, counts[-1] + 1))
    axes.axis("off")
    figure.savefig(path, facecolor=NAVY, metadata={"Software": None})
