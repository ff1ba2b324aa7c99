"""What gets installed: open ranges, exact pins within them, nothing that would replace what Colab has."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.notebooks import colab
from tests.project import ROOT, pins, project, read

COLAB = {name.lower(): version for name, _, version in (line.partition("==") for line in colab.versions())}
EXTRAS = project()["optional-dependencies"]
RUN_TIME = [Requirement(line) for line in project()["dependencies"]]
EVERYTHING = RUN_TIME + [Requirement(line) for lines in EXTRAS.values() for line in lines]


@pytest.mark.parametrize("need", EVERYTHING, ids=str)
def test_a_range_is_open_above_and_its_pin_lies_in_it(need):
    assert {part.operator for part in need.specifier} <= {">="}
    assert need.specifier.contains(pins()[need.name.lower()])


@pytest.mark.parametrize("need", RUN_TIME, ids=str)
def test_colab_has_a_version_that_fits(need):
    assert need.specifier.contains(COLAB[need.name.lower()])


def test_every_dependency_is_listed_with_a_reason_or_speaks_for_itself():
    lines = read("pyproject.toml").split("dependencies = [")[1].split("]")[0].strip().splitlines()
    assert all("#" in line for line in lines)


def test_there_are_the_six_extras():
    assert set(EXTRAS) == {"lab", "test", "book", "serve", "peers", "mutate"}


def test_pins_are_exact_and_of_no_build_of_their_own():
    assert all(version and not set(version) & set("*+<>=~ ;") for version in pins().values())


def test_every_pin_runs_on_the_oldest_python_promised():
    oldest = project()["requires-python"].removeprefix(">=") + ".0"
    asked = {one.name: one.metadata["Requires-Python"] for one in distributions()}
    needs = {name: asked[name] for name in asked if name.lower().replace("_", "-") in pins() and asked[name]}
    assert len(needs) > 100
    assert {name: need for name, need in needs.items() if not SpecifierSet(need).contains(oldest)} == {}


@pytest.mark.slow
def test_pins_agree_with_each_other():
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_conda_environment_only_hands_over_to_pip():
    environment = yaml.safe_load(read("environment.yml"))
    python, pip, through_pip = environment["dependencies"]
    assert SpecifierSet(project()["requires-python"]).contains(python.removeprefix("python=") + ".0")
    assert pip == "pip"
    index, itself = through_pip["pip"]
    assert index == f"--extra-index-url {_cpu_wheels()}"
    assert itself.startswith("-e .[") and set(itself[5:-1].split(",")) <= set(EXTRAS)


def _cpu_wheels() -> str:
    from bootstrap import CPU_WHEELS

    return CPU_WHEELS


def test_pre_commit_runs_the_pinned_versions():
    repositories = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    revisions = {repository["repo"].split("/")[-1]: repository["rev"] for repository in repositories}
    assert revisions == {"ruff-pre-commit": f"v{pins()['ruff']}", "nbstripout": pins()["nbstripout"]}


def test_licenses_named_are_there():
    table = tomllib.loads(read("pyproject.toml"))["project"]
    assert table["license"] == "MIT AND CC-BY-4.0"
    assert all((ROOT / name).stat().st_size for name in table["license-files"])


@pytest.mark.slow
def test_tests_of_one_group_share_a_worker(tmp_path):
    """pytest 9.2 with pytest-xdist 3.8 forgets groups, and two workers then build the site into one folder."""
    tests = "".join(
        f"@pytest.mark.xdist_group('a')\ndef test_{n}(worker_id): print('ran in', worker_id)\n" for n in range(6)
    )
    (tmp_path / "test_group.py").write_text(f"import pytest\n{tests}", encoding="utf-8")
    options = [
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "-rP",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
    ]
    command = [sys.executable, "-m", "pytest", *options, "test_group.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    ran = [line for line in done.stdout.splitlines() if line.startswith("ran in")]
    assert len(ran) == 6 and len(set(ran)) == 1, done.stdout + done.stderr
