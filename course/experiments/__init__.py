"""The laboratory: what an experiment is and says (`record`), and how its pieces run side by side (`parallel`)."""

from course.experiments.parallel import by_arm, progress, spread
from course.experiments.record import Experiment, Findings, conduct, every, find, plain, recorded, score, summary, write

__all__ = [
    "Experiment",
    "Findings",
    "by_arm",
    "conduct",
    "every",
    "find",
    "plain",
    "progress",
    "recorded",
    "score",
    "spread",
    "summary",
    "write",
]
