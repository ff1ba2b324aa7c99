"""What the site takes from npm: exact versions with a check sum each, from no address in particular."""

import json
import re
import subprocess
import sys

import pytest

from book import packages
from tests.project import ROOT, read

LOCK = json.loads(read("book/package-lock.json"))["packages"]


def test_the_lock_names_no_address_and_has_a_check_sum_of_every_package():
    assert "://" not in read("book/package-lock.json")
    assert "omit-lockfile-registry-resolved=true" in read("book/.npmrc").splitlines()
    installed = {name: package for name, package in LOCK.items() if name}
    assert installed and all(package["integrity"].startswith("sha512-") for package in installed.values())


def test_wanted_versions_are_exact_and_those_of_the_lock():
    wanted = json.loads(read("book/package.json"))
    versions = wanted["dependencies"] | wanted["devDependencies"]
    assert versions == {name: LOCK[f"node_modules/{name}"]["version"] for name in versions}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())


def test_nothing_of_npm_s_is_committed():
    tracked = subprocess.run(["git", "ls-files", "book/node_modules"], cwd=ROOT, capture_output=True, text=True)
    assert tracked.stdout == ""
    assert "book/node_modules/" in read(".gitignore").splitlines()


@pytest.mark.parametrize("missing", ["npm", "node"])
def test_without_node_the_build_says_what_to_type(monkeypatch, missing):
    monkeypatch.setattr(packages.shutil, "which", lambda name: None if name == missing else sys.executable)
    with pytest.raises(SystemExit, match="apt-get install nodejs npm"):
        packages.install()


def test_what_is_half_installed_is_installed_again(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "MODULES", tmp_path)
    assert not packages.is_installed()
    tmp_path.joinpath(".package-lock.json").write_text('{"packages": {}}', encoding="utf-8")
    assert not packages.is_installed()
    others = {name: package for name, package in LOCK.items() if name}
    tmp_path.joinpath(".package-lock.json").write_text(json.dumps({"packages": others}), encoding="utf-8")
    assert packages.is_installed()
