"""Importing the course is instant: what is slow to import waits until it is needed."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "numpy", "scipy", "matplotlib", "IPython", "ipywidgets", "papermill"}


def loaded_after(statement: str) -> set[str]:
    """The top-level modules a fresh Python holds after a statement."""
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("module", ["course", "course.cli", "course.doctor", "course.world", "course.world.tokenizer"])
def test_importing_loads_nothing_heavy(module):
    assert loaded_after(f"import {module}") & HEAVY == set()


@pytest.mark.slow
def test_loading_models_needs_torch_and_no_more():
    assert loaded_after("from course.model import load") & HEAVY <= {"torch", "numpy"}
