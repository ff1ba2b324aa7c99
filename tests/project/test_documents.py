"""What the documents say is there: addresses, links, commands, chapters."""

import json
import re
import stat

import pytest
import yaml

from course.cli import app
from tests.project import ROOT, project, read, texts

DOCUMENTS = ("README.md", "CONTRIBUTING.md")
REPOSITORY, SITE = project()["urls"]["Repository"], project()["urls"]["Site"]
OWNER, NAME = REPOSITORY.split("/")[-2:]
COMMANDS = {command.name or command.callback.__name__ for command in app.registered_commands}
TARGETS = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))


def test_every_mention_of_the_repository_is_its_address():
    """Wherever `SOMEBODY/think-step-by-step` stands in an address, it is ours: Colab, raw files, badges included."""
    pattern = re.compile(rf"(?:github\.com|githubusercontent\.com|research\.google\.com/github)/([\w.-]+)/{NAME}\b")
    strangers = {name: set(pattern.findall(text)) - {OWNER} for name, text in texts()}
    assert {name: found for name, found in strangers.items() if found} == {}


def test_every_mention_of_the_site_is_its_address():
    pattern = re.compile(r"https?://[\w.-]+\.github\.io/[\w-]+")
    strangers = {name: set(pattern.findall(text)) - {SITE} for name, text in texts()}
    assert {name: found for name, found in strangers.items() if any(NAME in address for address in found)} == {}


def test_the_citation_has_the_same_addresses_and_version():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert (citation["repository-code"], citation["url"]) == (REPOSITORY, SITE)
    assert citation["version"] == project()["version"]
    assert f"## {project()['version']}" in read("CHANGELOG.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_to_files_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#:]+)\)", read(document))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_in_documents_exist(document):
    code = "\n".join(
        re.findall(r"```sh\n(.*?)```", read(document), re.DOTALL) + re.findall(r"`([^`\n]+)`", read(document))
    )
    makes, courses = (set(re.findall(rf"^{word} ([a-z]+)", code, re.MULTILINE)) for word in ("make", "course"))
    assert makes | courses
    assert makes <= TARGETS
    assert courses | set(re.findall(r"bootstrap\.py ([a-z]+)", code)) <= COMMANDS


def test_readme_lists_every_notebook_once():
    there = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert sorted(re.findall(r"\(notebooks/([\w]+\.ipynb)\)", read("README.md"))) == there != []


def test_make_targets_are_commands_and_none_is_taken_for_a_folder():
    recipes = dict(re.findall(r"^([a-z]+):.*\n\t@\$\(PYTHON\) bootstrap\.py ([a-z]+)$", read("Makefile"), re.MULTILINE))
    assert recipes.keys() == TARGETS - {"help"}
    assert set(recipes.values()) <= COMMANDS
    phony = re.search(r"^\.PHONY:(.*)$", read("Makefile"), re.MULTILINE).group(1).split()
    assert set(phony) == TARGETS


def test_workflows_call_the_same_targets_on_three_systems_and_three_pythons():
    job = yaml.safe_load(read(".github/workflows/tests.yml"))["jobs"]["tests"]
    matrix = job["strategy"]["matrix"]
    assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert runs == ["bash .ci/run", "make test PYTHON=python", "python bootstrap.py test"]


def test_ci_ends_with_make_test():
    assert read(".ci/run").strip().splitlines()[-1] == "make test"
    assert (ROOT / ".ci" / "run").stat().st_mode & stat.S_IXUSR


def test_the_article_is_credited_and_not_pasted():
    assert "Cohorte, 25 June 2025" in read("README.md")


def test_the_picture_of_the_readme_is_described_by_the_figures_of_the_results():
    first = next(iter(json.loads(read("results/mini-base.json"))["seeds"].values()))
    (words,) = re.findall(r"!\[([^]]+)\]\(docs/thinking.png\)", read("README.md"))
    scores = {name: (first["plain"][name][0], first["forced"][name][0]) for name in first["plain"]}
    assert all(f"{name} {plain:.2f} and {forced:.2f}" in words for name, (plain, forced) in scores.items())


def test_the_site_is_published_from_main_and_from_a_version_with_what_npm_keeps():
    workflow = yaml.safe_load(read(".github/workflows/site.yml"))
    on = workflow[True]  # YAML reads `on` as a yes
    assert on["push"] == {"branches": ["main"], "tags": ["v*"]}
    steps = workflow["jobs"]["site"]["steps"]
    (node,) = (step["with"] for step in steps if step.get("uses", "").startswith("actions/setup-node"))
    assert node["cache"] == "npm" and (ROOT / node["cache-dependency-path"]).exists()
    assert [step["run"] for step in steps if "run" in step] == ["make book PYTHON=python"]
