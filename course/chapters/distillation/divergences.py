"""A student too simple for its teacher, with sliders: what forward and reverse KL say about it."""

import numpy as np

from course.teach.pictures import Picture, in_our_look, new_figure, picture
from course.teach.widgets import Adjustable, Slider

GRID = np.linspace(-12, 12, 4801)  # fine and wide enough for three digits
_STEP = GRID[1] - GRID[0]


def bell(center: float, width: float) -> np.ndarray:
    """The density of a normal distribution on the grid."""
    return np.exp(-0.5 * ((GRID - center) / width) ** 2) / (width * np.sqrt(2 * np.pi))


TEACHER = 0.5 * bell(-2, 0.5) + 0.5 * bell(2, 0.5)  # two things it writes, and nothing in between


def divergence(first: np.ndarray, second: np.ndarray) -> float:
    """KL(first || second) of two densities on the grid, in nats."""
    tiny = 1e-300  # a density this small counts as zero, but its logarithm is still a number
    return float((first * (np.log(first + tiny) - np.log(second + tiny))).sum() * _STEP)


class Match(Adjustable):
    """Two sliders for the center and width of the student's bell curve, and both divergences from the teacher."""

    def __init__(self, center: float = 0.0, width: float = 1.0):
        super().__init__(drawn, Slider("center", center, -3, 3, 0.1), Slider("width", width, 0.3, 3, 0.1))


@in_our_look
def drawn(center: float, width: float) -> Picture:
    """The densities of teacher and student, with both divergences in the title."""
    student = bell(center, width)
    forward, reverse = divergence(TEACHER, student), divergence(student, TEACHER)
    figure, axes = new_figure(figsize=(7, 3))
    axes.plot(GRID, TEACHER, label="teacher")
    axes.plot(GRID, student, linestyle="--", label="student")
    axes.set(xlim=(-5, 5), ylim=(0, 1), xlabel="what is written", ylabel="density")
    axes.set_title(f"forward KL {forward:.2f}    reverse KL {reverse:.2f}")
    axes.legend()
    said = f"The teacher has two peaks, at -2 and 2; the student one, at {center:g}, {width:g} wide."
    return picture(figure, f"{said} Forward KL {forward:.2f}, reverse KL {reverse:.2f}.")
