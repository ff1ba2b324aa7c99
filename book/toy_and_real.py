"""What carries over from the toy to large models, chapter by chapter, from `toy_and_real.yml` and the results."""

from book.chapters import capital, link, named
from book.records import cited, listed, with_figures
from course.contents import CHAPTERS

WORDS = {"yes": "Carries over", "no": "Does not carry over", "in part": "Carries over in part"}


def every() -> list[dict]:
    """The chapters with their rows; `carries` is a key of `WORDS`."""
    told = listed("toy_and_real")
    for chapter in told:
        for row in chapter["rows"]:
            row["carries"] = {True: "yes", False: "no"}.get(row["carries"], row["carries"])  # YAML reads yes as true
    return told


def chapters() -> str:
    """Every chapter under its heading, and the ones that are planned."""
    told = [_chapter(one) for one in every()]
    planned = "\n".join(f"- {capital(link(one))}" for one in CHAPTERS if not one.finished)
    return "\n".join([*told, f"## Not written yet\n\n{planned}\n"])


def _chapter(told: dict) -> str:
    chapter = named(told["chapter"])
    head = f"## Chapter {chapter.short_number}: {chapter.question}\n"
    return "\n".join([head, *map(_row, told["rows"])])


def _row(row: dict) -> str:
    entries = {"Here": with_figures(cited(row["toy"])), "Large models": cited(row["real"], row.get("sources", ()))}
    body = "\n\n".join(f"{name}\n: {text}" for name, text in entries.items())
    return f":::{{card}} {row['what']}\n\n**{WORDS[row['carries']]}**\n\n{body}\n\n:::\n"
