"""Chapter 06b, why does my run not learn? Eleven runs that do not learn, or only seem not to, or only seem to.

`admit("loss")` makes the runs that were complained about and shows them with a question; `.treat()` adds the run with
the cure. The broken pieces are in `broken`, one wrong line each.
"""

from course.chapters.clinic.case import Case, Patient, Treated
from course.chapters.clinic.cases import CASES
from course.presets import Preset, preset

__all__ = ["CASES", "Case", "Patient", "Treated", "admit"]


def admit(name: str, dial: Preset | None = None) -> Patient:
    """Make the broken runs of a case. Raises ValueError for an unknown case."""
    if name not in CASES:
        raise ValueError(f"no case {name!r}: choose one of {', '.join(CASES)}")
    return Patient(CASES[name], dial or preset())
