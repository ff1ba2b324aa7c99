"""`make book`: stage the pages and the committed notebooks, then let Sphinx build them, warnings being errors.

Nothing is executed and nothing is fetched. The order of pages has one home, `myst.yml` at the root, which Jupyter
Book 2 reads too; the table of contents that Sphinx wants is made from it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

from book.generated import complete

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
STAGED = BOOK / "_build" / "src"
SITE = BOOK / "_build" / "html"


def pages() -> list[Path]:
    """The files of the site in reading order, from `myst.yml`; the landing page first."""
    contents = yaml.safe_load((ROOT / "myst.yml").read_text(encoding="utf-8"))["project"]["toc"]
    return [ROOT / entry["file"] for entry in contents]


def stage() -> None:
    """Copy everything Sphinx reads into one folder. Raises ValueError for a picture without a text."""
    shutil.rmtree(STAGED, ignore_errors=True)
    STAGED.mkdir(parents=True)
    shutil.copytree(BOOK / "_static", STAGED / "_static")
    shutil.copy(BOOK / "references.bib", STAGED)
    shutil.copy(ROOT / "docs" / "thinking.png", STAGED)
    landing, *others = pages()
    for page in others:
        if page.suffix == ".ipynb":
            check_alternative_texts(nbformat.read(page, as_version=4))
        shutil.copy(page, STAGED)
    names = "\n".join(page.stem for page in others)
    contents = f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    text = landing.read_text(encoding="utf-8").replace("](../docs/", "](")
    (STAGED / landing.name).write_text(text + contents, encoding="utf-8")
    complete(STAGED)


def check_alternative_texts(notebook: nbformat.NotebookNode) -> None:
    """Raise ValueError for a picture without an `alt`, the text that says what it shows."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in output.get("data", {}):
                if kind.startswith("image/") and not output.get("metadata", {}).get(kind, {}).get("alt"):
                    raise ValueError(f"a picture has no text that says what it shows: {cell.source[:60]!r}")


def main() -> None:
    """Build the site into `book/_build/html`; end with Sphinx's status."""
    print(f"staging {len(pages())} pages", flush=True)
    stage()
    options = ["-W", "--keep-going", "-q", "-c", str(BOOK), "-d", str(BOOK / "_build" / "doctrees")]
    status = subprocess.run([sys.executable, "-m", "sphinx", "-b", "html", *options, str(STAGED), str(SITE)]).returncode
    if status == 0:
        print(f"the site is in {SITE}: open {SITE / 'index.html'} in a browser")
    sys.exit(status)


if __name__ == "__main__":
    main()
