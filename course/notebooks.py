"""Running notebooks from end to end: where what they print goes, and what of it is kept in the notebook."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from course._files import write_whole
from course._place import ROOT, workplace
from course.remedies import this_python

if TYPE_CHECKING:
    from nbformat import NotebookNode

WIDGET = "application/vnd.jupyter.widget-view+json"
PASSING = ("papermill", "language_info", "widgets")  # what a notebook's metadata say of one run
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}  # of every committed notebook


class Stopped(Exception):
    """A notebook did not run to its end; says why, and what to do or where everything that was printed is."""


def chosen(paths: list[Path] | None) -> list[Path]:
    """The notebooks that somebody named, else all of the course's.

    Raises FileNotFoundError for one that is not there, and if there are none.
    """
    found = paths or sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    if missing := [str(path) for path in found if not path.is_file()]:
        raise FileNotFoundError(f"no notebook {', '.join(missing)}")
    if not found:
        raise FileNotFoundError("there are no notebooks beside the library: name some")
    return found


def printed(path: Path) -> Path:
    """Where what a notebook prints is kept: by its name if it is the course's, and by its folder too if it is another.

    Two notebooks of one name in different folders so have two files.
    """
    folder = path.resolve().parent
    own = folder == (workplace() / "notebooks").resolve()
    apart = "" if own else f"-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    return workplace() / "runs" / "notebooks" / f"{path.stem}{apart}{path.suffix}"


def run_notebook(path: Path, out: Path, parameters: dict[str, str]) -> None:
    """Run a notebook in its own folder.

    Raises Stopped for a cell that fails and for a kernel that dies, and ValueError for a file that is no notebook and
    where Jupyter has no kernel.
    """
    import papermill

    kernel = _kernel(path)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(path, out, parameters, kernel_name=kernel, cwd=path.parent, log_output=False)
    except papermill.PapermillExecutionError as error:
        raise Stopped(
            f"{path.name} stopped at cell {error.cell_index}: {error.ename}: {error.evalue}\n"
            f"course: everything it printed is in {out}"
        ) from error
    except RuntimeError as error:
        if "kernel died" not in str(error).lower():
            raise
        raise Stopped(
            f"{path.name} stopped: the Python that ran it died, as for want of memory\n"
            f"course: run it alone, or see `{this_python()} -m course.doctor`"
        ) from error


def read(path: Path) -> "NotebookNode":
    """The notebook in a file. Raises ValueError for a file that is none."""
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except (nbformat.ValidationError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no notebook, or a damaged one") from error
    return notebook


def _kernel(path: Path) -> str:
    """The kernel to run a notebook with: the one it was saved with if Jupyter has it, else this Python's.

    Raises ValueError for a file that is no notebook, and where Jupyter has neither.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    notebook = read(path)
    own, there = KERNEL["name"], KernelSpecManager().find_kernel_specs()
    asked = notebook.metadata.get("kernelspec", {}).get("name", own)
    if asked in there:
        return asked
    if own not in there:
        raise ValueError(f"Jupyter finds no Python kernel: see `{this_python()} -m course.doctor` for what to type")
    print(f"{path.name} was saved with the kernel {asked}, which is not here; it runs with {own}")
    return own


def keep_outputs(ran: Path, path: Path) -> None:
    """Put what a notebook printed into the notebook, without what differs between machines.

    A widget leaves its still picture; one that has none, a progress bar, leaves nothing. What was printed in one go and
    came in pieces is put together.
    """
    import nbformat
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    notebook, _ = CoalesceStreamsPreprocessor().preprocess(nbformat.read(ran, nbformat.NO_CONVERT), {})
    for cell in notebook.cells:
        for passing in ("papermill", "execution"):
            cell.metadata.pop(passing, None)
        for output in cell.get("outputs", []):
            if output.get("data", {}).pop(WIDGET, None) and set(output.data) == {"text/plain"}:
                output.data = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("data", True)]
    for passing in PASSING:
        notebook.metadata.pop(passing, None)
    notebook.metadata.kernelspec = KERNEL
    write_whole(path, nbformat.writes(notebook).rstrip("\n") + "\n")
