"""Numbers in texts, and the notes of the bibliography that they have to stand in."""

import re

from pybtex.database import parse_file

from tests.project import ROOT

BIBLIOGRAPHY = parse_file(str(ROOT / "book" / "references.bib"))


def numerals(text: str) -> set[str]:
    """Every number of a text as it is written, with or without thousands and decimals, but not its sign."""
    return set(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text))


def notes(keys) -> str:
    """What the bibliography says of some sources: figures, titles and years. Raises KeyError for an unknown key."""
    fields = [BIBLIOGRAPHY.entries[key].fields for key in keys]
    return "\n".join(" ".join(one.get(name, "") for name in ("title", "year", "annote")) for one in fields)


def numbers_of(found: object):
    """Every number that a record holds, anywhere inside it."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        for one in found:
            yield from numbers_of(one)
    elif isinstance(found, int | float) and not isinstance(found, bool):
        yield found


def shown_forms(found: object) -> set[str]:
    """The numbers of a record as a page may show them: whole, or rounded to two, three or four decimals."""
    values = set(numbers_of(found))
    rounded = {f"{abs(one):.{places}f}" for one in values for places in (0, 2, 3, 4)}
    return rounded | {f"{one:,}" for one in values if isinstance(one, int)}
