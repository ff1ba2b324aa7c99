"""A release: what `make dist` builds, what is said of it, and what the workflow and the container call."""

import email
import json
import re
import shlex
import subprocess
import sys
import tarfile
import zipfile

import pytest
import yaml
from packaging.metadata import Metadata

from course.cli import app
from tests.project import ROOT, project, read

COMMANDS = {command.name or command.callback.__name__ for command in app.registered_commands}
TARGETS = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The wheel and the source archive as `course dist` builds them: the wheel from the archive."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,), (archive,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, archive


@pytest.mark.slow
def test_the_wheel_that_the_archive_builds_holds_all_that_the_library_reads(release):
    """Byte for byte what the clone has: code, checkpoints, words, JavaScript, and the results under the library."""
    wheel, archive = release
    with zipfile.ZipFile(wheel) as inside:
        packed = {info.filename: inside.read(info) for info in inside.infolist()}
    for path in [*(ROOT / "course").rglob("*"), *(ROOT / "results").glob("*.json")]:
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and "__pycache__" not in name:
            assert packed[name if name.startswith("course/") else f"course/{name}"] == path.read_bytes(), name
    assert any(name.endswith("mini-base/model.safetensors") for name in packed)
    with tarfile.open(archive) as inside:
        names = {name.partition("/")[2] for name in inside.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "CITATION.cff", "results/zero.json"} <= names
    assert not [name for name in names if name.startswith((".venv", "runs", "notebooks", "tests"))]


@pytest.mark.slow
def test_what_is_said_of_the_release_is_valid_and_the_project_s_own(release):
    wheel, archive = release
    with zipfile.ZipFile(wheel) as inside:
        (name,) = (name for name in inside.namelist() if name.endswith(".dist-info/METADATA"))
        written = inside.read(name)
    said = Metadata.from_email(written, validate=True)
    assert (said.name, str(said.version)) == (project()["name"], project()["version"])
    assert said.license_expression == project()["license"] and said.description_content_type == "text/markdown"
    assert email.message_from_bytes(written).get_payload(decode=True).decode().strip() == read("README.md").strip()
    with tarfile.open(archive) as inside:
        (info,) = (member for member in inside if member.name.count("/") == 1 and member.name.endswith("/PKG-INFO"))
        assert inside.extractfile(info).read() == written


@pytest.mark.slow
def test_a_release_is_small_enough_for_colab(release):
    assert all(path.stat().st_size < 20_000_000 for path in release)


def test_the_workflow_builds_on_a_tag_and_attaches_wheel_archive_and_site_without_a_secret():
    text = read(".github/workflows/release.yml")
    workflow = yaml.safe_load(text)
    assert workflow[True] == {"push": {"tags": ["v*"]}} and workflow["permissions"] == {"contents": "write"}
    steps = workflow["jobs"]["release"]["steps"]
    runs = "\n".join(step.get("run", "") for step in steps)
    assert set(re.findall(r"make (\w+)", runs)) == {"dist", "book"} <= TARGETS
    assert "dist/site.zip" in runs and "gh release create" in runs and "dist/*" in runs and "course --version" in runs
    assert "secrets." not in text
    known = {step["uses"] for name in ("tests", "site") for step in _steps(f".github/workflows/{name}.yml")}
    assert {step["uses"] for step in steps if "uses" in step} <= known


def _steps(name):
    jobs = yaml.safe_load(read(name))["jobs"].values()
    return [step for job in jobs for step in job["steps"] if "uses" in step]


def test_the_container_installs_and_opens_the_course_with_commands_that_exist():
    container = json.loads(read(".devcontainer/devcontainer.json"))
    image, version = container["image"].split(":")
    assert image.endswith("/python") and version in read(".github/workflows/tests.yml")
    for when in ("postCreateCommand", "postAttachCommand"):
        python, script, command, *_ = shlex.split(container[when])
        assert python == "python" and (ROOT / script).is_file() and command in COMMANDS
    assert container["forwardPorts"] == [8888] and "8888" in container["portsAttributes"]


@pytest.mark.slow
def test_what_the_container_runs_first_ends_by_itself():
    command = json.loads(read(".devcontainer/devcontainer.json"))["postCreateCommand"].split("bootstrap.py ")[1]
    done = subprocess.run(
        [sys.executable, "-m", "course", *command.split()], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and re.match(r"\d+\.\d+", done.stdout), done.stderr
