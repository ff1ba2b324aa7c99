"""Every notebook as in a Colab session: whole by nbval, its core by papermill.

It lies alone in an empty folder, the kernel has Colab's packages and no network, and the first cell fetches the library
from the wheel that a teacher points to. With the newest packages and in a clone, JupyterLab's tests run every notebook.
"""

import subprocess
import sys

import nbformat
import papermill
import pytest

from tests.notebooks import NOTEBOOKS, colab
from tests.project import ROOT

QUICK_SECONDS = 600  # a kernel that hangs, not a slow machine
LOOK_AROUND = """
import sys
from importlib.metadata import version
assert (sys.prefix, version("ipython")) == ({prefix!r}, {ipython!r}), "this is the environment like Colab's"
assert course.__file__.startswith({place!r}), "the first cell has fetched the wheel"
"""


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return request.param


@pytest.fixture
def handed_out(notebook, wheel, session):
    """The notebook with a teacher's wheel in its first cell; its last one looks where it runs."""
    read = nbformat.read(notebook, as_version=4)
    first = next(cell for cell in read.cells if cell.cell_type == "code")
    assert first.source.count('COURSE_WHEEL = ""') == 1
    first.source = first.source.replace('COURSE_WHEEL = ""', f"COURSE_WHEEL = {str(wheel)!r}")
    (ipython,) = (line.partition("==")[2] for line in colab.versions() if line.startswith("ipython=="))
    looks = LOOK_AROUND.format(prefix=str(colab.HOME), ipython=ipython, place=str(session))
    read.cells.append(nbformat.v4.new_code_cell(looks, metadata={"tags": ["core"]}))
    return read


@pytest.mark.slow
def test_nbval_finds_the_committed_outputs_again_with_what_colab_has(
    notebook, handed_out, colab_kernel, tmp_path, monkeypatch
):
    """In a pytest of its own, since nbval's cells are tests."""
    monkeypatch.setenv("PRESET", "quick")
    alone = tmp_path / "content" / notebook.name
    alone.parent.mkdir()
    nbformat.write(handed_out, alone)
    sanitize = ROOT / "tests" / "notebooks" / "sanitize.cfg"
    options = ["--nbval-lax", "--nbval-kernel-name", colab_kernel, "--nbval-sanitize-with", str(sanitize)]
    options += ["-p", "no:cacheprovider", "-p", "no:xdist", "--nbval-cell-timeout", str(QUICK_SECONDS), "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, notebook.name], cwd=alone.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    cells = sum(cell.cell_type == "code" for cell in handed_out.cells)
    assert f"{cells} passed" in done.stdout
    assert [path.name for path in alone.parent.iterdir()] == [notebook.name], "nothing is left in the reader's folder"


@pytest.mark.slow
def test_papermill_runs_the_core_without_the_rest_with_what_colab_has(notebook, handed_out, colab_kernel, tmp_path):
    """What a class of ninety minutes runs; the dial and the first cell come along. No cell warns."""
    alone, out = tmp_path / "content" / notebook.name, tmp_path / notebook.name
    tags = [set(cell.metadata.get("tags", [])) for cell in handed_out.cells]
    handed_out.cells = [cell for cell, tagged in zip(handed_out.cells, tags) if tagged & {"core", "parameters"}]
    alone.parent.mkdir()
    nbformat.write(handed_out, alone)
    options = {"kernel_name": colab_kernel, "cwd": alone.parent, "progress_bar": False}
    papermill.execute_notebook(alone, out, {"PRESET": "quick"}, execution_timeout=QUICK_SECONDS, **options)
    ran = [cell for cell in nbformat.read(out, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.source for cell in ran if cell.execution_count is None] == []
    outputs = [output for cell in ran for output in cell.outputs]
    assert [output for output in outputs if output.get("name") == "stderr"] == []


@pytest.mark.slow
def test_a_kernel_has_no_network(tmp_path):
    """The guard is at work where notebooks run, or the tests above would prove nothing."""
    code = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(book, tmp_path / "in.ipynb")
    with pytest.raises(papermill.PapermillExecutionError, match="NetworkBlocked"):
        papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", progress_bar=False)
