"""The laboratory: what an experiment is and says (`record`), how its pieces run side by side (`parallel`), and what a
record tells of how it was made (`provenance`)."""

from course.experiments.parallel import by_arm, pieces, progress, spread
from course.experiments.provenance import commit
from course.experiments.record import (
    Experiment,
    Findings,
    conduct,
    every,
    find,
    place,
    plain,
    recorded,
    require_usable,
    score,
    summary,
    write,
)

__all__ = [
    "Experiment",
    "Findings",
    "by_arm",
    "commit",
    "conduct",
    "every",
    "find",
    "pieces",
    "place",
    "plain",
    "progress",
    "recorded",
    "require_usable",
    "score",
    "spread",
    "summary",
    "write",
]
