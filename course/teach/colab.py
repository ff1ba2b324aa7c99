"""The one cell that makes a notebook run in Colab, and the badge that opens it there. The address has one home: the
project's own metadata."""

from importlib.metadata import metadata


def repository() -> str:
    """The address of the repository, as pyproject.toml has it."""
    entries = (entry.split(", ", 1) for entry in metadata("think-step-by-step").get_all("Project-URL"))
    return dict(entries)["Repository"]


def bootstrap_cell() -> str:
    """The first code cell of every notebook: fetches the library in Colab, and imports it before PyTorch.

    Without dependencies, since Colab has them all; nothing there is replaced, and no restart is needed. Importing the
    course decides how PyTorch's threads wait, which is possible only until PyTorch is loaded.
    """
    return (
        "import importlib.util\n\n"
        'if importlib.util.find_spec("course") is None:  # in Colab: fetch the library\n'
        f'    address = "{repository()}"\n'
        "    %pip install --quiet --no-deps {address}/archive/refs/heads/main.zip\n\n"
        "import course  # before PyTorch: its threads then wait asleep"
    )


def badge(notebook: str) -> str:
    """The Markdown of the badge that opens `notebooks/NOTEBOOK` in Colab; as a picture it would need a network."""
    owner_and_name = repository().removeprefix("https://github.com/")
    return f"[Open in Colab](https://colab.research.google.com/github/{owner_and_name}/blob/main/notebooks/{notebook})"
