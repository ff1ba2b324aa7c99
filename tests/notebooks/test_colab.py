"""A notebook as in a Colab session: alone, with Colab's packages, and with the wheel that a teacher points to."""

import os
import subprocess

import nbformat
import papermill
import pytest

from tests.conftest import GUARD
from tests.notebooks import NOTEBOOKS, colab
from tests.project import project

SECONDS = 600  # a cell that hangs, not a slow machine
VERSIONS = {name.lower(): version for name, _, version in (line.partition("==") for line in colab.versions())}
WIDGET = "application/vnd.jupyter.widget-view+json"
LOOK_AROUND = """
import pathlib, sys, IPython, course
print(course.__file__, IPython.__version__, *sorted(path.name for path in pathlib.Path().iterdir()), sep="\\n")
"""


@pytest.fixture
def session(tmp_path, monkeypatch, wheel):
    """Where `%pip` puts packages in this session: a folder of its own, and no index to find any in."""
    place = tmp_path / "dist-packages"
    place.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place), GUARD]))
    for name, value in {"PIP_TARGET": place, "PIP_NO_INDEX": 1, "PIP_DISABLE_PIP_VERSION_CHECK": 1}.items():
        monkeypatch.setenv(name, str(value))
    return place


def with_a_wheel(notebook, wheel):
    """A notebook in whose first cell a teacher has put the path of a wheel, and that looks around at the end."""
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.source.count('COURSE_WHEEL = ""') == 1
    first.source = first.source.replace('COURSE_WHEEL = ""', f"COURSE_WHEEL = {str(wheel)!r}")
    notebook.cells.append(nbformat.v4.new_code_cell(LOOK_AROUND))
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_alone_runs_to_its_end_with_what_colab_has(path, wheel, session, colab_kernel, tmp_path):
    """Quick, offline, in an empty folder; the first cell fetches the library as it would there."""
    alone, ran = tmp_path / "content" / path.name, tmp_path / path.name
    alone.parent.mkdir()
    nbformat.write(with_a_wheel(nbformat.read(path, as_version=4), wheel), alone)
    options = {"kernel_name": colab_kernel, "cwd": alone.parent, "progress_bar": False, "execution_timeout": SECONDS}
    papermill.execute_notebook(alone, ran, {"PRESET": "quick"}, **options)
    cells = [cell for cell in nbformat.read(ran, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells if cell.execution_count is None] == []
    outputs = [output for cell in cells for output in cell.outputs]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert any(WIDGET in output.get("data", {}) for output in outputs), "each has something to drag or to type in"
    found, version, *files = cells[-1].outputs[0].text.splitlines()
    assert found == str(session / "course" / "__init__.py") and version == VERSIONS["ipython"]
    assert files == [path.name], "nothing is left beside the notebook"


def in_the_session(*arguments):
    """Run Colab's Python in an empty folder."""
    return subprocess.run([colab.PYTHON, *arguments], capture_output=True, text=True)


@pytest.mark.slow
def test_the_wheel_alone_is_whole_in_a_clean_environment(installed, colab_kernel, tmp_path, monkeypatch):
    """Every module imports, the doctor finds nothing to mend, and a model answers."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(installed), GUARD]))
    monkeypatch.chdir(tmp_path)
    everything = "import course, importlib, pkgutil\n"
    everything += "found = [one.name for one in pkgutil.walk_packages(course.__path__, 'course.')]\n"
    everything += "print(len([importlib.import_module(name) for name in found if name != 'course.__main__']))"
    done = in_the_session("-c", everything)
    assert done.returncode == 0 and int(done.stdout) > 80, done.stderr
    done = in_the_session("-m", "course", "doctor")
    assert done.returncode == 0 and "all is well" in done.stdout, done.stdout + done.stderr
    done = in_the_session("-m", "course", "ask", "How many r's are in strawberry?", "--think")
    assert done.returncode == 0 and "\nanswer " in done.stdout, done.stderr
    done = in_the_session("-m", "course", "--version")
    assert done.stdout.strip() == project()["version"]


def test_the_environment_has_what_the_library_needs_and_no_jupyterlab(colab_kernel):
    """What a notebook imports by mistake is missing there, as it would be in Colab."""
    names = {name.partition("[")[0] for name in VERSIONS}
    needs = {line.partition(">")[0].lower() for line in project()["dependencies"]}
    assert needs <= names and not names & {"jupyterlab", "papermill", "jaxtyping", "trl"}
