"""The wheel alone, in a clean environment: that with Colab's packages, in which notebooks run too."""

import os
import subprocess

import pytest

from tests.conftest import GUARD
from tests.notebooks import colab
from tests.project import project

VERSIONS = {name.lower(): version for name, _, version in (line.partition("==") for line in colab.versions())}


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
