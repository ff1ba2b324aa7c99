"""On every road, waiting threads sleep: the environment says so by the time PyTorch is loaded, which reads it once."""

import json
import os
import subprocess
import sys

import pytest

from course._threads import SETTINGS, SHORT
from tests.project import ROOT

STAND_IN = """
import os
import pathlib
said = [os.environ.get(name, "nothing") for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")]
pathlib.Path(os.environ["SEEN"]).write_text(" ".join(said))
os._exit(0)
"""
SOON = f"PASSIVE {SHORT}"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


def run(*arguments: str, path: str = "", **environment: str) -> subprocess.CompletedProcess:
    """Run a fresh Python that nobody has told how threads wait."""
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    inherited["PYTHONPATH"] = os.pathsep.join(filter(None, [path, str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=inherited | environment, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def seen(tmp_path):
    """What a road's environment said when it loaded PyTorch; a stand-in for torch writes it down and ends there."""
    for module in ("torch/__init__.py", "jupyterlab/__init__.py", "jupyterlab/__main__.py"):
        (tmp_path / module).parent.mkdir(exist_ok=True)
        (tmp_path / module).write_text("import torch" if module.endswith("__main__.py") else "")
    (tmp_path / "torch" / "__init__.py").write_text(STAND_IN)

    def of(*arguments: str, **environment: str) -> str:
        done = run(*arguments, path=str(tmp_path), SEEN=str(tmp_path / "seen"), **environment)
        assert (tmp_path / "seen").exists(), done.stderr
        return (tmp_path / "seen").read_text()

    return of


@pytest.mark.parametrize(
    "road",
    [
        ["-c", "import course.model"],
        ["-c", "import course; import torch"],
        ["-c", "import tests.conftest; import torch"],
        ["-c", "import bootstrap; bootstrap.hand_over(['lab'])"],
        ["-m", "course", "lab"],  # JupyterLab and its kernels inherit it
        ["-m", "course", "ask", "Is 2 greater than 1?"],
        ["-m", "course", "train", "mini-base"],
        ["-m", "course", "experiment", "cues"],
        ["-m", "course.doctor"],
    ],
    ids=" ".join,
)
def test_waiting_threads_sleep_on_the_road_through(seen, road):
    assert seen(*road) == SOON


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_waiting_threads_sleep_in_the_notebook(seen, notebook):
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    lines = "".join("".join(cell["source"]) + "\n" for cell in cells[:4]).splitlines()
    assert seen("-c", "\n".join(line.replace("%pip install", "pass  #") for line in lines)) == SOON


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda path: path.stem)
def test_waiting_threads_sleep_in_the_benchmark(seen, benchmark):
    assert seen(str(benchmark)) == SOON


def test_what_the_reader_has_decided_stays(seen):
    assert seen("-c", "import course.model", OMP_WAIT_POLICY="ACTIVE") == "ACTIVE nothing"
    assert seen("-c", "import course.model", GOMP_SPINCOUNT="0") == "nothing 0"


@pytest.mark.slow
def test_after_pytorch_it_is_too_late_so_one_thread_is_used_and_a_warning_says_so():
    late = "import torch; torch.set_num_threads(2); import course; print(torch.get_num_threads())"
    done = run("-c", late)
    assert done.stdout.split() == ["1"]
    assert "Write `import course` before `import torch`" in done.stderr
    early = run("-c", late.replace("import torch", "import course, torch", 1))
    assert (early.stdout.split(), early.stderr) == (["2"], "")
