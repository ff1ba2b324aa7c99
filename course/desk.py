"""The teacher's desk: the commands that make exams and slides."""

from pathlib import Path
from typing import Annotated

import typer

from course._files import write_whole
from course._place import ROOT, workplace


def exam(
    seed: Annotated[int, typer.Option(help="another seed, another paper")] = 0,
    items: Annotated[int, typer.Option(help="how many questions, each of another kind")] = 8,
    key: Annotated[bool, typer.Option("--key", help="print the answers instead of the questions")] = False,
) -> None:
    """Print an exam drawn from a seed, or its answer key, as Markdown."""
    from course.teach import exam as exams  # slow to load, as PyTorch is

    print((exams.key if key else exams.paper)(exams.exam(seed, items), seed))


def slides(
    notebooks: Annotated[list[Path] | None, typer.Argument(help="all of them unless given")] = None,
    out: Annotated[Path | None, typer.Option(help="folder; runs/slides unless given")] = None,
) -> None:
    """Make slides from the notebooks' pictures: one HTML file each, which loads nothing and prints well."""
    from course.teach.slides import deck

    paths = notebooks or sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    if not paths:
        raise FileNotFoundError("no notebooks here: name one, or work in a clone of the repository")
    folder = out or workplace() / "runs" / "slides"
    for path in paths:
        write_whole(folder / f"{path.stem}.html", deck(path))
        print(folder / f"{path.stem}.html")
