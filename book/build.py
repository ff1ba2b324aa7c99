"""`make book`: stage the pages and the committed notebooks, then let Sphinx build them, warnings being errors.

Nothing is executed, and nothing is fetched but what `book/packages.py` names, once. The order of pages has one home,
`myst.yml` at the root, which Jupyter Book 2 reads too; the table of contents that Sphinx wants is made from it.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

from book import landing, notebooks, packages, social_card
from book.generated import filled
from course.teach.page import FILES, checkpoint_files

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
PAGE = ROOT / "course" / "teach" / "page"
STAGED = BOOK / "_build" / "src"
SITE = BOOK / "_build" / "html"
GLOSSARY = re.compile(r"^```\{glossary\}$.*?^```$", re.MULTILINE | re.DOTALL)
FOLDERS = re.compile(r"(\]\()\.\./(?:book|docs|notebooks)/")  # all that is staged lies in one folder


def pages() -> list[Path]:
    """The files of the site in reading order, from `myst.yml`; the landing page first."""
    contents = yaml.safe_load((ROOT / "myst.yml").read_text(encoding="utf-8"))["project"]["toc"]
    return [ROOT / entry["file"] for entry in contents]


def stage() -> None:
    """Copy everything Sphinx reads into one folder. Raises ValueError for a notebook that is not as it should be."""
    shutil.rmtree(STAGED, ignore_errors=True)
    STAGED.mkdir(parents=True)
    shutil.copytree(BOOK / "_static", STAGED / "_static")
    social_card.draw(STAGED / "_static" / "card.png")
    stage_widgets(STAGED / "_static")
    shutil.copytree(BOOK / "drawings", STAGED / "drawings")
    shutil.copy(BOOK / "references.bib", STAGED)
    shutil.copy(ROOT / "docs" / "thinking.png", STAGED)
    first, *others = pages()
    for page in others:
        if page.suffix == ".ipynb":
            nbformat.write(notebooks.staged(page), STAGED / page.name)
        else:
            (STAGED / page.name).write_text(flat(page), encoding="utf-8")
    stage_landing(first, others)


def stage_widgets(static: Path) -> None:
    """The widgets' modules and the checkpoints that they run, once for all pages."""
    shutil.copytree(PAGE, static / "page", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name in landing.MODELS:
        (static / "models" / name).mkdir(parents=True)
        for file, content in zip(FILES, checkpoint_files(name), strict=True):
            (static / "models" / name / file).write_bytes(content)


def flat(page: Path) -> str:
    """The text of a page as Sphinx reads it: what is generated is made anew, links lead to where everything lies when
    it is staged, and definitions of the glossary are indented (Jupyter Book 2 wants `: ` before each)."""
    text = FOLDERS.sub(r"\1", filled(page.read_text(encoding="utf-8")))
    return GLOSSARY.sub(lambda found: re.sub(r"^: ", "  ", found[0], flags=re.MULTILINE), text)


def stage_landing(page: Path, others: list[Path]) -> None:
    """The landing page with its widgets, a card for each chapter, and the table of contents.

    Raises ValueError if it has no place for the cards.
    """
    mark, text = "<!-- here: chapters -->", landing.with_widgets(flat(page))
    if text.count(mark) != 1:
        raise ValueError(f"{page.name} must say {mark} once")
    (STAGED / landing.CURVE).write_bytes(landing.curve().png)
    names = "\n".join(other.stem for other in others)
    contents = f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    (STAGED / page.name).write_text(text.replace(mark, landing.cards()) + contents, encoding="utf-8")


def main() -> None:
    """Build the site into `book/_build/html`; end with Sphinx's status."""
    packages.install()
    print(f"staging {len(pages())} pages", flush=True)
    stage()
    options = ["-W", "--keep-going", "-q", "-c", str(BOOK), "-d", str(BOOK / "_build" / "doctrees")]
    status = subprocess.run([sys.executable, "-m", "sphinx", "-b", "html", *options, str(STAGED), str(SITE)]).returncode
    if status == 0:
        print(f"the site is in {SITE}: open {SITE / 'index.html'} in a browser")
    sys.exit(status)


if __name__ == "__main__":
    main()
