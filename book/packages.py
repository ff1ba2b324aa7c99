"""What the site takes from npm: MathJax, and what tests it, in the very versions of `package-lock.json`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

BOOK = Path(__file__).resolve().parent
MODULES = BOOK / "node_modules"
NO_NODE = (
    "[course] the site's formulas are typeset by MathJax, which needs Node.js and npm, and they are not here: install "
    "Node.js 18 or newer (Debian and Ubuntu: apt-get install nodejs npm; macOS: brew install node; else see "
    "nodejs.org) and type the same command again"
)


def install() -> None:
    """Have `npm ci` fetch what the lock names, unless it is here; ends with what to type where that is impossible."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        sys.exit(NO_NODE)
    if is_installed():
        return
    print("fetching MathJax by npm", flush=True)
    if status := subprocess.run([npm, "ci"], cwd=BOOK).returncode:
        sys.exit(f"[course] `npm ci` in {BOOK} stopped with status {status}; it needs a network the first time")


def is_installed() -> bool:
    """Whether `node_modules` holds what the lock names: npm keeps a lock of its own of what it has installed."""
    try:
        return locked(MODULES / ".package-lock.json") == locked(BOOK / "package-lock.json")
    except (OSError, ValueError, KeyError):  # not there, or only half of it
        return False


def locked(path: Path) -> dict[str, dict]:
    """The packages of a lock file, without the project itself."""
    packages = json.loads(path.read_text(encoding="utf-8"))["packages"]
    return {name: package for name, package in packages.items() if name}
