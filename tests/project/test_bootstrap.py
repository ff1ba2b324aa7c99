"""Setting up, with pip and the network replaced: which PyTorch is taken, and when nothing is left to do."""

import subprocess
import sys
import venv

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
    monkeypatch.setattr(bootstrap, "whole", lambda: bootstrap.PYTHON.exists())
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
    with pytest.raises(SystemExit, match="3.12 bootstrap.py"):
        bootstrap.main()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '"ready"', "null", '{"extras": ["lab"]}', '{"made_from": 1, "extras": null}', "\ufeff{}"]
)
def test_a_note_that_says_anything_else_is_no_sign_of_being_ready(machine, content):
    bootstrap.PYTHON.touch()
    bootstrap.STAMP.write_text(content, encoding="utf-8")
    bootstrap.set_up({"lab"})
    assert any("--editable" in command for command in machine)
    machine.clear()
    bootstrap.set_up({"lab"})
    assert machine == []


class Pip:
    """A machine that carries out what bootstrap.py runs, and is interrupted after so many steps, as by control-C."""

    def __init__(self, last=None):
        self.last, self.steps = last, 0

    def step(self, *paths):
        """One more file or folder appears; the machine stops before it once its steps are used up."""
        for path in paths:
            if self.steps == self.last:
                raise KeyboardInterrupt
            self.steps += 1
            path.touch()

    def run(self, command):
        """Leave what the command leaves: each package in two steps, whole only after the second."""
        venv, words = bootstrap.VENV, " ".join(map(str, command))
        if "-m venv" in words:
            for old in sorted(venv.iterdir()) if venv.exists() else []:
                if self.steps == self.last:
                    raise KeyboardInterrupt
                self.steps += 1
                old.unlink()
            venv.mkdir(exist_ok=True)
            self.step(bootstrap.PYTHON)
        assert bootstrap.PYTHON.exists(), "nothing is installed without a Python"
        package = next(name for name in ("venv", "pip==", "torch==", "--editable") if f" {name}" in words)
        half, done = venv / f"{package}-half", venv / f"{package}-whole"
        assert package == "venv" or (venv / "venv-whole").exists(), "nothing is installed without pip"
        assert not half.exists(), "pip takes a package that is half installed for installed"
        self.step(half, done)
        half.unlink()

    @staticmethod
    def whole():
        return bootstrap.PYTHON.exists() and (bootstrap.VENV / "venv-whole").exists() and not halves()


def halves():
    return [path.name for path in bootstrap.VENV.iterdir() if path.name.endswith("half")]


def test_interrupted_anywhere_the_next_run_recovers_and_the_one_after_has_nothing_to_do(machine, monkeypatch, tmp_path):
    def set_up(last=None):
        pip = Pip(last)
        monkeypatch.setattr(bootstrap, "run", pip.run)
        monkeypatch.setattr(bootstrap, "whole", pip.whole)
        try:
            bootstrap.set_up({"lab"})
        except KeyboardInterrupt:
            assert bootstrap.installed_extras(bootstrap.fingerprint()) == set(), "what was stopped is not finished"
        return pip.steps

    def at(folder):
        for name, path in (("VENV", folder), ("STAMP", folder / "ready.json"), ("PYTHON", folder / "python")):
            monkeypatch.setattr(bootstrap, name, path)

    at(tmp_path / "once")
    steps = set_up()
    made = {path.name for path in bootstrap.VENV.iterdir()}
    assert steps == 9 and "ready.json" in made
    for last in range(steps):
        for again in range(2 * steps):  # and the run that goes on is interrupted as well
            at(tmp_path / f"{last}-{again}")
            set_up(last)
            set_up(again)
            set_up()
            assert {path.name for path in bootstrap.VENV.iterdir()} == made, (last, again)
            assert set_up() == 0, "nothing is left to do"


def test_a_note_half_written_is_not_seen(machine, monkeypatch):
    bootstrap.PYTHON.touch()
    monkeypatch.setattr(bootstrap.Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bootstrap.set_up({"lab"})
    assert not bootstrap.STAMP.exists()


def interrupted(*_, **__):
    raise KeyboardInterrupt


def test_control_c_says_that_the_same_command_goes_on(machine, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "run", interrupted)
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "lab"])
    with pytest.raises(SystemExit) as end:
        bootstrap.main()
    assert end.value.code == 130
    assert "the same command goes on" in capsys.readouterr().out


def test_a_command_that_is_interrupted_ends_before_bootstrap_does(tmp_path, monkeypatch):
    tidying = "import sys, time, pathlib; time.sleep(1); pathlib.Path(sys.argv[1]).touch()"
    wait = bootstrap.subprocess.Popen.wait
    heard = []

    def interrupted_once(process, timeout=None):
        if not heard:
            heard.append(True)
            raise KeyboardInterrupt
        return wait(process, timeout)

    monkeypatch.setattr(bootstrap.subprocess.Popen, "wait", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        bootstrap.run([sys.executable, "-c", tidying, tmp_path / "tidy"])
    assert (tmp_path / "tidy").exists()


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A real virtual environment without pip, as one that control-C stopped in its first second."""
    venv.create(tmp_path / ".venv", with_pip=False)
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv" / bootstrap.PYTHON.relative_to(bootstrap.VENV))
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / ".venv" / "ready.json")
    bootstrap.STAMP.touch()
    (packages,) = (tmp_path / ".venv").rglob("site-packages")
    return packages


def package(folder, name, sizes=(9, 9)):
    """A package of two files in a folder of packages, and the record that lists them."""
    record = folder / f"{name.partition('/')[0]}-1.0.dist-info" / "RECORD"
    record.parent.mkdir(exist_ok=True)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x" * sizes[0])
    (record.parent / "METADATA").write_bytes(b"Name: one" + b"x" * (sizes[1] - 9))
    lines = [f"{name},,9", f"{record.parent.name}/METADATA,,9", f"{record.parent.name}/RECORD,,"]
    record.write_text("\n".join(lines), encoding="utf-8")
    return record


def test_an_environment_without_pip_is_made_again(environment, monkeypatch):
    commands = []
    monkeypatch.setattr(bootstrap, "run", lambda command: commands.append(" ".join(map(str, command))))
    monkeypatch.setattr(bootstrap, "install_torch", lambda pin: None)
    bootstrap.set_up({"lab"})
    assert commands[0].endswith(f"-m venv --clear {bootstrap.VENV}")


def test_an_environment_is_whole_as_long_as_every_package_is(environment):
    assert not bootstrap.whole()
    package(environment, "pip/_internal/cli/main.py").parent.joinpath("METADATA").read_bytes()
    (environment / "pip/_internal/cli/main.py").write_text("x = 1\n\n\n\n", encoding="ascii")
    assert bootstrap.whole()
    record = package(environment, "one/a.py")
    assert bootstrap.whole()
    for breaking in (
        lambda: (environment / "one/a.py").unlink(),
        lambda: (environment / "one/a.py").write_bytes(b""),
        lambda: (record.parent / "METADATA").unlink(),
        record.unlink,
    ):
        package(environment, "one/a.py")
        breaking()
        assert not bootstrap.whole()


def test_without_a_python_that_starts_nothing_is_whole(environment):
    bootstrap.PYTHON.unlink()
    bootstrap.PYTHON.touch(0o755)
    assert not bootstrap.whole()
    assert not bootstrap.starts(bootstrap.PYTHON)


def test_an_environment_that_was_moved_is_set_up_again(machine, monkeypatch, tmp_path):
    bootstrap.PYTHON.touch()
    bootstrap.set_up({"lab"})
    made_from = bootstrap.fingerprint()
    assert bootstrap.installed_extras(made_from) == {"lab"}
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / "elsewhere")
    assert bootstrap.fingerprint() != made_from


def test_only_pythons_own_library_is_needed():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap; print(bootstrap.pinned('torch'))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True)
    assert done.stdout.startswith("torch=="), done.stderr
