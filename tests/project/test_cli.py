"""The front door: what it prints, and that mistakes are one line that names the remedy."""

import re
import subprocess
import sys

import nbformat
import pytest
import torch
import typer

from course import cli
from course.model import save
from course.model.transformer import ModelConfig, Transformer
from course.world.tokenizer import load_tokenizer

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The folder of a small random model."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("small")
    save(
        Transformer(ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)),
        load_tokenizer(),
        folder,
    )
    return str(folder)


@pytest.fixture
def course(monkeypatch, capsys):
    """Runs the command line in this process: `course("ask", ...)` is its exit status and what it printed."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["course", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return run


def is_one_line(err, *words):
    """Whether an error is a single line that has these words in it."""
    return err.count("\n") == 1 and err.startswith("course: ") and all(word in err for word in words)


def test_ask_shows_prompt_thinking_and_answer_apart(course, small, monkeypatch):
    reply = "s 0\nt 0\nr 1</think>1"
    monkeypatch.setattr("course.model.generate", lambda *a, **k: [[cli_completion(reply)] * 2])
    status, out, _ = course("ask", "How many r's are in str?", "--think", "--samples", 2, "--model", small)
    assert status == 0
    one = ["thinking  s 0", "          t 0", "          r 1", "answer    1"]
    assert out.splitlines() == ["prompt    <user>How many r's are in str?<assistant><think>", *one, *one]


def cli_completion(text):
    from course.model import Completion

    return Completion(text, [], [], True)


def test_ask_plainly_does_not_begin_the_thinking(course, small):
    status, out, _ = course("ask", "How many r's are in str?", "--plain", "--samples", 3, "--model", small)
    assert status == 0
    assert out.startswith("prompt    <user>How many r's are in str?<assistant>\n")
    assert len(re.findall(r"^answer ", out, re.MULTILINE)) == 3


def test_ask_with_the_same_seed_prints_the_same(course, small):
    first, again, other = (course("ask", "hi", "--model", small, "--seed", seed)[1] for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hi", "--model", "no-such-model"], ["no-such-model", "the course ships"]),
        (["", "--model", "SMALL"], ["empty", "strawberry"]),
        (["ça va", "--model", "SMALL"], ["'ç'"]),
        (["why " * 600, "--model", "SMALL"], ["512"]),
    ],
    ids=["model", "empty", "character", "long"],
)
def test_what_cannot_be_asked_is_one_line_that_names_the_remedy(course, small, arguments, words):
    status, _, err = course("ask", *(small if part == "SMALL" else part for part in arguments))
    assert status == 2
    assert is_one_line(err, *words)


def test_train_makes_a_model_that_can_be_asked(course, tmp_path):
    status, out, err = course("train", "mini-base", "--steps", 2, "--seed", 3, "--out", tmp_path / "run")
    assert status == 0
    assert "2/2" in err  # the progress bar
    assert "course ask" in out
    assert course("ask", "hi", "--model", tmp_path / "run")[0] == 0
    status, _, err = course("train", "mini-base", "--steps", 3, "--seed", 3, "--out", tmp_path / "run")
    assert status == 2
    assert is_one_line(err, "other settings")


def test_training_an_unknown_model_names_the_known_ones(course):
    status, _, err = course("train", "maxi-base")
    assert status == 2
    assert is_one_line(err, "maxi-base", "mini-base")


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository with empty folders; commands that would be started are recorded instead."""
    started = []
    for name in ("notebooks", "tests", "book"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.setattr(
        cli.subprocess,
        "run",
        lambda command, cwd: started.append(command[1:]) or subprocess.CompletedProcess(command, 7),
    )
    return started


def test_lab_opens_the_notebooks_and_passes_options_on(course, clone):
    status, _, _ = course("lab", "--no-browser", "--port=9999")
    assert status == 7
    assert clone[0][:2] == ["-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={cli.ROOT / 'notebooks'}" in clone[0]
    assert clone[0][-2:] == ["--no-browser", "--port=9999"]


def test_test_passes_options_on_and_ends_with_the_status_of_pytest(course, clone):
    status, _, _ = course("test", "-k", "strawberry")
    assert status == 7
    assert clone[0][:2] == ["-m", "pytest"]
    assert clone[0][-2:] == ["-k", "strawberry"]


def test_clean_keeps_the_models_you_trained(course, clone):
    for name in ("book/_build/html", "runs/notebooks", "runs/mini-base-0", ".venv"):
        (cli.ROOT / name).mkdir(parents=True)
    assert course("clean")[0] == 0
    left = {path.name for path in cli.ROOT.iterdir()} | {path.name for path in (cli.ROOT / "runs").iterdir()}
    assert left == {"notebooks", "tests", "book", "runs", "mini-base-0", ".venv"}


def test_a_command_for_a_clone_says_so_elsewhere(course, monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    status, _, err = course("lab")
    assert status == 2
    assert is_one_line(err, "clone of the repository")


def test_a_package_that_is_missing_sends_to_the_doctor(course, clone, monkeypatch):
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    status, _, err = course("lab")
    assert status == 2
    assert is_one_line(err, "jupyterlab is not installed", "course.doctor")


def notebook(path, *sources, kernel="python3"):
    """A notebook of code cells, for the kernel of this Python unless another is named."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL | {"name": kernel}}), path)
    return path


def test_a_notebook_gets_its_preset_and_leaves_its_outputs(tmp_path):
    path, out = notebook(tmp_path / "00_one.ipynb", "print(PRESET)"), tmp_path / "runs" / "00_one.ipynb"
    cli._run_notebook(path, out, {"PRESET": "quick"})
    outputs = [output for cell in nbformat.read(out, 4).cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs] == ["quick\n"]


def test_a_notebook_that_fails_is_named_with_its_error(tmp_path, capsys):
    path = notebook(tmp_path / "00_bad.ipynb", "x = 1", "import socket; socket.create_connection(('192.0.2.1', 80))")
    with pytest.raises(typer.Exit) as end:
        cli._run_notebook(path, tmp_path / "out.ipynb", {})
    assert end.value.exit_code == 1
    assert re.search(
        r"00_bad\.ipynb stopped at cell \d+: NetworkBlocked: the tests have no network", capsys.readouterr().err
    )


def test_a_notebook_saved_with_a_kernel_that_is_not_here_runs_with_this_python_and_says_so(
    course, tmp_path, monkeypatch
):
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    path = notebook(tmp_path / "00_one.ipynb", "import sys; print(sys.executable)", kernel="conda-env-course-py")
    status, out, _ = course("run", path, "--keep")
    assert status == 0 and "conda-env-course-py, which is not here" in out
    kept = nbformat.read(path, 4)
    assert kept.cells[0].outputs[0].text == f"{sys.executable}\n"
    assert kept.metadata.kernelspec == KERNEL, "and the next reader's Jupyter finds it"


def test_without_any_kernel_one_line_sends_to_the_doctor(course, tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_client.kernelspec.KernelSpecManager.find_kernel_specs", lambda _: {})
    status, _, err = course("run", notebook(tmp_path / "00_one.ipynb", "1"))
    assert status == 2 and is_one_line(err, "no Python kernel", "course.doctor")


def test_a_kernel_that_dies_is_said_in_two_lines(tmp_path, capsys):
    path = notebook(tmp_path / "00_dying.ipynb", "x = 1", "import os; os._exit(1)")
    with pytest.raises(typer.Exit) as end:
        cli._run_notebook(path, tmp_path / "out.ipynb", {})
    said = capsys.readouterr().err
    assert end.value.exit_code == 1
    assert "00_dying.ipynb stopped: the Python that ran it died" in said and "Traceback" not in said


def test_a_kernel_that_dies_before_it_answers_is_said_as_well(tmp_path, capsys, monkeypatch):
    def dies(*_, **__):
        raise RuntimeError("Kernel died before replying to kernel_info")

    monkeypatch.setattr("papermill.execute_notebook", dies)
    with pytest.raises(typer.Exit) as end:
        cli._run_notebook(notebook(tmp_path / "00_dying.ipynb", "1"), tmp_path / "out.ipynb", {})
    assert end.value.exit_code == 1 and "died" in capsys.readouterr().err


def test_kept_outputs_are_those_of_class_with_stills_for_widgets(course, tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    bar = "from tqdm.auto import tqdm\nfor _ in tqdm(range(3), leave=False): pass"
    box = "import ipywidgets\nclass Box:\n    def _repr_mimebundle_(self, **_):\n"
    box += "        return {**ipywidgets.Text()._repr_mimebundle_(), 'text/html': '<b>still</b>'}\nBox()"
    path = notebook(tmp_path / "00_one.ipynb", "import os; print(os.environ['PRESET'])", bar, box)
    assert course("run", path, "--keep")[0] == 0
    kept = nbformat.read(path, 4)
    printed, nothing, still = (cell.outputs for cell in kept.cells)
    assert (printed[0].text, nothing) == ("class\n", [])
    assert set(still[0].data) == {"text/html", "text/plain"}
    assert [cell.execution_count for cell in kept.cells] == [1, 2, 3]
    assert set(kept.metadata) == {"kernelspec"}


def test_python_m_course_is_the_same_command():
    done = subprocess.run([sys.executable, "-m", "course", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("lab", "ask", "train", "run", "test", "check", "book", "doctor"))
