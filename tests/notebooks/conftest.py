"""The wheel that readers get, and Colab's packages beside it, for every test in this folder that runs a notebook."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import GUARD
from tests.notebooks import colab
from tests.project import ROOT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The course's wheel, built from this clone."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    """The folder that the course is installed in from its wheel, without what it needs."""
    folder = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target"]
    subprocess.run([*install, str(folder), str(wheel)], check=True, capture_output=True)
    return folder


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Where `%pip` puts packages, as in a session of one's own: a new folder, and no index to find any in."""
    place = tmp_path / "dist-packages"
    place.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place), GUARD]))
    for name, value in {"PIP_TARGET": place, "PIP_NO_INDEX": 1, "PIP_DISABLE_PIP_VERSION_CHECK": 1}.items():
        monkeypatch.setenv(name, str(value))
    return place


@pytest.fixture
def colab_kernel(tmp_path, monkeypatch):
    """The name of a kernel that runs in the environment like Colab's, which `course test` makes."""
    if not colab.is_ready():
        pytest.fail("there is no environment like Colab's: `python -m tests.notebooks.colab` makes it")
    kernel = tmp_path / "jupyter" / "kernels" / "colab"
    kernel.mkdir(parents=True)
    argv = [str(colab.PYTHON), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Colab", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", os.pathsep.join([str(kernel.parents[1]), os.environ.get("JUPYTER_PATH", "")]))
    return kernel.name
