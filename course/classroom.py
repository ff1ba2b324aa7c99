"""The teacher's desk: what the command line does for a class, with receipts, handouts, exams and slides."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from course._files import write_whole
from course._place import workplace
from course.notebooks import chosen


def receipt(
    name: Annotated[str, typer.Argument(help="what your teacher knows you by, in quotes")],
    out: Annotated[Path, typer.Option(help="the folder that it is written to")] = Path(),
) -> None:
    """Write your progress into one file to hand in, receipt-NAME.json."""
    from course.teach import receipts

    print(f"{receipts.receipt(name, out)}\n{receipts.FORGED}")


def receipts(
    folder: Annotated[Path, typer.Argument(help="with the receipts of a class, files that end in .json")],
    csv: Annotated[Path | None, typer.Option(help="write the whole table here, for a spreadsheet")] = None,
) -> None:
    """Make a table of a class's receipts: a row for each learner, a column for each exercise and quiz."""
    from course.teach import receipts as desk

    found, notes = desk.read_all(folder)
    heading, *rows = desk.rows(found)
    marks = [column for column in heading[7:] if not column.startswith("quiz ")]
    for name, _, _, _, solved, attempts, right, *_ in rows:
        print(f"{name}: {solved} of {len(marks)} exercises solved in {attempts} attempts, {right} quiz answers right")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    if csv:
        desk.write_csv(found, csv)
        print(f"{csv}: {len(found)} rows")
    print(desk.FORGED)


def handout(
    folder: Annotated[Path, typer.Argument(help="where learners/ and teachers/ are made")],
    notebooks: Annotated[list[Path] | None, typer.Argument(help="all of them unless given")] = None,
    wheel: Annotated[str, typer.Option(help="a wheel's address or path, for the first cell in Colab")] = "",
    outputs: Annotated[bool, typer.Option("--outputs", help="leave what cells printed in the learners' set")] = False,
) -> None:
    """Write notebooks without solutions for learners, and with them for teachers."""
    from course.handouts import hand_out

    written = hand_out(chosen(notebooks), folder, wheel, outputs)
    print(f"{len(written) // 2} notebooks for learners and as many for teachers, in {folder}")


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

    folder = out or workplace() / "runs" / "slides"
    for path in chosen(notebooks):
        write_whole(folder / f"{path.stem}.html", deck(path))
        print(folder / f"{path.stem}.html")
