"""`course doctor`, shown broken installations: it names what is wrong and what to type, and never falls over itself."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from course import doctor, remedies
from tests.project import ROOT


@pytest.fixture
def folder(tmp_path):
    """A whole checkpoint."""
    return shutil.copytree(doctor.SHELF / "mini-student", tmp_path / "mini-student")


def wrong(finding):
    """Whether a finding names something wrong together with its remedy."""
    return not finding.well and finding.remedy


def test_a_whole_checkpoint_is_well_and_counted(folder):
    finding = doctor.check_model(folder)
    assert finding.well
    assert "0.2 M parameters" in finding.what


def test_weights_cut_short_are_found(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert wrong(doctor.check_model(folder))


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 100, b"{}", b"version https://git-lfs.github.com/spec/v1\noid sha256:0"]
)
def test_weights_that_are_something_else_are_found(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    assert wrong(doctor.check_model(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
def test_a_missing_file_of_a_checkpoint_is_found(folder, name):
    (folder / name).unlink()
    finding = doctor.check_model(folder)
    assert wrong(finding)
    assert name in finding.what


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"", b"{}", b"[]", b"null"])
def test_a_damaged_config_is_found(folder, content):
    (folder / "config.json").write_bytes(content)
    assert wrong(doctor.check_model(folder))


def test_a_config_of_fewer_layers_than_weights_is_found(folder):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}), encoding="utf-8")
    assert wrong(doctor.check_model(folder))


def test_a_model_of_somebody_else_is_not_damaged_and_its_owner_is_asked(folder, monkeypatch):
    monkeypatch.setattr(doctor, "check_checkpoint", lambda _: ["permission denied: model.safetensors"])
    assert doctor.check_model(folder).remedy == f"ask its owner to let you read {folder}"


def test_a_missing_checkpoint_is_found_with_its_remedy(tmp_path):
    (finding,) = doctor.check_models(tmp_path, ("mini-base",))
    assert wrong(finding)
    assert finding.remedy == remedies.fetch(tmp_path / "mini-base")


def test_an_old_python_is_found():
    assert wrong(doctor.check_python((3, 10, 14)))
    assert doctor.check_python((3, 11, 0)).well


def test_a_missing_package_is_found_with_the_line_that_installs_it():
    finding = doctor.check_package("no-such-package", "1.2")
    assert wrong(finding)
    assert finding.remedy == f'{sys.executable} -m pip install "no-such-package>=1.2"'


@pytest.mark.parametrize(
    ("installed", "lowest", "well"),
    [
        ("2.9.0", "2.10", False),
        ("2.10", "2.9", True),
        ("2.13.0+cpu", "2.13", True),
        ("2", "2.0", True),
        ("3.0rc1", "3.0", True),
        ("1.99", "2", False),
    ],
)
def test_versions_are_compared_as_numbers(monkeypatch, installed, lowest, well):
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: installed)
    assert doctor.check_package("torch", lowest).well is well


def test_a_torch_that_does_not_import_is_found_with_its_reason(tmp_path, monkeypatch):
    (tmp_path / "broken_torch.py").write_text("raise OSError('libtorch_cpu.so: cannot open shared object file\\nmore')")
    monkeypatch.syspath_prepend(tmp_path)
    finding = doctor.check_torch("broken_torch")
    assert wrong(finding)
    assert finding.what.endswith("libtorch_cpu.so: cannot open shared object file")


def test_this_torch_works():
    assert doctor.check_torch().well


def test_a_folder_that_cannot_be_written_is_found(tmp_path):
    assert doctor.check_folder(tmp_path).well
    assert wrong(doctor.check_folder(tmp_path / "gone"))


def test_a_kernel_whose_python_is_gone_is_found(tmp_path, monkeypatch):
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    argv = [str(tmp_path / "gone" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "gone", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    finding = doctor.check_kernel()
    assert wrong(finding)
    assert argv[0] in finding.what


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "{}", '{"argv": []}', '{"argv": "python"}', '{"argv": [7]}', '{"argv": null}', "\x00"],
)
def test_a_kernel_that_is_damaged_is_found_with_its_folder(tmp_path, monkeypatch, content):
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(content, encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    finding = doctor.check_kernel()
    assert wrong(finding)
    assert finding.remedy.startswith(f"delete the folder {kernel}, then: {sys.executable} -m ipykernel install")


def test_a_kernel_of_another_python_is_noted(tmp_path, monkeypatch):
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    other = tmp_path / "python"
    other.touch(0o755)
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": [str(other), "{connection_file}"], "display_name": "other", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    finding = doctor.check_kernel()
    assert finding.well and "not this Python" in finding.remedy


@pytest.mark.parametrize("metadata", [None, "", "Name: half", "Version:", "Name: half\nVersion: of\n", "\xff"])
def test_a_package_half_installed_is_found_with_its_record(tmp_path, monkeypatch, metadata):
    record = tmp_path / "half-1.0.dist-info"
    record.mkdir()
    if metadata is not None:
        (record / "METADATA").write_text(metadata, encoding="latin-1")
    monkeypatch.syspath_prepend(tmp_path)
    finding = doctor.check_package("half", "1.0")
    assert wrong(finding)
    assert "half is half installed" in finding.what
    assert finding.remedy == remedies.replace("half", "1.0")


@pytest.mark.parametrize(
    "part",
    ["requirements", "check_torch", "check_models", "check_kernel", "notebooks_here", "find_browser", "check_node"],
)
def test_a_look_that_fails_is_a_finding_and_the_others_go_on(monkeypatch, part):
    def fail(*_):
        raise RuntimeError("of all things")

    monkeypatch.setattr(doctor, part, fail)
    findings = doctor.examine()
    (failed,) = (finding for finding in findings if "of all things" in finding.what)
    assert wrong(failed)
    assert len(findings) >= 8


def test_every_shipped_model_is_looked_for():
    assert sorted(doctor.MODELS) == sorted(path.name for path in doctor.SHELF.iterdir())


def test_progress_that_cannot_be_kept_is_found_and_where_it_is_kept_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    (finding,) = doctor.check_progress()
    assert finding.well and finding.what.endswith(f"0 exercises solved, is kept in {tmp_path / 'progress.json'}")
    (tmp_path / "progress.json").write_text("{")
    (damaged,) = doctor.check_progress()
    assert wrong(damaged) and "progress.json" in damaged.what and "COURSE_HOME" in damaged.remedy
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "progress.json" / "inside"))
    (unwritable,) = doctor.check_progress()
    assert wrong(unwritable)


def test_in_colab_progress_that_goes_with_the_session_is_noted_and_on_drive_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "SESSION", tmp_path)
    (tmp_path / "drive").mkdir()
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    (passing,) = doctor.check_progress()
    assert passing.well and "progress.keep_in" in passing.remedy
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "drive"))
    (kept,) = doctor.check_progress()
    assert kept.well and not kept.remedy


def test_a_notebook_of_another_version_is_found_with_what_to_do(tmp_path):
    there = doctor.installed()
    for name, wanted in (("old", "0.0"), ("new", "99.0"), ("own", there), ("silent", "")):
        source = f'course.expects("{wanted}")' if wanted else "1"
        (tmp_path / f"{name}.ipynb").write_text(json.dumps({"cells": [{"source": [source]}]}), encoding="utf-8")
    old, new = doctor.check_notebooks([tmp_path / f"{name}.ipynb" for name in ("old", "own", "new", "silent")])
    assert wrong(old) and wrong(new) and "old.ipynb" in old.what and "new.ipynb" in new.what
    assert "COURSE_WHEEL" in old.remedy and "Update the library" in new.remedy
    (well,) = doctor.check_notebooks([tmp_path / "own.ipynb"])
    assert well.well and there in well.what
    assert doctor.check_notebooks([tmp_path / "silent.ipynb"]) == []


def test_the_browser_named_by_the_environment_comes_first(tmp_path, monkeypatch):
    browser = tmp_path / "my-chrome"
    browser.touch()
    monkeypatch.setenv("CHROME", str(browser))
    assert doctor.find_browser() == str(browser)


def test_learning_without_a_browser_for_tests_is_well(monkeypatch):
    monkeypatch.setattr(doctor, "CHROME_PLACES", ())
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CHROME", raising=False)
    finding = doctor.check_browser()
    assert finding.well
    assert "install Chrome or Chromium" in finding.remedy


def test_learning_without_node_is_well_and_says_what_needs_it(monkeypatch):
    monkeypatch.setenv("PATH", "")
    finding = doctor.check_node()
    assert finding.well
    assert "make book" in finding.remedy and "install Node.js 18 or newer" in finding.remedy


def test_the_report_puts_each_remedy_under_its_finding_and_counts():
    findings = [doctor.Finding("fine"), doctor.Finding("broken", False, "mend it")]
    assert doctor.report(findings).splitlines() == [
        "ok     fine",
        "WRONG  broken",
        "        type: mend it",
        "1 to mend: start with the first",
    ]
    assert doctor.report(findings[:1]).endswith("all is well")


def test_doctor_works_in_a_python_that_has_nothing_else_installed(tmp_path):
    shutil.copytree(ROOT / "course", tmp_path / "course", ignore=shutil.ignore_patterns("__pycache__", "checkpoints"))
    for name in ("pyproject.toml", "bootstrap.py"):
        shutil.copy(ROOT / name, tmp_path)
    bare = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import course.doctor as d; d.main()",
    ]
    done = subprocess.run(bare, capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    for missing in ("torch is missing", "jupyterlab is missing", "Jupyter is missing", "mini-base is missing"):
        assert missing in done.stdout
