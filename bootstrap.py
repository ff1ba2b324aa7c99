"""Set everything up, then run one command of the course: `python bootstrap.py lab`.

Needs nothing but Python 3.11 or newer with venv. Makes `.venv` beside this file, installs the exact versions of
`constraints.txt` in it, and hands over to `python -m course COMMAND`. The second time it has nothing to do and says
nothing; if it was interrupted, the same command goes on. `make COMMAND` calls this; where there is no make, as on
Windows, this is what to type.
"""

import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "ready.json"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
EXTRAS = {  # what each command needs; any other gets everything
    "lab": {"lab"},
    "ask": {"lab"},
    "serve": {"lab"},
    "train": {"lab"},
    "run": {"lab"},
    "receipt": {"lab"},
    "receipts": {"lab"},
    "handout": {"lab"},
    "dist": {"lab", "test"},
    "book": {"lab", "book"},
    "mutate": {"lab", "test", "mutate"},
    "doctor": set(),  # these two have to work where nothing else does
    "clean": set(),
}
EVERYTHING = {"lab", "test", "book", "peers"}
# Fails unless pip works and every package has all the files that it brought, each of its full size.
WHOLE = """
import csv, importlib.metadata, pip._internal.cli.main
for package in importlib.metadata.distributions():
    for name, _, size in csv.reader(package.read_text("RECORD").splitlines()):
        if size and "__pycache__" not in name:
            assert package.locate_file(name).stat().st_size == int(size), name
"""


def main() -> None:
    """Set up what the command needs and run it, ending with its exit status."""
    if sys.version_info < (3, 11):
        again = f"{'py -3.12' if os.name == 'nt' else 'python3.12'} bootstrap.py {' '.join(sys.argv[1:]) or 'lab'}"
        sys.exit(f"[course] Python {platform.python_version()} is too old, 3.11 is needed; with a newer one: {again}")
    command = sys.argv[1:] or ["--help"]
    try:
        set_up(EXTRAS.get(command[0], EVERYTHING))
    except KeyboardInterrupt:
        say("stopped before everything was set up; the same command goes on")
        sys.exit(130)
    sys.exit(hand_over(command))


def set_up(extras: set[str]) -> None:
    """Make `.venv` hold the course with these extras, unless it does already.

    It is finished when `ready.json` says so, and that is written last. What an interrupted run left is gone on with if
    it is whole, and made again if not.
    """
    made_from = fingerprint()
    before = installed_extras(made_from)
    if extras <= before:
        return
    started = time.monotonic()
    if STAMP.exists():
        STAMP.unlink()
    if not whole():
        say(f"making a virtual environment in .venv{' again: the one there is not whole' * VENV.exists()}")
        run([sys.executable, "-m", "venv", "--clear", VENV])
    pip("install", pinned("pip"))  # an old pip downloads whole files to read what they need
    install_torch(pinned("torch"))
    names = ",".join(sorted(extras | before))
    say(f"installing the course and what it needs ({names}); this takes a few minutes the first time")
    pip("install", "--editable", f"{ROOT}[{names}]", "--constraint", ROOT / "constraints.txt")
    finish({"made_from": made_from, "extras": names.split(",")})
    say(f"ready after {time.monotonic() - started:.0f} seconds")


def fingerprint() -> str:
    """What an environment is made from and where, so that a change is noticed: one that was moved no longer works."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([*parts, os.fsencode(VENV)])).hexdigest()


def installed_extras(made_from: str) -> set[str]:
    """The extras `.venv` holds already, if it is finished and was made from the same files."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="ascii"))
        return set(stamp["extras"]) if PYTHON.exists() and stamp["made_from"] == made_from else set()
    except (OSError, ValueError, KeyError, TypeError):  # missing, empty, damaged or something else
        return set()


def whole() -> bool:
    """Whether `.venv` is an environment to install into: Python and pip work, and no package is half installed."""
    try:
        return subprocess.run([PYTHON, "-I", "-c", WHOLE], capture_output=True).returncode == 0
    except OSError:
        return False


def finish(stamp: dict) -> None:
    """Note that `.venv` is ready, all at once: a note that is half written says nothing."""
    partial = STAMP.with_suffix(".partial")
    partial.write_text(json.dumps(stamp), encoding="ascii")
    partial.replace(STAMP)


def install_torch(pin: str) -> None:
    """Install the pinned PyTorch; on Linux without an NVIDIA GPU only ever its CPU build."""
    if is_installed(pin):
        return
    if platform.system() != "Linux" or shutil.which("nvidia-smi"):
        say(f"installing {pin}")
        pip("install", pin)
    elif reachable(CPU_WHEELS):
        say(f"installing {pin}, the CPU build (no NVIDIA GPU here), about 200 MB")
        pip("install", pin, "--index-url", CPU_WHEELS)
    elif brings_cuda(pin):
        sys.exit(
            f"[course] cannot reach {CPU_WHEELS}, and the {pin} that pip finds elsewhere brings gigabytes of CUDA this "
            f"machine has no use for.\n[course] Try again with that address reachable, or install any CPU build of it "
            f"with {PYTHON} -m pip and come back."
        )
    else:
        say(f"cannot reach {CPU_WHEELS}; installing {pin} from where pip looks: it is a CPU build too")
        pip("install", pin)


def pinned(name: str) -> str:
    """The line of constraints.txt for a package, such as `pip==26.0`."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"{name}=="))


def is_installed(pin: str) -> bool:
    """Whether `.venv` has this very version of PyTorch, of whatever build."""
    probe = "import importlib.metadata as m; print('torch==' + m.version('torch').split('+')[0])"
    return subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True).stdout.strip() == pin


def reachable(address: str) -> bool:
    """Whether a package index answers within a few seconds."""
    try:
        with urllib.request.urlopen(f"{address}/torch/", timeout=5):
            return True
    except OSError:
        return False


def brings_cuda(pin: str) -> bool:
    """Whether the build pip would choose depends on NVIDIA's libraries; nothing is installed to find out."""
    asked = ["install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--report", "-", pin]
    found = subprocess.run([PYTHON, "-m", "pip", *asked], capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"[course] pip found no {pin}; is there a network?\n{found.stderr.strip()}")
    needs = json.loads(found.stdout)["install"][0]["metadata"].get("requires_dist", [])
    return any(need.lower().startswith(("nvidia", "cuda")) for need in needs)


def pip(*arguments: str | Path) -> None:
    """Run pip inside `.venv`, ending with its error if it fails."""
    run([PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments, "--quiet"])


def run(command: list[str | Path]) -> None:
    """Run a command, ending here if it fails: what it printed says why."""
    with subprocess.Popen(command) as process:
        try:
            status = process.wait()
        except KeyboardInterrupt:  # the command heard it too: let it tidy up
            process.wait()
            raise
    if status:
        sys.exit(f"[course] setting up stopped with status {status} at: {' '.join(map(str, command))}")


def hand_over(command: list[str]) -> int:
    """Run the course's command line in `.venv` and return its exit status. Control-C is the command's business."""
    if command[0] == "clean" and not STAMP.exists():
        say("nothing to clean: nothing was set up here, or not to the end")
        return 0
    module = ["course.doctor"] if command[0] == "doctor" else ["course", *command]
    signal.signal(signal.SIGINT, lambda *_: None)
    return subprocess.run([PYTHON if starts(PYTHON) else sys.executable, "-m", *module], cwd=ROOT).returncode


def starts(python: Path) -> bool:
    """Whether this Python is there and runs."""
    try:
        return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


def say(message: str) -> None:
    """Tell the reader what is happening."""
    print(f"[course] {message}", flush=True)


if __name__ == "__main__":
    main()
