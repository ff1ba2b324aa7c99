"""A student too simple for its teacher, with sliders: what forward and reverse KL say about it."""

import numpy as np

from course.teach.pictures import Picture, in_our_look, new_figure, picture
from course.teach.widgets import Adjustable, Frame, Slider

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

    SHOWN = slice(1400, 3401, 25)  # of the grid, from -5 to 5

    def __init__(self, center: float = 0.0, width: float = 1.0):
        axes = {"x": [round(float(x), 3) for x in GRID[self.SHOWN]], "xlim": (-5, 5), "ylim": (0, 1)}
        axes |= {"xlabel": "what is written", "ylabel": "density"}
        sliders = Slider("center", center, -3, 3, 0.25), Slider("width", width, 0.25, 3, 0.25)
        super().__init__(sliders, self.frame, drawn, axes=axes, fixed={"teacher": TEACHER[self.SHOWN].tolist()})

    def frame(self, center: float, width: float) -> Frame:
        """The student's density on the part of the grid that is shown, and the divergences."""
        title, said = words(center, width)
        return Frame({"student": bell(center, width)[self.SHOWN].tolist()}, said, title)


def words(center: float, width: float) -> tuple[str, str]:
    """Both divergences, and the picture in words."""
    student = bell(center, width)
    forward, reverse = divergence(TEACHER, student), divergence(student, TEACHER)
    said = f"The teacher has two peaks, at -2 and 2; the student one, at {center:g}, {width:g} wide."
    title = f"forward KL {forward:.2f}    reverse KL {reverse:.2f}"
    return title, f"{said} Forward KL {forward:.2f}, reverse KL {reverse:.2f}."


@in_our_look
def drawn(center: float, width: float) -> Picture:
    """The densities of teacher and student, with both divergences in the title."""
    title, said = words(center, width)
    figure, axes = new_figure(figsize=(7, 3))
    axes.plot(GRID, TEACHER, label="teacher")
    axes.plot(GRID, bell(center, width), linestyle="--", label="student")
    axes.set(xlim=(-5, 5), ylim=(0, 1), xlabel="what is written", ylabel="density")
    axes.set_title(title)
    axes.legend()
    return picture(figure, said)
