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

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
STAGED = BOOK / "_build" / "src"
SITE = BOOK / "_build" / "html"


def pages() -> list[Path]:
    """The files of the site in reading order, from `myst.yml`; the landing page first."""
    contents = yaml.safe_load((ROOT / "myst.yml").read_text(encoding="utf-8"))["project"]["toc"]
    return [ROOT / entry["file"] for entry in contents]


def stage() -> None:
    """Copy everything Sphinx reads into one folder, the pictures' texts where MyST-NB looks for them."""
    shutil.rmtree(STAGED, ignore_errors=True)
    STAGED.mkdir(parents=True)
    shutil.copytree(BOOK / "_static", STAGED / "_static")
    shutil.copy(BOOK / "references.bib", STAGED)
    shutil.copy(ROOT / "docs" / "thinking.png", STAGED)
    landing, *others = pages()
    for page in others:
        if page.suffix == ".ipynb":
            nbformat.write(with_alternative_texts(nbformat.read(page, as_version=4)), STAGED / page.name)
        else:
            shutil.copy(page, STAGED)
    names = "\n".join(page.stem for page in others)
    contents = f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    text = landing.read_text(encoding="utf-8").replace("](../docs/", "](")
    (STAGED / landing.name).write_text(text + contents, encoding="utf-8")


def with_alternative_texts(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The `alt` of each picture, which Jupyter keeps with the output, put where MyST-NB reads it: with the cell.

    Raises ValueError for a picture without one.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                alt = output.get("metadata", {}).get("image/png", {}).get("alt")
                if not alt:
                    raise ValueError(f"a picture has no text that says what it shows: {cell.source[:60]!r}")
                cell.metadata.setdefault("mystnb", {})["image"] = {"alt": alt}
    return notebook


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
