"""What the doctor advises can be typed where it is advised: each kind of place has its own road."""

import re
import subprocess
import sys

import pytest

from course import remedies
from tests.project import project, read

HERE = {"python3": "/usr/bin/python3", "make": "/usr/bin/make", "git": "/usr/bin/git"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A clone set up in `.venv`, with make and git on the PATH, in which one stands; the tests take things away."""
    for name, content in (("bootstrap.py", ""), (".venv/ready.json", '{"extras": ["lab"]}'), (".git/HEAD", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "pyproject.toml").write_text(read("pyproject.toml"), encoding="utf-8")
    monkeypatch.setattr(remedies, "ROOT", tmp_path)
    monkeypatch.setattr(remedies.shutil, "which", HERE.get)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "executable", "/there/python")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def without(name, monkeypatch):
    """A machine that lacks one program."""
    monkeypatch.setattr(remedies.shutil, "which", {key: path for key, path in HERE.items() if key != name}.get)


def test_with_make_in_the_clone_it_is_make(place):
    assert remedies.set_up_again() == "make lab"


def test_without_make_it_is_bootstrap(place, monkeypatch):
    without("make", monkeypatch)
    assert remedies.set_up_again() == "python3 bootstrap.py lab"


def test_on_windows_it_is_bootstrap_even_with_make(place, monkeypatch):
    monkeypatch.setattr(remedies.os, "name", "nt")
    monkeypatch.setattr(remedies, "_is_here", lambda folder: True)
    assert remedies.set_up_again() == "python bootstrap.py lab"


def test_elsewhere_one_goes_to_the_clone_first_and_the_line_can_be_pasted(place, monkeypatch, tmp_path_factory):
    spaced = tmp_path_factory.mktemp("a folder")
    (spaced / "bootstrap.py").touch()
    (spaced / "Makefile").write_text("lab:\n\t@echo set up\n")
    monkeypatch.setattr(remedies, "ROOT", spaced)
    for name in ("MAKELEVEL", "MAKEFLAGS"):  # under `make test`, make would speak as a part of that one
        monkeypatch.delenv(name, raising=False)
    line = remedies.set_up_again()
    assert subprocess.run(line, shell=True, capture_output=True, text=True, cwd=place).stdout == "set up\n"


def test_in_a_folder_that_was_deleted_there_is_advice_too(place, monkeypatch):
    def gone():
        raise FileNotFoundError

    monkeypatch.setattr(remedies.Path, "cwd", gone)
    assert remedies.set_up_again() == f"cd {place} && make lab"


def test_without_a_clone_the_course_is_installed_again_and_nothing_of_a_clone_is_named(place, monkeypatch):
    (place / "bootstrap.py").unlink()
    address = f"{project()['urls']['Repository']}/archive/refs/heads/main.zip"
    assert remedies.set_up_again() == f"/there/python -m pip install --force-reinstall --no-deps {address}"
    told = [remedies.install("numpy>=2.0"), remedies.install("torch>=2.6", broken=True), remedies.fetch(place / "mini")]
    assert not re.search(r"make |bootstrap|git |\.venv", " ".join([*told, remedies.set_up_again()]))


def test_without_any_record_of_the_course_there_is_advice_too(place, monkeypatch):
    (place / "bootstrap.py").unlink()
    monkeypatch.setattr(remedies, "DISTRIBUTION", "no-such-thing")
    assert "pip install" in remedies.set_up_again()


def test_a_missing_package_is_installed_with_this_python(place):
    assert remedies.install("numpy>=2.0") == '/there/python -m pip install "numpy>=2.0"'


def test_without_pip_it_comes_first(place, monkeypatch):
    monkeypatch.setattr(remedies.importlib.util, "find_spec", lambda name: None)
    assert remedies.install("numpy>=2.0").startswith("/there/python -m ensurepip, then: /there/python -m pip install ")


@pytest.mark.parametrize("note", ["", "{", "[]", '{"extras": []}'])
def test_an_environment_that_is_not_finished_is_finished_first(place, note):
    (place / ".venv" / "ready.json").write_text(note)
    assert remedies.install("numpy>=2.0") == remedies.install("torch>=2.6", broken=True) == "make lab"


def test_pip_is_never_told_to_install_where_the_system_forbids_it(place, monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert remedies.install("numpy>=2.0") == "make lab"


def test_torch_is_never_fetched_by_pip_alone_in_our_own_environment(place):
    assert remedies.install("torch>=2.6") == f"delete the folder {place / '.venv'}, then: make lab"


def test_an_environment_of_the_readers_own_is_never_deleted(place, monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/home-of/conda")
    for broken in (False, True):
        assert "delete" not in remedies.install("torch>=2.6", broken)


def test_a_damaged_record_that_pip_cannot_remove_is_named(place, monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/home-of/conda")
    record = place / "half_done-1.0.dist-info"
    record.mkdir()
    monkeypatch.syspath_prepend(place)
    assert remedies.replace("half-done", "1.0").startswith(
        f"delete {record}, then: /there/python -m pip install --force"
    )


def test_a_model_comes_back_by_git_and_without_it_from_the_archive(place, monkeypatch):
    line = f"git -C {place} checkout -- course/model/checkpoints/mini-base"
    assert remedies.fetch(place / "mini-base") == line
    without("git", monkeypatch)
    assert "main.zip" in remedies.fetch(place / "mini-base")
    monkeypatch.setattr(remedies.shutil, "which", HERE.get)
    (place / ".git" / "HEAD").unlink()
    (place / ".git").rmdir()
    assert "main.zip" in remedies.fetch(place / "mini-base")
