"""The front door: `course lab | ask | serve | train | run | receipts | handout | test | book | dist | doctor`."""

import importlib.util
import linecache
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from course import classroom, talk
from course import notebooks as notebook_runs
from course._files import require_writable
from course._place import ROOT, workplace
from course._version import installed
from course.remedies import quoted, this_python

BUILT = ("book/_build", "runs/notebooks", ".pytest_cache", ".ruff_cache", ".hypothesis", "build", "dist")
JUPYTER = ROOT / "course" / "jupyter"  # JupyterLab's defaults for the course: no question about news at its first start
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    talk.ask,
    talk.serve,
    classroom.receipt,
    classroom.receipts,
    classroom.handout,
    classroom.exam,
    classroom.slides,
):
    app.command()(command)


def main() -> None:
    """Run the command line. What the reader can mend is one line and exit status 2; a fault of ours is a traceback."""
    try:
        app(prog_name="course")
    except KeyboardInterrupt:
        sys.exit("\ncourse: stopped")
    except ModuleNotFoundError as error:
        if (error.name or "course").partition(".")[0] == "course":
            raise
        _end(f"{error.name} is not installed here: see `{this_python()} -m course.doctor` for what to type")
    except (ValueError, OSError) as error:
        if not _for_the_reader(error):
            raise
        _end(error)


@app.callback(invoke_without_command=True)
def begin(version: Annotated[bool, typer.Option("--version", help="say which version this is")] = False) -> None:
    """Think Step by Step: a course you run."""
    if version:
        print(installed())
        raise typer.Exit


@app.command(context_settings=PASS_ON)
def lab(context: typer.Context) -> None:
    """Open the notebooks in JupyterLab. Further options are passed on to it, such as --no-browser."""
    notebooks = _folder("notebooks")
    elsewhere = any(option.startswith(("--ServerApp.root_dir", "--notebook-dir")) for option in context.args)
    root = [] if elsewhere else [f"--ServerApp.root_dir={notebooks}"]
    paths = os.pathsep.join(filter(None, [str(JUPYTER), os.environ.get("JUPYTER_CONFIG_PATH")]))
    _hand_over("jupyterlab", *root, *_as_root(), *context.args, JUPYTER_CONFIG_PATH=paths)


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

    from course.learn.recipes import make, require_recipe

    require_recipe(name)
    folder = out or Path("runs", f"{name}-{seed}")
    require_writable(folder / "model.safetensors")
    bar, done = None, 0
    try:
        for stats in make(name, seed, folder, steps, resume=not fresh):
            bar = bar or tqdm(initial=stats["step"] - 1, total=stats["steps"], unit="step", dynamic_ncols=True)
            shown = [what for what in ("loss", "right", "thinks", "length") if what in stats]
            bar.set_postfix({what: f"{stats[what]:.3g}" for what in shown}, refresh=False)
            bar.update()
            done = stats["step"]
    except KeyboardInterrupt:
        again = f"course train {name} --seed {seed}" + (f" --steps {steps}" if steps else "")
        again += f" --out {_to_paste(out)}" if out else ""
        where = f"after step {done}, kept in {folder}; to go on" if done else "before a step was done; to try again"
        print(f"\ncourse: stopped {where}: {again}", file=sys.stderr)
        raise typer.Exit(130) from None
    finally:
        if bar is not None:
            bar.close()
    print(f'saved in {folder}; try: course ask "How many r\'s are in strawberry?" --think --model {_to_paste(folder)}')


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="such as cues")],
    seeds: Annotated[int | None, typer.Option(help="as many as the experiment has, unless given")] = None,
    problems: Annotated[int | None, typer.Option(help="of each family; as many as it has, unless given")] = None,
    out: Annotated[Path | None, typer.Option(help="folder; results/ unless given")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="begin again instead of going on")] = False,
    draft: Annotated[
        bool, typer.Option("--draft", help="allow changes that no commit holds; the record says so")
    ] = False,
) -> None:
    """Put a claim to the test and write what was found to results/NAME.json."""
    from course import experiments

    found = experiments.find(name)
    experiments.require_usable(found, seeds, problems)
    experiments.place(found.name, out)
    if not draft and (experiments.commit() or "").endswith("+"):
        raise ValueError("files in course/ have changes that no commit holds: commit them, or ask for a --draft")
    pieces = experiments.pieces(found.name)
    if fresh:
        shutil.rmtree(pieces, ignore_errors=True)
    try:
        record = experiments.conduct(found, seeds, problems)
    except KeyboardInterrupt:
        if pieces.is_dir():
            print(
                "\ncourse: what is done is kept; the same command without --fresh goes on with the rest",
                file=sys.stderr,
            )
        raise
    path = experiments.write(record, out)
    shutil.rmtree(pieces, ignore_errors=True)  # all of it stands in the record now
    kind = "a draft, " if record.get("draft") else ""
    print(f"{experiments.summary(record)}\n{path} ({kind}{record['minutes']} minutes of work)")


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
        os.environ["COURSE_HOME"] = tempfile.mkdtemp(prefix="course-")  # and it shows nobody's progress
    paths = notebooks or sorted(_folder("notebooks").glob("[0-9]*.ipynb"))
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise FileNotFoundError(f"no notebook {', '.join(missing)}: see the names in {ROOT / 'notebooks'}")
    for path in paths:
        print(f"{path.name} ({'class' if keep else preset})", flush=True)
        ran = notebook_runs.printed(path)
        try:
            notebook_runs.run_notebook(path, ran, parameters)
        except notebook_runs.Stopped as error:
            print(f"course: {error}", file=sys.stderr)
            raise typer.Exit(1) from None
        if keep:
            notebook_runs.keep_outputs(ran, path)
    print(f"{len(paths)} ran to the end; what they printed: {workplace() / 'runs' / 'notebooks'}")


@app.command(context_settings=PASS_ON)
def test(context: typer.Context) -> None:
    """Run every test: library, notebooks, browser, site. Further options are pytest's."""
    _folder("tests")
    _python("tests.notebooks.colab")  # what it could not make, the tests that need it will miss
    _hand_over("pytest", "-n", "2", "--dist", "loadgroup", *context.args)


@app.command()
def check() -> None:
    """Run the fast checks: style, formatting, and the tests that need neither notebook nor browser."""
    _folder("tests")
    without = [f"--ignore=tests/{room}" for room in ("notebooks", "browser", "book")]
    _hand_over("pytest", "-q", "-n", "2", "--dist", "loadgroup", "-m", "not slow and not browser", *without)


@app.command(context_settings=PASS_ON)
def mutate(context: typer.Context) -> None:
    """Break the library on purpose and count what the tests notice (part of a path, --each N, --all, --seed N)."""
    _folder("tests")
    _hand_over("tests.mutate", *context.args)


@app.command()
def book() -> None:
    """Build the site into book/_build/html."""
    _folder("book")
    _hand_over("book.build")


@app.command()
def dist() -> None:
    """Build the wheel and the source archive of a release into dist/, the wheel from the archive."""
    _folder("tests")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    _hand_over("build", "--no-isolation", "--outdir", "dist")


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


def _folder(name: str) -> Path:
    """A folder of the repository. Raises FileNotFoundError in an installation without one."""
    path = ROOT / name
    if not path.is_dir():
        raise FileNotFoundError(f"there is no {path}: this command works in a clone of the repository")
    return path


def _as_root() -> list[str]:
    """What JupyterLab wants to hear before it runs for root, as in a container."""
    return ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _to_paste(folder: Path) -> str:
    """A folder as a command can be pasted with it: quoted, and never taken for a model's name or an option."""
    text = str(folder) if len(folder.parts) > 1 else os.path.join(os.curdir, folder)  # noqa: PTH118 (Path drops ./)
    return quoted(text)


def _for_the_reader(error: Exception) -> bool:
    """Whether an error is meant for whoever typed the command, and no fault of the program.

    OSError is about files and networks. ValueError counts if a `raise` of the course's own made it: torch and Python
    raise it too, where our code is wrong.
    """
    if isinstance(error, OSError):
        return True
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or not last.tb_frame.f_globals.get("__name__", "").startswith("course."):
        return False
    return linecache.getline(last.tb_frame.f_code.co_filename, last.tb_lineno).lstrip().startswith("raise ")


def _hand_over(module: str, *arguments: str, **environment: str) -> None:
    """Run a module with this Python in the repository, and end with its exit status."""
    raise typer.Exit(_python(module, *arguments, **environment))


def _python(module: str, *arguments: str, **environment: str) -> int:
    """Run a module with this Python in the repository and return its exit status. Control-C is the module's."""
    if importlib.util.find_spec(module) is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _end(message: object) -> None:
    """End with one line and exit status 2."""
    print(f"course: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(2)
