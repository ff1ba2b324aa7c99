"""What to type against what is wrong, where this is: a clone with make or without, its `.venv`, or an installation.

Uses nothing but Python's own library, as `doctor` does, which asks here.
"""

import importlib.metadata
import importlib.util
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # of a clone, or what holds the packages of an installation
DISTRIBUTION = "think-step-by-step"


def has_bootstrap() -> bool:
    """Whether `bootstrap.py` lies beside the library, as in a clone: only then can it set everything up again."""
    return (ROOT / "bootstrap.py").exists()


def set_up_again() -> str:
    """What to type to set everything up, where this is: a clone with or without make, or an installed package."""
    if not has_bootstrap():
        return f"{this_python()} -m pip install --force-reinstall --no-deps {archive()}"
    there = "" if _is_here(ROOT) else f"cd {quoted(ROOT)} && "
    if os.name != "nt" and shutil.which("make"):
        return f"{there}make lab"
    python = next((name for name in ("python3", "python") if os.name != "nt" and shutil.which(name)), "python")
    return f"{there}{python} bootstrap.py lab"


def install(requirement: str, broken: bool = False) -> str:
    """What to type to get a package, such as `numpy>=2.0`, or to replace one that is broken."""
    own = has_bootstrap() and Path(sys.prefix) == ROOT / ".venv"
    if has_bootstrap() and (sys.prefix == sys.base_prefix or (own and not _is_ready())):
        return set_up_again()
    if own and (broken or requirement.startswith("torch>")):  # pip alone might choose gigabytes of CUDA
        return f"delete the folder {ROOT / '.venv'}, then: {set_up_again()}"
    pip = f'{this_python()} -m pip install {"--force-reinstall " * broken}"{requirement}"'
    return pip if importlib.util.find_spec("pip") else f"{this_python()} -m ensurepip, then: {pip}"


def _is_here(folder: Path) -> bool:
    """Whether the command line stands in this folder; it may stand in one that was deleted."""
    try:
        return Path.cwd() == folder
    except OSError:
        return False


def _is_ready() -> bool:
    """Whether bootstrap.py noted that it finished setting `.venv` up."""
    try:
        return bool(json.loads((ROOT / ".venv" / "ready.json").read_text(encoding="ascii"))["extras"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def replace(name: str, lowest: str) -> str:
    """What to do about a package whose record is damaged: pip cannot remove it, so a person has to."""
    remedy = install(f"{name}>={lowest}", broken=True)
    if " -m pip " not in remedy:
        return remedy
    pattern = f"{name.replace('-', '_')}-*.dist-info"
    records = [path for folder in sys.path for path in Path(folder or ".").glob(pattern)]
    return f"delete {', '.join(map(str, records))}, then: {remedy}" if records else remedy


def fetch(folder: Path) -> str:
    """What to type to get a checkpoint of the course back."""
    if not has_bootstrap():
        return set_up_again()
    if (ROOT / ".git").exists() and shutil.which("git"):
        return f"git -C {quoted(ROOT)} checkout -- course/model/checkpoints/{folder.name}"
    return f"fetch {archive()} and copy this folder from it: course/model/checkpoints/{folder.name}"


def archive() -> str:
    """The address of everything in one file, as pyproject.toml has it or the installed package."""
    try:
        if has_bootstrap():
            addresses = re.findall(r'^Repository = "(.*)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
        else:
            entries = importlib.metadata.metadata(DISTRIBUTION).get_all("Project-URL")
            addresses = [entry.partition(", ")[2] for entry in entries if entry.startswith("Repository, ")]
        return f"{addresses[0]}/archive/refs/heads/main.zip"
    except Exception:  # the record of the course itself is damaged
        return "ADDRESS-YOU-HAVE-THE-COURSE-FROM"


def this_python() -> str:
    """This Python as one would type it."""
    return quoted(sys.executable)


def quoted(path: str | Path) -> str:
    """A path as one would type it, on this system."""
    if os.name == "nt":
        return f'"{path}"' if " " in str(path) else str(path)
    return shlex.quote(str(path))
