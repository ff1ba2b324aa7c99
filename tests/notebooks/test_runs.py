"""Every notebook, run from a fresh kernel with no network: from the wheel alone by papermill, and by nbval."""

import os
import subprocess
import sys
import time

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


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that the course is installed in, from its wheel: what Colab gets, beside packages it has anyway."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target"]
    subprocess.run([*install, str(folder / "installed"), str(wheel)], check=True, capture_output=True)
    return folder / "installed"


@pytest.mark.slow
def test_papermill_runs_it_from_the_wheel_alone_in_an_empty_folder(
    notebook, installed, tmp_path, monkeypatch, record_property
):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(installed), GUARD]))  # an editable install comes after it
    alone, out, started = tmp_path / "alone" / notebook.name, tmp_path / notebook.name, time.monotonic()
    alone.parent.mkdir()
    copy = nbformat.read(notebook, as_version=4)
    copy.cells.append(nbformat.v4.new_code_cell("import course\nprint(course.__file__)"))
    nbformat.write(copy, alone)
    papermill.execute_notebook(
        alone, out, {"PRESET": "quick"}, cwd=alone.parent, progress_bar=False, execution_timeout=QUICK_SECONDS
    )
    record_property("seconds", round(time.monotonic() - started))
    ran = nbformat.read(out, as_version=4)
    assert [cell.source for cell in ran.cells if cell.cell_type == "code" and cell.execution_count is None] == []
    assert [output for cell in ran.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"] == []
    assert ran.cells[-1].outputs[0].text.strip() == str(installed / "course" / "__init__.py")
    assert list(alone.parent.iterdir()) == [alone], "a notebook leaves nothing in its reader's folder"


@pytest.mark.slow
def test_the_core_runs_without_the_rest(notebook, tmp_path):
    """What a class of ninety minutes runs; the dial and the Colab cell come along."""
    whole = nbformat.read(notebook, as_version=4)
    tags = [set(cell.metadata.get("tags", [])) for cell in whole.cells]
    whole.cells = [cell for cell, tagged in zip(whole.cells, tags) if tagged & {"core", "parameters"}]
    nbformat.write(whole, tmp_path / "core.ipynb")
    papermill.execute_notebook(
        tmp_path / "core.ipynb",
        tmp_path / "out.ipynb",
        {"PRESET": "quick"},
        cwd=notebook.parent,
        progress_bar=False,
        execution_timeout=QUICK_SECONDS,
    )


@pytest.mark.slow
def test_nbval_finds_the_committed_outputs_again(notebook):
    """In a pytest of its own, since nbval's cells are tests."""
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-sanitize-with", "tests/notebooks/sanitize.cfg"]
    options += ["-p", "no:cacheprovider", "-p", "no:xdist", "--nbval-cell-timeout", str(QUICK_SECONDS), "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(notebook)],
        cwd=ROOT,
        env=dict(os.environ, PRESET="quick"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    cells = sum(cell.cell_type == "code" for cell in nbformat.read(notebook, as_version=4).cells)
    assert f"{cells} passed" in done.stdout


@pytest.mark.slow
def test_a_kernel_has_no_network(tmp_path):
    """The guard is at work where notebooks run, or the tests above would prove nothing."""
    code = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(book, tmp_path / "in.ipynb")
    with pytest.raises(papermill.PapermillExecutionError, match="NetworkBlocked"):
        papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", progress_bar=False)
