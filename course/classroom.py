"""The teacher's desk: what the command line does for a class, with receipts and handouts."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from course._place import ROOT


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

    paths = notebooks or sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise FileNotFoundError(f"no notebook {', '.join(missing)}")
    if not paths:
        raise FileNotFoundError("there are no notebooks beside the library: name some")
    written = hand_out(paths, folder, wheel, outputs)
    print(f"{len(written) // 2} notebooks for learners and as many for teachers, in {folder}")
