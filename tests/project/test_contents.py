"""`course.contents` is the one list of chapters: README, site, notebooks, folders and tests say what it says."""

import ast
import re

import nbformat
import pytest
import yaml

from course.contents import CHAPTERS, part, with_part
from tests.project import ROOT, read, texts

FINISHED = [chapter for chapter in CHAPTERS if chapter.finished]
PLANNED = [chapter for chapter in CHAPTERS if not chapter.finished]
NAMES = {chapter.name for chapter in CHAPTERS}
MINUTES = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
MINUTES |= {"fifteen": 15, "thirty": 30, "sixty": 60, "ninety": 90}
LISTS = {"README.md", "myst.yml", "course/contents.py", "CHANGELOG.md", "docs/log.md"}  # the first two are held to it
CONTENT = {"Exercise", "Mistake", "Question", "Experiment"}  # what chapters are made of


def test_numbers_rise_and_names_are_one_noun_each():
    numbers = [chapter.number for chapter in CHAPTERS]
    assert numbers == sorted(set(numbers)) and len(NAMES) == len(CHAPTERS)
    assert all(re.fullmatch(r"\d\d[a-z]?_[a-z]+(_[a-z]+)?", chapter.title) for chapter in CHAPTERS)


def test_minutes_are_known_of_all_that_is_written_and_of_nothing_else():
    assert all(chapter.machine and chapter.learner for chapter in FINISHED)
    assert not any(chapter.machine or chapter.learner for chapter in PLANNED)


def test_the_readme_has_these_chapters_with_their_questions_and_minutes():
    rows = re.findall(
        r"^\| \[(\w+)\]\(notebooks/(\w+)\.ipynb\) \| (.+?) \| (\d+) min \| (\d+) min \|$", read("README.md"), re.M
    )
    assert rows == [(one.title, one.title, one.question, str(one.machine), str(one.learner)) for one in FINISHED]


def test_the_readme_has_those_that_are_planned():
    rows = re.findall(r"^\| (\d\d[a-z]?_\w+) \| (.+?) \|$", read("README.md"), re.M)
    assert rows == [(one.title, one.question) for one in PLANNED]


def test_the_site_has_the_notebooks_in_this_order():
    pages = [entry["file"] for entry in yaml.safe_load(read("myst.yml"))["project"]["toc"]]
    assert [page for page in pages if page.startswith("notebooks/")] == [
        f"notebooks/{one.title}.ipynb" for one in FINISHED
    ]


def test_the_notebooks_are_those_that_are_finished():
    assert sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")) == [one.title for one in FINISHED]


@pytest.mark.parametrize("chapter", FINISHED, ids=lambda chapter: chapter.name)
def test_a_notebook_opens_with_its_question_and_the_minutes(chapter):
    cells = nbformat.read(ROOT / "notebooks" / f"{chapter.title}.ipynb", 4).cells
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert prose[0].splitlines()[0].lower() == f"# {chapter.question}"
    told = r"about (\w+) minutes?\b[^.]*?\babout (two sessions of )?(\w+)"
    machine, twice, learner = re.search(told, " ".join(" ".join(prose).split())).groups()
    assert (MINUTES[machine], MINUTES[learner] * (2 if twice else 1)) == (chapter.machine, chapter.learner)


@pytest.mark.parametrize("folder", ["course/chapters", "tests/chapters"])
def test_folders_of_chapters_are_named_as_they_are(folder):
    there = {path.name for path in (ROOT / folder).iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert there <= {one.name for one in FINISHED}
    assert there >= set(with_part("exercises")) | set(with_part("experiments")), "each has its code and its tests"


def test_a_name_that_is_no_chapter_s_is_refused():
    with pytest.raises(ValueError, match="no chapter 'gpro'"):
        part("gpro", "exercises")


def lists_of_chapters(name: str, text: str) -> bool:
    """Whether a file names three chapters or more by their titles, or in one literal of Python."""
    if len({one.title for one in CHAPTERS if re.search(rf"\b{one.title}\b", text)}) >= 3:
        return True
    literals = ast.List | ast.Tuple | ast.Set | ast.Dict
    trees = [node for node in ast.walk(ast.parse(text)) if isinstance(node, literals)] if name.endswith(".py") else []
    words = [{one.value for one in ast.walk(node) if isinstance(one, ast.Constant)} for node in trees]
    return any(len(NAMES & {word for word in one if isinstance(word, str)}) >= 3 for one in words)


@pytest.mark.slow
def test_there_is_no_second_list():
    own_drags = {"tests/browser/test_lab.py"}  # what is dragged in which notebook
    links = {f"book/{page}.md" for page in ("claims", "teaching", "tour")}  # made from the list by book/generated.py
    assert {name for name, text in texts() if lists_of_chapters(name, text)} <= LISTS | own_drags | links


@pytest.mark.parametrize(
    "text",
    [
        'A = ("grpo", "moe", "trust")',
        'B = {"moe": 1, "sft": 2, "grpo": 3}',
        "# " + " ".join(one.title for one in CHAPTERS[:3]),
    ],
)
def test_a_second_list_is_found(text):
    assert lists_of_chapters("a.py", text)
    assert not lists_of_chapters("a.py", 'A = ("grpo", "moe", "decimals")')


def content(source: str) -> set[str]:
    """What of a chapter's content a module makes, or the chapter whose content it names."""
    tree = ast.parse(source)
    calls = [ast.unparse(node.func).split(".")[-1] for node in ast.walk(tree) if isinstance(node, ast.Call)]
    told = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
    }
    words = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    } - told
    keys = {word.split(".")[0] for word in words if re.fullmatch(r"[a-z_]+\.[a-z_]+", word)}
    return CONTENT.intersection(calls) | NAMES.intersection(words | keys)


SERVED = {"reasoning", "start"}  # a field of the API, and the function that starts the server
OUTSIDE = [path for path in sorted((ROOT / "course").rglob("*.py")) if "chapters" not in path.relative_to(ROOT).parts]


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_chapter_s_content_stands_outside_its_folder(path):
    allowed = NAMES if path.name == "contents.py" else SERVED if path.parent.name == "serve" else set()
    assert content(path.read_text(encoding="utf-8")) - allowed == set()


@pytest.mark.parametrize("chapter", [one.name for one in FINISHED])
def test_a_chapter_s_folder_holds_its_own_content_only(chapter):
    others = NAMES - {chapter}
    for path in sorted((ROOT / "course" / "chapters" / chapter).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        assert content(source) & others == set(), path.name
        assert not [name for name in others if re.search(rf"course\.chapters\.{name}\b", source)], path.name
    names = [one.name for one in getattr(part(chapter, "exercises"), "EXERCISES", ())]
    assert all(name.startswith(f"{chapter}.") for name in names)


@pytest.mark.parametrize(
    "source", ['Exercise("a")', 'x = quizzes.Question("a")', 'find("grpo.clipped_loss")', 'part("moe", "quiz")']
)
def test_content_is_found(source):
    assert content(source)
