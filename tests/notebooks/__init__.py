"""Every notebook of the course, run and looked over."""

from tests.project import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
