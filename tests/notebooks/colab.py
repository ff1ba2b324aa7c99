"""An environment like a Colab session's, beside the one that the tests run in: `python -m tests.notebooks.colab`.

It has the versions of `colab.txt`, pip, and no course: a notebook's first cell has to bring that. Nothing of JupyterLab
is there, nor what the tests need. PyTorch is Colab's version where its CPU build can be had. A Linux machine that
does not reach the index with that build links the PyTorch of the tests, as the build found elsewhere brings gigabytes
of CUDA. The environment is kept, and made again when the list or that PyTorch changes.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from bootstrap import CPU_WHEELS, reachable

HOME = Path(sys.prefix) / "colab"
PYTHON = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
VERSIONS = Path(__file__).with_name("colab.txt")
STAMP = HOME / "ready.txt"
OF_TORCH = ("torch", "torchgen", "functorch", "torch-*.dist-info")


def main() -> None:
    """Make the environment unless it is there already, ending with pip's status if that fails."""
    if is_ready():
        return
    print(
        f"[course] making an environment like Colab's in {HOME}, for the tests; this takes a minute or two", flush=True
    )
    shutil.rmtree(HOME, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", HOME], check=True)
        torch, *others = versions()
        pip(*others)
        install_torch(torch)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    STAMP.write_text(fingerprint(), encoding="ascii")


def is_ready() -> bool:
    """Whether the environment was made to the end, from these versions."""
    return STAMP.is_file() and STAMP.read_text(encoding="ascii") == fingerprint()


def fingerprint() -> str:
    """What the environment is made from, and where."""
    parts = (VERSIONS.read_bytes(), os.fsencode(HOME), importlib.metadata.version("torch").encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def versions() -> list[str]:
    """The lines of the list that name a package, such as `torch==2.11.0`, which is the first."""
    return [line for line in VERSIONS.read_text(encoding="utf-8").splitlines() if "==" in line]


def pip(*arguments: str | Path) -> None:
    """Install into the environment. Raises CalledProcessError; what pip printed says why."""
    options = ["--disable-pip-version-check", "--python", PYTHON, "install", "--no-compile", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", *options, *arguments], check=True)


def install_torch(version: str) -> None:
    """Bring Colab's PyTorch, as its CPU build, or link the PyTorch that the tests run with."""
    if platform.system() != "Linux":
        pip("--no-deps", version)
    elif reachable(CPU_WHEELS):
        pip("--no-deps", version, "--index-url", CPU_WHEELS)
    else:
        print(f"[course] cannot reach {CPU_WHEELS}; it shares the PyTorch of these tests", flush=True)
        packages = Path(importlib.util.find_spec("torch").origin).parent.parent
        (place,) = HOME.glob("lib/python*/site-packages")
        for pattern in OF_TORCH:
            for path in packages.glob(pattern):
                (place / path.name).symlink_to(path)


if __name__ == "__main__":
    main()
