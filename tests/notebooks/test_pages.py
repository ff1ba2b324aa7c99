"""What is committed: outputs made by running from top to bottom, plain Markdown, one Colab cell, thin code."""

import ast
import re
import subprocess
import sys

import nbformat
import papermill
import pytest
import yaml

from course.teach import colab
from course.teach.exercises import chapters, of_chapter
from tests.notebooks import NOTEBOOKS
from tests.project import ROOT, project

LONGEST_CELL = 15  # lines
WIDEST_LINE = 88  # of code: a wider one would wrap on the site
PRINTED_COLUMNS = re.compile(r"\{[^{}\n]*:[<>^]?\d+[,.\w]*\}|\bsummary\(")  # fields of a fixed width
ASCII_FORMULA = re.compile(r"\w\^\w|\b[A-Za-z]_[A-Za-z0-9{]|\b(sqrt|sum|exp|log)\(|<=|>=|!=|\\frac|\\sum")
FORMULA_AS_CODE = re.compile(r"`[^`\n]*(\^|\bE\[)[^`\n]*`")
DIRECTIVES = re.compile(r"^\s*(```\{|:::|> \[!)|\{(ref|doc|cite|term|numref)[^}]*\}`", re.MULTILINE)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_is_a_notebook():
    assert NOTEBOOKS


def test_it_is_a_valid_notebook(notebook):
    nbformat.validate(notebook)


def test_the_dial_is_the_first_parameter_and_papermill_finds_it(path, code):
    parameters = papermill.inspect_notebook(path)
    assert next(iter(parameters)) == "PRESET" and parameters["PRESET"]["default"] == "None"
    assert [cell.metadata.get("tags", []) for cell in code[:2]][1] == ["parameters"]


def test_cells_ran_once_from_top_to_bottom(code):
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_no_cell_failed_or_warned(code):
    kinds = [(output.output_type, output.get("name")) for cell in code for output in cell.outputs]
    assert ("error", None) not in kinds and ("stream", "stderr") not in kinds


def test_checked_cells_have_something_to_compare(code):
    checked = [cell for cell in code if "NBVAL_CHECK_OUTPUT" in cell.source]
    assert checked and all(cell.outputs for cell in checked)


def test_the_colab_cell_comes_first_and_is_the_one(code):
    assert code[0].source == colab.bootstrap_cell()
    assert sum("find_spec" in cell.source for cell in code) == 1


def test_the_colab_cell_does_nothing_where_the_course_is_installed(code):
    assert code[0].outputs == []


def test_the_badge_opens_this_very_file(path, notebook):
    assert notebook.cells[0].source.startswith("# ")
    assert colab.badge(path.name) in notebook.cells[0].source


def test_the_address_is_the_project_s():
    assert colab.repository() == project()["urls"]["Repository"]


def test_it_runs_in_whatever_python_the_reader_has(notebook):
    assert notebook.metadata.kernelspec.name == "python3"
    assert "language_info" not in notebook.metadata and "papermill" not in notebook.metadata


def test_text_is_plain_markdown(notebook):
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert [text for text in texts if DIRECTIVES.search(text)] == []


def test_code_does_not_wrap_on_the_site(code):
    lines = [line for cell in code for line in cell.source.splitlines()]
    assert [line for line in lines if len(line) > WIDEST_LINE] == []


def test_figures_to_compare_are_no_printed_columns(code):
    """They stand in a table or a picture."""
    assert [found[0] for cell in code for found in PRINTED_COLUMNS.finditer(cell.source)] == []


def test_formulas_in_text_are_typeset(notebook):
    """In dollars, so that JupyterLab and the site typeset them; code stands in backticks."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$|\]\([^)]*\)", "", cell.source, flags=re.DOTALL)
            found = ASCII_FORMULA.search(text) or FORMULA_AS_CODE.search(cell.source)
            assert not found, f"{found[0]!r} in {text}"


def test_a_formula_is_told_from_prose():
    for formula in ("x^2", "p_i", "sqrt(n)", "sum_i f_i", "a <= b", "log(p)"):
        assert ASCII_FORMULA.search(formula)
    assert FORMULA_AS_CODE.search("It is `E[(1-hL)/L] = E[1/L]-h` or `1-p^8-(1-p)^8`.")
    assert not FORMULA_AS_CODE.search("`moe.balance` lowers `bias[0]`.")
    assert not ASCII_FORMULA.search("A loss of .3 nats (pass@k, DeepSeek-V3, 34+5, mini-base) and 2+2 = 4.")


def test_cells_are_short_and_define_nothing(code):
    assert [cell.source for cell in code if len(cell.source.splitlines()) > LONGEST_CELL] == []
    sources = [re.sub(r"^( *)%.*$", r"\1pass", cell.source, flags=re.MULTILINE) for cell in code]
    defined = [
        node.name
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not is_stub(node)
    ]
    assert defined == []


def is_stub(node):
    """Whether it is a function of an exercise, still to be written."""
    return isinstance(node, ast.FunctionDef) and [ast.unparse(line) for line in node.body] == [
        "raise NotImplementedError"
    ]


def test_every_exercise_of_the_chapter_is_asked_and_checked_and_there_is_a_quiz(path, code):
    chapter = path.stem.partition("_")[2]
    if chapter not in chapters():
        assert not any("check(" in cell.source for cell in code)
        return
    source = "\n".join(cell.source for cell in code)
    for exercise in of_chapter(chapter):
        assert source.count(f'task("{exercise.name}")') == source.count(f'check("{exercise.name}"') == 1
    assert source.count(f'quiz("{chapter}")') == 1
    printed = "".join(output.get("text", "") for cell in code for output in cell.outputs)
    assert printed.count("not attempted yet") == len(of_chapter(chapter))


def test_exercises_are_committed_untouched(code):
    """Nobody's solution: a value is None, a function is a stub."""
    for cell in code:
        for node in ast.walk(ast.parse(re.sub(r"^( *)%.*$", r"\1pass", cell.source, flags=re.MULTILINE))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "check":
                name = ast.unparse(node.args[1])
                stubs = [one.name for one in ast.parse(cell.source).body if is_stub(one)]
                assert name in stubs or f"{name} = None" in cell.source


def test_there_is_a_core_for_a_class(code):
    tagged = sum("core" in cell.metadata.get("tags", []) for cell in code)
    assert 0 < tagged < len(code)


def test_every_picture_says_what_it_shows(code):
    for cell in code:
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"]["alt"]) > 40


def test_links_to_files_lead_somewhere(path, notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith(("http", "#"))]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_a_clean_notebook_is_what_pre_commit_would_leave(path):
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    (arguments,) = [hook["args"] for repository in hooks for hook in repository["hooks"] if hook["id"] == "nbstripout"]
    command = [sys.executable, "-m", "nbstripout", *arguments, "--textconv", str(path)]
    cleaned = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8")
    assert cleaned == path.read_text(encoding="utf-8")
