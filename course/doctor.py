"""What is wrong with an installation, and what to type about it.

Uses nothing but Python's own library, so that it runs where the rest does not: `python -m course.doctor`.
"""

import contextlib
import importlib
import importlib.metadata
import io
import json
import os
import re
import shutil
import struct
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHELF = ROOT / "course" / "model" / "checkpoints"
MODELS = ("mini-base",)  # what the first notebook asks
DISTRIBUTION = "think-step-by-step"
SET_UP = "python bootstrap.py lab" if os.name == "nt" else "make lab"
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
    """Look at everything the course stands on; never raises."""
    installed = [check_python(), *check_packages(requirements()), check_torch(), *check_models(), check_kernel()]
    return [*installed, check_folder(Path.cwd()), check_browser()]


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
        return Finding(f"{name} is too old", False, "install Python 3.11 or newer, then: make lab PYTHON=python3.12")
    if sys.prefix == sys.base_prefix:
        return Finding(name, remedy=f"not in a virtual environment; {SET_UP} makes one of its own in .venv")
    return Finding(name)


def requirements() -> dict[str, str]:
    """The lowest version of each package that learning needs: of pyproject.toml in a clone, else as installed."""
    if (ROOT / "pyproject.toml").exists():
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        lines = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    else:
        lines = [line for line in importlib.metadata.requires(DISTRIBUTION) or () if "extra ==" not in line]
    return dict(re.match(r"([\w.-]+)>=([\d.]+)", line).groups() for line in lines)


def check_packages(wanted: dict[str, str]) -> list[Finding]:
    """Which packages are missing or too old; one line if none is."""
    wrong = [finding for name, lowest in wanted.items() if not (finding := check_package(name, lowest)).well]
    return wrong or [Finding(f"{len(wanted)} packages are here, in versions that fit")]


def check_package(name: str, lowest: str) -> Finding:
    """Whether a package is installed and at least as new as `lowest`."""
    remedy = f'{_python()} -m pip install "{name}>={lowest}"'
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(f"{name} is missing", False, remedy)
    if _numbers(version) < _numbers(lowest):
        return Finding(f"{name} {version} is too old, {lowest} is the oldest that fits", False, remedy)
    return Finding(f"{name} {version}")


def check_torch(name: str = "torch") -> Finding:
    """Whether PyTorch imports, and which build it is."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            torch = importlib.import_module(name)
    except Exception as error:  # a broken PyTorch fails in many ways, each the reader's to know
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return Finding(f"PyTorch does not import: {reason}", False, f"delete the folder .venv, then: {SET_UP}")
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
    what = f"PyTorch {torch.__version__} works ({build}, {torch.get_num_threads()} threads)"
    if torch.version.cuda and not torch.cuda.is_available():
        return Finding(what, remedy="it finds no GPU; the CPU build is gigabytes smaller and as fast here")
    return Finding(what)


def check_models(shelf: Path = SHELF, names: tuple[str, ...] = MODELS) -> list[Finding]:
    """Whether the models that come with the course are there and whole."""
    there = {path.parent.name for path in shelf.glob("*/config.json")}
    return [check_model(shelf / name) for name in sorted(there.union(names))]


def check_model(folder: Path) -> Finding:
    """Whether a checkpoint's settings, tokenizer and weights are all there; the weights' every byte accounted for."""
    remedy = f"git checkout -- course/model/checkpoints/{folder.name} (or make it anew: course train {folder.name})"
    if not folder.is_dir():
        return Finding(f"the model {folder.name} is missing", False, remedy)
    try:
        for name in ("config.json", "tokenizer.json"):
            json.loads((folder / name).read_text(encoding="utf-8"))
        size = _weights(folder / "model.safetensors")
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        return Finding(f"the model {folder.name} is damaged: {str(error).splitlines()[0]}", False, remedy)
    return Finding(f"the model {folder.name} ({size / 1e6:.1f} M parameters)")


def _weights(path: Path) -> int:
    """The number of parameters in a safetensors file. Raises ValueError if its length is not what its header says."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(min(length, 10_000_000)))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    if path.stat().st_size != 8 + length + max(ends, default=0):
        raise ValueError(f"{path.name} is cut short, or longer than it should be")
    shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
    return sum(_product(shape) for shape in shapes)


def check_kernel() -> Finding:
    """Whether Jupyter knows the kernel that runs the notebooks, and whether that is this Python."""
    remedy = f"{_python()} -m ipykernel install --sys-prefix"
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Finding("Jupyter is missing", False, SET_UP)
    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Finding("Jupyter finds no Python kernel", False, remedy)
    if program in ("python", "python3"):  # Jupyter takes its own for these
        program = sys.executable
    if not shutil.which(program):
        return Finding(f"Jupyter's kernel asks for a Python that is gone: {program}", False, remedy)
    return Finding(f"Jupyter's kernel runs {program}")


def check_folder(folder: Path) -> Finding:
    """Whether files can be made in a folder, as training and notebooks do."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding(f"files can be written in {folder}")
    except OSError:
        return Finding(f"files cannot be written in {folder}", False, "cd to a folder of your own and start from there")


def check_browser() -> Finding:
    """Whether there is a browser for the tests; learners need none but the one they read in."""
    if found := find_browser():
        return Finding(f"a browser for the tests: {found}")
    note = "only the tests need one: apt-get install chromium, or set CHROME to a Chrome's path"
    return Finding("no Chrome or Chromium", remedy=note)


def find_browser() -> str | None:
    """The Chrome or Chromium to test with: $CHROME, one on the PATH, or one in its usual place."""
    on_path = (shutil.which(name) for name in CHROMES)
    found = (os.environ.get("CHROME"), *on_path, *CHROME_PLACES)
    return next((path for path in found if path and Path(path).exists()), None)


def _python() -> str:
    """This Python as one would type it."""
    return f'"{sys.executable}"' if " " in sys.executable else sys.executable


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version without its suffixes: `2.13.0+cpu` is (2, 13)."""
    numbers = [int(number) for number in re.match(r"[\d.]*\d", version).group().split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _product(numbers: list[int]) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result


if __name__ == "__main__":
    main()
