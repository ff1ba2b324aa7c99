"""Parts of the site's pages that come from the library, its results and the lists in this folder.

A page says `% generated: NAME`, what `BLOCKS[NAME]` returns follows, and `% end of what is generated` closes it.
`python -m book.generated` writes these parts into the pages that are committed; `book/build.py` makes them again in the
pages it stages, so that the site never lags behind the results.
"""

import re
from collections.abc import Callable
from pathlib import Path

from book import claims, landing, rooms, sources, teaching, tour, toy_and_real
from course.teach.page import module

BOOK = Path(__file__).resolve().parent
WIDGET = BOOK / "widget.js"
BLOCK = re.compile(r"^% generated: ([\w ]+)\n(?:.*\n)*?% end of what is generated$", re.MULTILINE)
BLOCKS: dict[str, Callable[[], str]] = {
    "ledger": claims.ledger,
    "tally": claims.tally,
    "tour": tour.systems,
    "toy and real": toy_and_real.chapters,
    "minutes": teaching.minutes,
    "notes": sources.notes,
    "lengths": teaching.lengths,
    "rooms": rooms.places,
    "ask the models": lambda: landing.block("ask"),
    "replay of the run": lambda: landing.block("replay"),
}


def filled(text: str) -> str:
    """A page with its generated parts made again. Raises KeyError for a part that nothing makes."""
    return BLOCK.sub(lambda match: f"% generated: {match[1]}\n\n{BLOCKS[match[1]]()}\n% end of what is generated", text)


def main() -> None:
    """Write the generated parts into the committed pages, and the widgets' module beside them for Jupyter Book 2."""
    WIDGET.write_text(module(), encoding="utf-8")
    for page in sorted(BOOK.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = filled(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"wrote {page.name}")


if __name__ == "__main__":
    main()
