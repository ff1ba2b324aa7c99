"""Every notebook, run in fresh kernels with no network, from the wheel alone: whole by nbval, its core by papermill."""

import os
import subprocess
import sys

import nbformat
import papermill
import pytest

from tests.conftest import GUARD
from tests.notebooks import NOTEBOOKS
from tests.project import ROOT

QUICK_SECONDS = 600  # a kernel that hangs, not a slow machine


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return request.param


@pytest.fixture
def only_the_wheel(installed, monkeypatch):
    """Kernels find the course where its wheel was installed; an editable install comes after that."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(installed), GUARD]))
    return f"import course\nassert course.__file__ == {str(installed / 'course' / '__init__.py')!r}, course.__file__"


@pytest.mark.slow
def test_nbval_finds_the_committed_outputs_again_with_the_wheel_alone_in_an_empty_folder(
    notebook, only_the_wheel, tmp_path, monkeypatch
):
    """In a pytest of its own, since nbval's cells are tests. JupyterLab's tests see to it that no cell warns."""
    monkeypatch.setenv("PRESET", "quick")
    copy = nbformat.read(notebook, as_version=4)
    copy.cells.append(nbformat.v4.new_code_cell(only_the_wheel))
    nbformat.write(copy, tmp_path / notebook.name)
    sanitize = ROOT / "tests" / "notebooks" / "sanitize.cfg"
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-sanitize-with", str(sanitize)]
    options += ["-p", "no:cacheprovider", "-p", "no:xdist", "--nbval-cell-timeout", str(QUICK_SECONDS), "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, notebook.name], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    cells = sum(cell.cell_type == "code" for cell in copy.cells)
    assert f"{cells} passed" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == [notebook.name], "nothing is left in the reader's folder"


@pytest.mark.slow
def test_papermill_runs_the_core_without_the_rest_with_the_wheel_alone(notebook, only_the_wheel, tmp_path):
    """What a class of ninety minutes runs; the dial and the Colab cell come along."""
    alone, out = tmp_path / "alone" / notebook.name, tmp_path / notebook.name
    core = nbformat.read(notebook, as_version=4)
    tags = [set(cell.metadata.get("tags", [])) for cell in core.cells]
    core.cells = [cell for cell, tagged in zip(core.cells, tags) if tagged & {"core", "parameters"}]
    core.cells.append(nbformat.v4.new_code_cell(only_the_wheel))
    alone.parent.mkdir()
    nbformat.write(core, alone)
    papermill.execute_notebook(
        alone, out, {"PRESET": "quick"}, cwd=alone.parent, progress_bar=False, execution_timeout=QUICK_SECONDS
    )
    ran = nbformat.read(out, as_version=4)
    assert [cell.source for cell in ran.cells if cell.cell_type == "code" and cell.execution_count is None] == []
    assert [output for cell in ran.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"] == []


@pytest.mark.slow
def test_a_kernel_has_no_network(tmp_path):
    """The guard is at work where notebooks run, or the tests above would prove nothing."""
    code = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(book, tmp_path / "in.ipynb")
    with pytest.raises(papermill.PapermillExecutionError, match="NetworkBlocked"):
        papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", progress_bar=False)
