"""What is wrong with an installation, and what to type about it.

Uses nothing but Python's own library, so that it runs where the rest does not: `python -m course.doctor`.
"""

import contextlib
import importlib
import importlib.metadata
import io
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from course import remedies
from course._checkpoints import LAYOUT, read_json, shapes_in
from course._checkpoints import check_folder as check_checkpoint
from course._files import require_writable
from course._version import installed, mismatch

SHELF = remedies.ROOT / "course" / "model" / "checkpoints"
MODELS = ("mini-base", "mini-careful", "mini-distill", "mini-student", "mini-zero")  # what comes with the course
SESSION = Path("/content")  # of Colab; its `drive` is what stays
CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
CHROME_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    well: bool = True
    remedy: str = ""  # what to type, or what to know; required where something is wrong


def main() -> None:
    """Print what was found; the exit status is 1 if anything is wrong."""
    findings = examine()
    print(report(findings))
    sys.exit(any(not finding.well for finding in findings))


def examine() -> list[Finding]:
    """Look at everything the course stands on; never raises, whatever state it is in."""
    looks = (
        lambda: [check_python()],
        lambda: check_packages(requirements()),
        lambda: [check_torch()],
        check_models,
        lambda: [check_kernel()],
        lambda: [check_folder(Path.cwd())],
        check_progress,
        lambda: check_notebooks(notebooks_here()),
        lambda: [check_browser()],
        lambda: [check_node()],
    )
    names = ("Python", "the packages", "PyTorch", "the models", "Jupyter's kernel", "this folder")
    names += ("your progress", "the notebooks", "a browser", "Node.js")
    return [finding for name, look in zip(names, looks, strict=True) for finding in look_at(name, look)]


def look_at(what: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What one look finds; if it fails, that is what was found."""
    try:
        return list(look())
    except Exception as error:  # broken installations fail in more ways than anybody knows
        return [Finding(f"{what} could not be looked at: {_reason(error)}", False, remedies.set_up_again())]


def report(findings: list[Finding]) -> str:
    """The findings as lines, each remedy under its finding, and a verdict."""
    lines = []
    for finding in findings:
        lines.append(f"{'ok    ' if finding.well else 'WRONG '} {finding.what}")
        if finding.remedy:
            lines.append(f"        {'note' if finding.well else 'type'}: {finding.remedy}")
    wrong = sum(not finding.well for finding in findings)
    return "\n".join([*lines, f"{wrong} to mend: start with the first" if wrong else "all is well"])


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Whether this Python is new enough, and one that can be installed into."""
    name = f"Python {'.'.join(map(str, version))} ({sys.executable})"
    if version < (3, 11):
        again = "start bootstrap.py with it" if remedies.has_bootstrap() else "install the course in it"
        return Finding(f"{name} is too old", False, f"install Python 3.11 or newer and {again}")
    if sys.prefix == sys.base_prefix and remedies.has_bootstrap():
        return Finding(
            name, remedy=f"not in a virtual environment; {remedies.set_up_again()} makes one of its own in .venv"
        )
    return Finding(name)


def requirements() -> dict[str, str]:
    """The lowest version of each package that learning needs: of pyproject.toml in a clone, else as installed."""
    import tomllib  # here, so that a Python too old for it is told so

    if remedies.has_bootstrap():
        project = tomllib.loads((remedies.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        lines = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    else:
        lines = [line for line in importlib.metadata.requires(remedies.DISTRIBUTION) or () if "extra ==" not in line]
    return dict(re.match(r"([\w.-]+)>=([\d.]+)", line).groups() for line in lines)


def check_packages(wanted: dict[str, str]) -> list[Finding]:
    """Which packages are missing or too old; one line if none is."""
    wrong = [finding for name, lowest in wanted.items() if not (finding := check_package(name, lowest)).well]
    return wrong or [Finding(f"{len(wanted)} packages are here, in versions that fit")]


def check_package(name: str, lowest: str) -> Finding:
    """Whether a package is installed and at least as new as `lowest`."""
    try:
        version = importlib.metadata.version(name)
        numbers = _numbers(version)
    except importlib.metadata.PackageNotFoundError:
        return Finding(f"{name} is missing", False, remedies.install(f"{name}>={lowest}"))
    except Exception as error:  # its record has no METADATA, or one without a version
        return Finding(f"{name} is half installed: {_reason(error)}", False, remedies.replace(name, lowest))
    if numbers < _numbers(lowest):
        too_old = f"{name} {version} is too old, {lowest} is the oldest that fits"
        return Finding(too_old, False, remedies.install(f"{name}>={lowest}"))
    return Finding(f"{name} {version}")


def check_torch(name: str = "torch") -> Finding:
    """Whether PyTorch imports, and which build it is."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            torch = importlib.import_module(name)
        build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
        what = f"PyTorch {torch.__version__} works ({build}, {torch.get_num_threads()} threads)"
    except Exception as error:  # a broken PyTorch fails in many ways, each the reader's to know
        return Finding(f"PyTorch does not import: {_reason(error)}", False, remedies.install("torch>=2.6", broken=True))
    if torch.version.cuda and not torch.cuda.is_available():
        return Finding(what, remedy="it finds no GPU; the CPU build is gigabytes smaller and as fast here")
    return Finding(what)


def check_models(shelf: Path = SHELF, names: tuple[str, ...] = MODELS) -> list[Finding]:
    """Whether the models that come with the course are there and whole."""
    there = {path.parent.name for path in shelf.glob("*/config.json")}
    return [check_model(shelf / name) for name in sorted(there.union(names))]


def check_model(folder: Path) -> Finding:
    """Whether a checkpoint of the course is whole: configuration, tokenizer and every weight, all of one model."""
    if not folder.is_dir():
        return Finding(f"the model {folder.name} is missing", False, remedies.fetch(folder))
    problems = check_checkpoint(folder)
    if not problems and read_json(folder / "config.json").get("course_layout") != LAYOUT:
        problems = ["config.json is not of a model of this course"]
    if problems:
        forbidden = "permission denied" in problems[0]
        remedy = f"ask its owner to let you read {folder}" if forbidden else remedies.fetch(folder)
        return Finding(f"the model {folder.name} is damaged: {problems[0]}", False, remedy)
    size = sum(math.prod(shape) for shape in shapes_in(folder / "model.safetensors").values())
    return Finding(f"the model {folder.name} ({size / 1e6:.1f} M parameters)")


def check_kernel() -> Finding:
    """Whether Jupyter knows the kernel that runs the notebooks, and whether that is this Python."""
    remedy = f"{remedies.this_python()} -m ipykernel install --sys-prefix"
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Finding("Jupyter is missing", False, remedies.install("jupyterlab"))
    try:
        program, *arguments = KernelSpecManager().get_kernel_spec("python3").argv
        if "{connection_file}" not in " ".join(["", program, *arguments]):
            raise ValueError("what it starts is not told where to connect: no {connection_file}")
    except NoSuchKernel:
        return Finding("Jupyter finds no Python kernel", False, remedy)
    except Exception as error:  # its kernel.json is damaged, or names no program
        return Finding(f"Jupyter's kernel is damaged: {_reason(error)}", False, _without_kernel(remedy))
    if program in ("python", "python3"):  # Jupyter takes its own for these
        program = sys.executable
    if not shutil.which(program):
        gone = f"Jupyter's kernel asks for a Python that is gone: {program}"
        return Finding(gone, False, _without_kernel(remedy))
    if not _same(program, sys.executable):
        return Finding(f"Jupyter's kernel runs {program}", remedy=f"not this Python; for this one: {remedy}")
    return Finding(f"Jupyter's kernel runs {program}")


def _without_kernel(remedy: str) -> str:
    """A remedy, once the kernel that Jupyter finds first is out of the way."""
    from jupyter_client.kernelspec import KernelSpecManager

    return f"delete the folder {KernelSpecManager().find_kernel_specs()['python3']}, then: {remedy}"


def check_folder(folder: Path) -> Finding:
    """Whether files can be made in a folder, as training and notebooks do."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding(f"files can be written in {folder}")
    except OSError:
        return Finding(f"files cannot be written in {folder}", False, "cd to a folder of your own and start from there")


def check_progress() -> list[Finding]:
    """Whether progress can be read and kept where it is; on Colab that is gone with the session unless it is Drive."""
    try:
        from course.teach import progress
    except (ImportError, OSError):  # packages are missing or broken: said already
        return []
    file = progress.path()
    try:
        done = len(progress.solved())
        require_writable(file)
    except (ValueError, OSError) as error:
        remedy = f"mend or move {file}, or name a folder of your own as COURSE_HOME"
        return [Finding(f"your progress is not kept: {_reason(error)}", False, remedy)]
    passing = SESSION.is_dir() and not file.is_relative_to(SESSION / "drive")
    note = 'gone with this session; to keep it on Drive, run progress.keep_in("/content/drive/MyDrive")'
    return [Finding(f"your progress, {done} exercises solved, is kept in {file}", remedy=note * passing)]


def notebooks_here() -> list[Path]:
    """The notebooks of a clone, else those in this folder."""
    return sorted((remedies.ROOT / "notebooks").glob("*.ipynb")) or sorted(Path.cwd().glob("*.ipynb"))


def check_notebooks(paths: list[Path]) -> list[Finding]:
    """Which notebooks were written for another version of the library; nothing about those that do not say."""
    there = installed()
    wanted = {path: re.search(r'course\.expects\(\\?"([\d.]+)', path.read_text("utf-8", "replace")) for path in paths}
    told = [(path, mismatch(found[1], there)) for path, found in wanted.items() if found]
    wrong = [Finding(f"{path.name} does not fit the library", False, said) for path, said in told if said]
    return wrong or [Finding(f"{len(told)} notebooks go with version {there} of the library")] * bool(told)


def check_browser() -> Finding:
    """Whether there is a browser for the tests; learners need none but the one they read in."""
    if found := find_browser():
        return Finding(f"a browser for the tests: {found}")
    get = "apt-get install chromium" if shutil.which("apt-get") else "install Chrome or Chromium"
    note = f"only the tests need one: {get}, or set CHROME to a Chrome's path"
    return Finding("no Chrome or Chromium", remedy=note)


def check_node() -> Finding:
    """Whether there are Node.js and npm for the site's formulas; learners need neither."""
    if all(map(shutil.which, ("node", "npm"))):
        return Finding(f"Node.js for the site: {shutil.which('node')}")
    get = "apt-get install nodejs npm" if shutil.which("apt-get") else "install Node.js 18 or newer"
    return Finding("no Node.js with npm", remedy=f"only `make book` needs it, for formulas: {get}")


def find_browser() -> str | None:
    """The Chrome or Chromium to test with: $CHROME, one on the PATH, or one in its usual place."""
    on_path = (shutil.which(name) for name in CHROMES)
    found = (os.environ.get("CHROME"), *on_path, *CHROME_PLACES)
    return next((path for path in found if path and Path(path).exists()), None)


def _same(program: str, other: str) -> bool:
    """Whether two Pythons are one environment's: the same folder of programs."""
    return Path(shutil.which(program)).parent.resolve() == Path(other).parent.resolve()


def _reason(error: Exception) -> str:
    """The first line of what an error says, with its kind if that is no sentence."""
    line = next((line for line in str(error).splitlines() if line.strip()), "")
    return line if " " in line else f"{type(error).__name__} {line}".strip()


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version without its suffixes: `2.13.0+cpu` is (2, 13)."""
    numbers = [int(number) for number in re.match(r"[\d.]*\d", version).group().split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


if __name__ == "__main__":
    main()
