"""The front door: `course lab | ask | train | run | test | check | book | doctor | clean`."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from course.remedies import this_python

ROOT = Path(__file__).resolve().parent.parent
BUILT = ("book/_build", "runs/notebooks", ".pytest_cache", ".ruff_cache", ".hypothesis", "build", "dist")
WIDGET = "application/vnd.jupyter.widget-view+json"
PASSING = ("papermill", "language_info", "widgets")  # what a notebook's metadata say of one run
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}  # of every committed notebook
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
app = typer.Typer(no_args_is_help=True, add_completion=False, help="Think Step by Step: a course you run.")


def main() -> None:
    """Run the command line. What the reader can mend is one line and exit status 2, without a traceback."""
    try:
        app(prog_name="course")
    except KeyboardInterrupt:
        sys.exit("\ncourse: stopped")
    except ModuleNotFoundError as error:
        _end(f"{error.name} is not installed here: see `{this_python()} -m course.doctor` for what to type")
    except (ValueError, OSError, KeyError) as error:
        _end(error.args[0] if isinstance(error, KeyError) else error)


@app.command(context_settings=PASS_ON)
def lab(context: typer.Context) -> None:
    """Open the notebooks in JupyterLab. Further options are passed on to it, such as --no-browser."""
    notebooks = _folder("notebooks")
    elsewhere = any(option.startswith(("--ServerApp.root_dir", "--notebook-dir")) for option in context.args)
    root = [] if elsewhere else [f"--ServerApp.root_dir={notebooks}"]
    _hand_over("jupyterlab", *root, *_as_root(), *context.args)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="in quotes, in English")],
    model: Annotated[str, typer.Option(help="a model of the course, a folder, or one on the Hub")] = "mini-base",
    think: Annotated[bool, typer.Option("--think/--plain", help="make it think first, or ask plainly")] = False,
    samples: Annotated[int, typer.Option(min=1, help="how many replies to draw")] = 1,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 for the likeliest reply")] = 1.0,
    seed: Annotated[int, typer.Option(help="another seed, other replies")] = 0,
) -> None:
    """Ask a model a question; prompt, thinking and answer are shown apart."""
    from course.model import generate, load
    from course.teach.transcripts import transcript
    from course.think.prompting import direct, force_thinking

    network, tokenizer = load(model)
    prompt = (force_thinking if think else direct)(question)
    print(transcript(prompt, generate(network, tokenizer, [prompt], samples, temperature=temperature, seed=seed)[0]))


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="such as mini-base")],
    seed: int = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="fewer or more than the recipe has")] = None,
    out: Annotated[Path | None, typer.Option(help="folder; runs/NAME-SEED unless given")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="begin again instead of going on")] = False,
) -> None:
    """Make a model of the course again. Stop it whenever you like: the same command goes on where it was."""
    from tqdm import tqdm

    from course.learn.recipes import make

    folder = out or Path("runs", f"{name}-{seed}")
    bar = None
    try:
        for stats in make(name, seed, folder, steps, resume=not fresh):
            bar = bar or tqdm(initial=stats["step"] - 1, total=stats["steps"], unit="step", dynamic_ncols=True)
            told = [what for what in ("loss", "right", "thinks", "length") if what in stats]
            bar.set_postfix({what: f"{stats[what]:.3g}" for what in told}, refresh=False)
            bar.update()
    finally:
        if bar is not None:
            bar.close()
    print(f'saved in {folder}; try: course ask "How many r\'s are in strawberry?" --think --model {folder}')


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="such as cues")],
    seeds: Annotated[int | None, typer.Option(min=1, help="as many as the experiment has, unless given")] = None,
    problems: Annotated[int | None, typer.Option(min=1, help="of each family; as many as it has, unless given")] = None,
    out: Annotated[Path | None, typer.Option(help="folder; results/ unless given")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="begin again instead of going on")] = False,
) -> None:
    """Put a claim to the test and write what was found to results/NAME.json."""
    from course import experiments

    if fresh:
        shutil.rmtree(experiments.PIECES / name, ignore_errors=True)
    record = experiments.conduct(experiments.find(name), seeds, problems)
    path = experiments.write(record, out)
    shutil.rmtree(experiments.PIECES / name, ignore_errors=True)  # all of it stands in the record now
    print(f"{experiments.summary(record)}\n{path} ({record['minutes']} minutes)")


@app.command()
def run(
    notebooks: Annotated[list[Path] | None, typer.Argument(help="all of them unless given")] = None,
    preset: Annotated[str, typer.Option(help="quick, class or full")] = "quick",
    keep: Annotated[bool, typer.Option("--keep", help="put class outputs into the notebooks, as committed")] = False,
) -> None:
    """Run notebooks from end to end; what they print is kept in runs/notebooks."""
    from course.presets import preset as find_preset

    parameters = {} if keep else {"PRESET": find_preset(preset).name}
    if keep:
        os.environ["PRESET"] = "class"  # the committed notebook's own parameter stays as it is
    paths = notebooks or sorted(_folder("notebooks").glob("[0-9]*.ipynb"))
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise FileNotFoundError(f"no notebook {', '.join(missing)}: see the names in {ROOT / 'notebooks'}")
    for path in paths:
        print(f"{path.name} ({'class' if keep else preset})", flush=True)
        ran = ROOT / "runs" / "notebooks" / path.name
        _run_notebook(path, ran, parameters)
        if keep:
            _keep(ran, path)
    print(f"{len(paths)} ran to the end; what they printed: {ROOT / 'runs' / 'notebooks'}")


@app.command(context_settings=PASS_ON)
def test(context: typer.Context) -> None:
    """Run every test: library, notebooks, browser, site. Further options are pytest's."""
    _folder("tests")
    _hand_over("pytest", "-n", "2", "--dist", "loadgroup", *context.args)


@app.command()
def check() -> None:
    """Run the fast checks: style, formatting, and the tests that need neither notebook nor browser."""
    _folder("tests")
    without = [f"--ignore=tests/{room}" for room in ("notebooks", "browser", "book")]
    _hand_over("pytest", "-q", "-n", "2", "--dist", "loadgroup", "-m", "not slow and not browser", *without)


@app.command()
def book() -> None:
    """Build the site into book/_build/html."""
    _folder("book")
    _hand_over("book.build")


@app.command()
def doctor() -> None:
    """Say what is wrong with this installation, and what to type."""
    from course.doctor import main as examine

    examine()


@app.command()
def clean() -> None:
    """Remove what was built: the site, caches, notebook runs. The models you trained stay."""
    _folder("tests")
    for name in BUILT:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    print("clean; .venv and the models in runs/ are still there")


def _run_notebook(path: Path, out: Path, parameters: dict[str, str]) -> None:
    """Run one notebook, ending with a line about its first failing cell, or its kernel, if there is one."""
    import papermill

    kernel = _kernel(path)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(path, out, parameters, kernel_name=kernel, cwd=path.parent, log_output=False)
    except papermill.PapermillExecutionError as error:
        print(f"course: {path.name} stopped at cell {error.cell_index}: {error.ename}: {error.evalue}", file=sys.stderr)
        print(f"course: everything it printed is in {out}", file=sys.stderr)
        raise typer.Exit(1) from None
    except RuntimeError as error:
        if "kernel died" not in str(error).lower():
            raise
        print(f"course: {path.name} stopped: the Python that ran it died, as for want of memory", file=sys.stderr)
        print(f"course: run it alone, or see `{this_python()} -m course.doctor`", file=sys.stderr)
        raise typer.Exit(1) from None


def _kernel(path: Path) -> str:
    """The kernel to run a notebook with: the one it was saved with if Jupyter has it, else this Python's.

    Raises ValueError where Jupyter has neither.
    """
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager

    own, there = "python3", KernelSpecManager().find_kernel_specs()
    asked = nbformat.read(path, nbformat.NO_CONVERT).metadata.get("kernelspec", {}).get("name", own)
    if asked in there:
        return asked
    if own not in there:
        raise ValueError(f"Jupyter finds no Python kernel: see `{this_python()} -m course.doctor` for what to type")
    print(f"{path.name} was saved with the kernel {asked}, which is not here; it runs with {own}")
    return own


def _keep(ran: Path, path: Path) -> None:
    """Put what a notebook printed into the notebook, without what differs between machines.

    A widget leaves its still picture; one that has none, a progress bar, leaves nothing. What was printed in one go and
    came in pieces is put together.
    """
    import nbformat
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    notebook, _ = CoalesceStreamsPreprocessor().preprocess(nbformat.read(ran, nbformat.NO_CONVERT), {})
    for cell in notebook.cells:
        for passing in ("papermill", "execution"):
            cell.metadata.pop(passing, None)
        for output in cell.get("outputs", []):
            if output.get("data", {}).pop(WIDGET, None) and set(output.data) == {"text/plain"}:
                output.data = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("data", True)]
    for passing in PASSING:
        notebook.metadata.pop(passing, None)
    notebook.metadata.kernelspec = KERNEL
    nbformat.write(notebook, path)


def _folder(name: str) -> Path:
    """A folder of the repository. Raises FileNotFoundError in an installation without one."""
    path = ROOT / name
    if not path.is_dir():
        raise FileNotFoundError(f"there is no {path}: this command works in a clone of the repository")
    return path


def _as_root() -> list[str]:
    """What JupyterLab wants to hear before it runs for root, as in a container."""
    return ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _hand_over(module: str, *arguments: str) -> None:
    """Run a module with this Python in the repository, and end with its exit status."""
    raise typer.Exit(_python(module, *arguments))


def _python(module: str, *arguments: str) -> int:
    """Run a module with this Python in the repository and return its exit status. Control-C is the module's."""
    if importlib.util.find_spec(module) is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _end(message: object) -> None:
    """End with one line and exit status 2."""
    print(f"course: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(2)
