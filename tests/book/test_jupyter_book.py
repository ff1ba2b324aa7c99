"""Jupyter Book 2 reads the same pages: its content stage, without the theme that it would fetch, knows every one."""

import shutil
import subprocess

import pytest
import yaml

from tests.project import ROOT, read

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]  # npm installs into one folder
MYST = ROOT / "book" / "node_modules" / "mystmd" / "dist" / "myst.cjs"
STUB = "myst: v1\nkind: site\ntitle: a theme that nothing is rendered with\n"


@pytest.fixture(scope="module")
def said(site, tmp_path_factory) -> str:
    """What mystmd says when it reads a copy of the project."""
    folder = tmp_path_factory.mktemp("jupyter-book")
    for name in ("book", "notebooks", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("_build", "node_modules"))
    settings = yaml.safe_load(read("myst.yml"))
    settings["site"]["template"] = "./stub"
    (folder / "myst.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (folder / "stub").mkdir()
    (folder / "stub" / "template.yml").write_text(STUB, encoding="utf-8")
    command = [shutil.which("node"), MYST, "build", "--site", "--ci"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_page_is_read(said):
    for entry in yaml.safe_load(read("myst.yml"))["project"]["toc"]:
        assert f"Built {entry['file']} in " in said


def test_no_page_has_an_error(said):
    assert [line for line in said.splitlines() if "⛔" in line] == []
