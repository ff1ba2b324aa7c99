"""The one cell that makes a notebook run in Colab, and the badge that opens it there. The address has one home: the
project's own metadata."""

import json
from importlib.metadata import metadata

from course._version import installed, series


def repository() -> str:
    """The address of the repository, as pyproject.toml has it."""
    entries = (entry.split(", ", 1) for entry in metadata("think-step-by-step").get_all("Project-URL"))
    return dict(entries)["Repository"]


def bootstrap_cell(wheel: str = "") -> str:
    """The first code cell of every notebook: fetches the library in Colab, and imports it before PyTorch.

    Without dependencies, since Colab has them all; nothing there is replaced, and no restart is needed. A teacher may
    put the address or path of a wheel into the cell. Importing the course decides how PyTorch's threads wait, which is
    possible only until PyTorch is loaded. At the end stands the version of the library that the notebook goes with.
    """
    return (
        "import importlib.util\n\n"
        f"COURSE_WHEEL = {json.dumps(wheel)}  # a teacher's wheel: its address, or its path on a mounted Drive\n"
        'if importlib.util.find_spec("course") is None:  # in Colab: fetch the library\n'
        f'    address = "{repository()}"\n'
        '    wheel = COURSE_WHEEL or f"{address}/archive/refs/heads/main.zip"\n'
        '    %pip install --quiet --no-deps "{wheel}"\n\n'
        "import course  # before PyTorch: its threads then wait asleep\n\n"
        f'course.expects("{series(installed())}")  # the version this notebook was written for'
    )


def badge(notebook: str) -> str:
    """The Markdown of the badge that opens `notebooks/NOTEBOOK` in Colab; as a picture it would need a network."""
    owner_and_name = repository().removeprefix("https://github.com/")
    return f"[Open in Colab](https://colab.research.google.com/github/{owner_and_name}/blob/main/notebooks/{notebook})"
