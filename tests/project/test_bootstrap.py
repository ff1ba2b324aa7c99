"""Setting up, with pip and the network replaced: which PyTorch is taken, and when nothing is left to do."""

import subprocess
import sys

import pytest

import bootstrap
from tests.project import ROOT

PIN = "torch==2.13.0"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A Linux machine without an NVIDIA GPU, and the commands it is told to run."""
    commands = []
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "ready.json")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(bootstrap, "run", lambda command: commands.append(" ".join(map(str, command))))
    monkeypatch.setattr(bootstrap, "is_installed", lambda pin: False)
    monkeypatch.setattr(bootstrap.platform, "system", lambda: "Linux")
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    monkeypatch.setattr(bootstrap, "reachable", lambda address: True)
    return commands


def test_linux_without_a_gpu_takes_torch_from_the_cpu_index(machine):
    bootstrap.install_torch(PIN)
    assert f"{PIN} --index-url https://download.pytorch.org/whl/cpu" in machine[0]


def test_without_that_index_a_cpu_build_from_elsewhere_is_taken_and_it_says_so(machine, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "reachable", lambda address: False)
    monkeypatch.setattr(bootstrap, "brings_cuda", lambda pin: False)
    bootstrap.install_torch(PIN)
    assert machine[0].endswith(f"install {PIN} --quiet")
    assert "cannot reach https://download.pytorch.org/whl/cpu" in capsys.readouterr().out


def test_without_that_index_cuda_is_never_downloaded(machine, monkeypatch):
    monkeypatch.setattr(bootstrap, "reachable", lambda address: False)
    monkeypatch.setattr(bootstrap, "brings_cuda", lambda pin: True)
    with pytest.raises(SystemExit, match="install any CPU build"):
        bootstrap.install_torch(PIN)
    assert machine == []


@pytest.mark.parametrize(("system", "gpu"), [("Linux", "/usr/bin/nvidia-smi"), ("Darwin", None), ("Windows", None)])
def test_with_a_gpu_and_on_other_systems_pip_chooses(machine, monkeypatch, system, gpu):
    monkeypatch.setattr(bootstrap.platform, "system", lambda: system)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: gpu)
    bootstrap.install_torch(PIN)
    assert machine[0].endswith(f"install {PIN} --quiet")


@pytest.mark.parametrize(
    ("needs", "answer"), [('["nvidia-cublas==13.1"]', True), ('["cuda-toolkit"]', True), ('["sympy"]', False)]
)
def test_a_build_with_cuda_is_known_by_what_it_needs(monkeypatch, needs, answer):
    report = f'{{"install": [{{"metadata": {{"requires_dist": {needs}}}}}]}}'
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0, report, ""))
    assert bootstrap.brings_cuda(PIN) is answer


def test_an_address_nobody_answers_at_is_not_reachable():
    assert bootstrap.reachable("http://127.0.0.1:9") is False


def test_the_second_time_there_is_nothing_to_do(machine, capsys):
    bootstrap.set_up({"lab"})
    bootstrap.PYTHON.touch()
    assert any(command.endswith(f"--constraint {ROOT / 'constraints.txt'} --quiet") for command in machine)
    machine.clear()
    capsys.readouterr()
    bootstrap.set_up({"lab"})
    assert (machine, capsys.readouterr().out) == ([], "")


def test_more_extras_are_added_to_those_there(machine):
    bootstrap.PYTHON.touch()
    bootstrap.set_up({"lab"})
    bootstrap.set_up({"lab", "test", "book"})
    assert "[book,lab,test]" in machine[-1]
    machine.clear()
    bootstrap.set_up({"lab"})
    assert machine == []


def test_a_change_of_requirements_sets_up_again(machine, monkeypatch):
    bootstrap.PYTHON.touch()
    bootstrap.set_up({"lab"})
    machine.clear()
    monkeypatch.setattr(bootstrap, "fingerprint", lambda: "another")
    bootstrap.set_up({"lab"})
    assert machine


def test_an_environment_that_was_deleted_is_made_again(machine):
    bootstrap.set_up({"lab"})  # no Python appears, as if .venv had lost it
    machine.clear()
    bootstrap.set_up({"lab"})
    assert "-m venv" in machine[0]


def test_a_python_that_is_too_old_is_told_what_to_type(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    with pytest.raises(SystemExit, match="make lab PYTHON=python3"):
        bootstrap.main()


def test_only_pythons_own_library_is_needed():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap; print(bootstrap.pinned('torch'))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True)
    assert done.stdout.startswith("torch=="), done.stderr
