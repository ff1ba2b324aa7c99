"""The clinic: ten runs that do not learn, or only seem not to, or only seem to; each to diagnose before it is mended.

`admit("loss")` makes the runs that were complained about and shows them with a question; `.treat()` makes the cure run
beside them. What is broken stands in `broken`, one wrong line a piece.
"""

from course.chapters.clinic.case import Case, Patient, Treated
from course.chapters.clinic.cases import CASES
from course.presets import Preset, preset

__all__ = ["CASES", "Case", "Patient", "Treated", "admit"]


def admit(name: str, dial: Preset | None = None) -> Patient:
    """Make the broken runs of a case. Raises ValueError for a case there is not."""
    if name not in CASES:
        raise ValueError(f"no case {name!r}: choose one of {', '.join(CASES)}")
    return Patient(CASES[name], dial or preset())
