"""The front door: what it prints, and that mistakes are one line that names the remedy."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch

from course import _place, cli, notebooks
from course.model import save
from course.model.pretrained import checkpoints
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


@pytest.mark.slow
def test_train_makes_a_model_that_can_be_asked(course, tmp_path):
    status, out, err = course("train", "mini-base", "--steps", 2, "--seed", 3, "--out", tmp_path / "run")
    assert status == 0
    assert "2/2" in err  # the progress bar
    assert "course ask" in out
    assert course("ask", "hi", "--model", tmp_path / "run")[0] == 0
    status, _, err = course("train", "mini-base", "--steps", 3, "--seed", 3, "--out", tmp_path / "run")
    assert status == 2
    assert is_one_line(err, "other settings")


@pytest.mark.parametrize("place", ["a file", "a file/inside"])
def test_where_nothing_can_be_written_nothing_is_trained_and_no_experiment_is_run(course, tmp_path, place, monkeypatch):
    monkeypatch.setattr("course.learn.recipes.make", lambda *_, **__: pytest.fail("it began"))
    monkeypatch.setattr("course.experiments.conduct", lambda *_, **__: pytest.fail("it began"))
    (tmp_path / "a file").write_text("mine")
    for command in (["train", "mini-base"], ["experiment", "cues", "--draft"]):
        status, _, err = course(*command, "--out", tmp_path / place)
        assert status == 2 and is_one_line(err, "a file")
    assert (tmp_path / "a file").read_text() == "mine"


@pytest.mark.parametrize("folder", ["mini-base", "my models", "-x", "a'b", "runs/mini-base-3", "/x y/z"])
def test_a_folder_in_a_printed_command_can_be_pasted(folder):
    (word,) = shlex.split(cli._to_paste(Path(folder)))
    assert Path(word) == Path(folder) and ("/" in word) and not word.startswith("-")


def test_the_command_that_is_printed_after_training_opens_that_model(course, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("course.learn.recipes.make", lambda *_, **__: iter(()))
    _, out, _ = course("train", "mini-base", "--out", "mini-zero")
    printed = shlex.split(out.rpartition("try: ")[2])
    assert printed[:2] == ["course", "ask"] and printed[-2] == "--model"
    assert printed[-1] not in checkpoints() and Path(printed[-1]).resolve() == tmp_path / "mini-zero"


@pytest.fixture
def lone(tmp_path, monkeypatch):
    """A folder without a clone, with a model that somebody trained; experiments say when they run."""
    monkeypatch.setattr(_place, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mini-base-0").mkdir(parents=True)
    (tmp_path / "runs" / "experiments" / "zero").mkdir(parents=True)
    ran = []
    record = {"experiment": "cues", "claim": "c", "falsified if": "f", "comparisons": {}, "holds": True, "minutes": 1.0}
    monkeypatch.setattr("course.experiments.conduct", lambda *asked: ran.append(asked) or record)
    return ran


@pytest.mark.parametrize("name", ["..", "../mini-base-0", "no-such"])
def test_training_under_a_name_that_is_none_leaves_everything_as_it_was(course, lone, name, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    status, _, err = course("train", name, "--fresh")
    assert status == 2 and is_one_line(err, "no recipe", "mini-base")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["..", ".", "../mini-base-0", "ABSOLUTE", "zero/..", "no-such", ""])
def test_beginning_an_experiment_again_removes_nothing_for_a_name_that_is_none(course, lone, name, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    status, _, err = course("experiment", tmp_path / "runs" if name == "ABSOLUTE" else name, "--fresh")
    assert status == 2 and is_one_line(err, "unknown experiment", "cues")
    assert sorted(tmp_path.rglob("*")) == before and lone == []


def test_beginning_an_experiment_again_removes_its_own_pieces_and_writes_where_the_reader_is(course, lone, tmp_path):
    for name in ("cues", "votes"):
        (tmp_path / "runs" / "experiments" / name).mkdir()
    status, out, _ = course("experiment", "cues", "--fresh")
    assert status == 0 and "1.0 minutes of work" in out
    assert json.loads((tmp_path / "results" / "cues.json").read_text())["claim"] == "c"
    assert {path.name for path in (tmp_path / "runs" / "experiments").iterdir()} == {"zero", "votes"}
    assert (tmp_path / "runs" / "mini-base-0").is_dir()


@pytest.mark.parametrize("options", [["--seeds", 2], ["--problems", 3], ["--problems", -1]])
def test_what_an_experiment_cannot_use_removes_and_runs_nothing(course, lone, options, tmp_path):
    (tmp_path / "runs" / "experiments" / "cues").mkdir()
    status, _, err = course("experiment", "cues", "--fresh", *options)
    assert status == 2 and is_one_line(err, str(options[0])) and lone == []
    assert (tmp_path / "runs" / "experiments" / "cues").is_dir()


def test_results_are_made_from_a_clean_commit_and_a_draft_says_so(course, lone, monkeypatch, tmp_path):
    monkeypatch.setattr("course.experiments.commit", lambda: "0123456789ab+")
    status, _, err = course("experiment", "cues")
    assert status == 2 and is_one_line(err, "commit", "--draft") and lone == []
    assert course("experiment", "cues", "--draft")[0] == 0 and len(lone) == 1


def raising(error):
    def do(*_, **__):
        raise error

    return do


def test_a_fault_of_the_program_is_a_traceback_and_a_mistake_of_the_reader_is_a_line(course, monkeypatch):
    def torch_s(*_, **__):
        return torch.nn.functional.cosine_embedding_loss(torch.zeros(2), torch.zeros(2), torch.zeros(2), reduction="x")

    def python_s(*_, **__):
        return max([])

    for fault in (torch_s, python_s, raising(KeyError("seeds")), raising(ModuleNotFoundError("x", name="course.x"))):
        monkeypatch.setattr("course.experiments.find", fault)
        monkeypatch.setattr(sys, "argv", ["course", "experiment", "cues"])
        with pytest.raises((ValueError, KeyError, ModuleNotFoundError)):
            cli.main()
    monkeypatch.setattr("course.experiments.find", raising(OSError(28, "No space left on device", "results/cues.json")))
    status, _, err = course("experiment", "cues")
    assert status == 2 and is_one_line(err, "No space left", "results/cues.json")
    monkeypatch.setattr("course.experiments.find", raising(KeyboardInterrupt()))
    assert course("experiment", "cues")[0] == 130


@pytest.mark.slow
def test_an_interrupted_training_prints_the_command_that_goes_on_and_it_works_when_pasted(
    course, tmp_path, monkeypatch
):
    from course.learn import pretraining, recipes

    small = pretraining.Recipe(
        ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32),
        pretraining.TrainingConfig(rows=2, length=64, warmup=1),
    )
    monkeypatch.setitem(pretraining.RECIPES, "mini-base", small)
    monkeypatch.chdir(tmp_path)
    honest, interrupted = recipes.make, []

    def make(*arguments, **options):
        for stats in honest(*arguments, **options):
            yield stats
            if stats["step"] == 2 and not interrupted:
                interrupted.append(True)
                raise KeyboardInterrupt

    monkeypatch.setattr(recipes, "make", make)
    for folder in ("mini-base", "a folder with 'quotes'"):  # one has the name of a model that ships, one needs quoting
        interrupted.clear()
        status, _, err = course("train", "mini-base", "--steps", 4, "--seed", 3, "--out", folder, "--fresh")
        assert status == 130 and "stopped after step 2, kept in" in err
        command = err.rsplit("to go on: ", 1)[1].splitlines()[0]
        status, out, err = course(*shlex.split(command)[1:])
        assert status == 0 and "3/4" in err + out or "4/4" in err
        told = shlex.split(out.rsplit("try: ", 1)[1])
        status, out, _ = course(*told[1:])
        assert status == 0 and (tmp_path / folder / "model.safetensors").exists()
        assert Path(told[-1]).resolve() == tmp_path / folder and told[-1] not in checkpoints()


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
        lambda command, cwd, env: started.append([*command[1:], env]) or subprocess.CompletedProcess(command, 7),
    )
    return started


def test_lab_opens_the_notebooks_and_passes_options_on(course, clone):
    status, _, _ = course("lab", "--no-browser", "--port=9999")
    assert status == 7
    assert clone[0][:2] == ["-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={cli.ROOT / 'notebooks'}" in clone[0]
    assert clone[0][-3:-1] == ["--no-browser", "--port=9999"]


def test_jupyterlab_does_not_ask_about_news(course, clone, monkeypatch, tmp_path):
    from jupyterlab_server.settings_utils import _get_overrides

    (tmp_path / "theirs" / "labconfig").mkdir(parents=True)
    theirs = tmp_path / "theirs" / "labconfig" / "default_setting_overrides.json"
    theirs.write_text('{"@jupyterlab/apputils-extension:themes": {"theme": "dark"}}')
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path / "theirs"))
    course("lab")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", clone[0][-1]["JUPYTER_CONFIG_PATH"])
    overrides, _ = _get_overrides(str(tmp_path))
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
    assert overrides["@jupyterlab/apputils-extension:themes"]["theme"] == "dark", "a school's own settings stay"


def test_test_passes_options_on_and_ends_with_the_status_of_pytest(course, clone):
    status, _, _ = course("test", "-k", "strawberry")
    assert status == 7
    assert [started[:2] for started in clone] == [["-m", "tests.notebooks.colab"], ["-m", "pytest"]]
    assert clone[1][-3:-1] == ["-k", "strawberry"]


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
    notebooks.run_notebook(path, out, {"PRESET": "quick"})
    outputs = [output for cell in nbformat.read(out, 4).cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs] == ["quick\n"]


@pytest.mark.slow
def test_a_notebook_that_fails_is_named_with_its_error(course, tmp_path, monkeypatch):
    monkeypatch.setattr(_place, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    path = notebook(tmp_path / "00_bad.ipynb", "x = 1", "import socket; socket.create_connection(('192.0.2.1', 80))")
    status, _, err = course("run", path)
    assert status == 1
    assert re.search(r"00_bad\.ipynb stopped at cell \d+: NetworkBlocked: the tests have no network", err)
    assert len(list((tmp_path / "runs" / "notebooks").iterdir())) == 1, "without a clone, below the current folder"


def test_what_is_no_notebook_is_named(course, tmp_path, monkeypatch):
    monkeypatch.setattr(_place, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    for content in ("", "{}", "[]", "hello", '{"cells": [], "metadata": {}, "nbformat": 4}'):
        (tmp_path / "x.ipynb").write_text(content)
        status, _, err = course("run", tmp_path / "x.ipynb")
        assert status == 2 and is_one_line(err, "x.ipynb is no notebook")


def test_two_notebooks_of_one_name_print_into_two_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [Path("00_start.ipynb"), Path("a", "00_start.ipynb"), cli.ROOT / "notebooks" / "00_start.ipynb"]
    places = [notebooks.printed(path) for path in paths]
    assert len(set(places)) == 3 and {place.parent for place in places} == {cli.ROOT / "runs" / "notebooks"}
    assert places[2].name == "00_start.ipynb" and places[0] == notebooks.printed(Path("a", "..", "00_start.ipynb"))


def test_a_notebook_saved_with_a_kernel_that_is_not_here_runs_with_this_python_and_says_so(
    course, tmp_path, monkeypatch
):
    monkeypatch.setattr(_place, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
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


@pytest.mark.slow
def test_a_kernel_that_dies_is_said_in_two_lines(course, tmp_path, monkeypatch):
    monkeypatch.setattr(_place, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    status, _, err = course("run", notebook(tmp_path / "00_dying.ipynb", "x = 1", "import os; os._exit(1)"))
    assert status == 1
    assert "course: 00_dying.ipynb stopped: the Python that ran it died" in err and "Traceback" not in err


def test_a_kernel_that_dies_before_it_answers_is_said_as_well(course, tmp_path, monkeypatch):
    def dies(*_, **__):
        raise RuntimeError("Kernel died before replying to kernel_info")

    monkeypatch.setattr(_place, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("papermill.execute_notebook", dies)
    status, _, err = course("run", notebook(tmp_path / "00_dying.ipynb", "1"))
    assert status == 1 and err.startswith("course: ") and err.count("\n") == 2 and "died" in err


def test_kept_outputs_are_those_of_class_with_stills_for_widgets_and_nobody_s_progress(course, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setattr(_place, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    bar = "from tqdm.auto import tqdm\nfor _ in tqdm(range(3), leave=False): pass"
    box = "import ipywidgets\nclass Box:\n    def _repr_mimebundle_(self, **_):\n"
    box += "        return {**ipywidgets.Text()._repr_mimebundle_(), 'text/html': '<b>still</b>'}\nBox()"
    path = notebook(
        tmp_path / "00_one.ipynb", "import os; print(*map(os.environ.get, ('PRESET', 'COURSE_HOME')))", bar, box
    )
    assert course("run", path, "--keep")[0] == 0
    kept = nbformat.read(path, 4)
    printed, nothing, still = (cell.outputs for cell in kept.cells)
    preset, home = printed[0].text.split()
    assert (preset, nothing) == ("class", []) and home != str(tmp_path) and not list(Path(home).iterdir())
    assert set(still[0].data) == {"text/html", "text/plain"}
    assert [cell.execution_count for cell in kept.cells] == [1, 2, 3]
    assert set(kept.metadata) == {"kernelspec"}


def test_a_receipt_is_handed_in_and_a_class_becomes_a_table_whatever_else_lies_there(course, tmp_path):
    status, out, _ = course("receipt", "Ada", "--out", tmp_path)
    assert status == 0 and "receipt-Ada.json" in out and "prove nothing" in out
    (tmp_path / "x.json").write_text("[")
    status, out, err = course("receipts", tmp_path, "--csv", tmp_path / "class.csv")
    assert status == 0 and "Ada: 0 of " in out and "prove nothing" in out
    assert err == "note: x.json is left out: it is no JSON that can be read\n"
    assert (tmp_path / "class.csv").read_bytes().startswith(b"\xef\xbb\xbfname,file,")
    status, _, err = course("receipts", tmp_path / "gone")
    assert status == 2 and is_one_line(err, "there are no receipts")


def test_a_release_is_built_into_an_empty_folder_with_what_is_installed(course, tmp_path, monkeypatch):
    (tmp_path / "tests").mkdir()
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "old.whl").touch()
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    run = []
    monkeypatch.setattr(cli, "_python", lambda *arguments, **_: run.append(arguments) or 0)
    assert course("dist")[0] == 0 and not (tmp_path / "dist").exists()
    assert run == [("build", "--no-isolation", "--outdir", "dist")]


def test_the_version_is_one_line(course):
    status, out, _ = course("--version")
    assert status == 0 and re.fullmatch(r"\d+\.\d+\.\d+\n", out)


def test_python_m_course_is_the_same_command():
    done = subprocess.run([sys.executable, "-m", "course", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert all(
        command in done.stdout for command in ("lab", "ask", "train", "run", "receipts", "handout", "test", "dist")
    )
