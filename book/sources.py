"""The notes of the bibliography: which figures this site quotes from a source, and where they stand in it."""

from pathlib import Path

from pybtex.database import parse_file


def notes() -> str:
    """Every source with a note, sorted by key."""
    entries = parse_file(str(Path(__file__).with_name("references.bib"))).entries
    noted = [(key, entry.fields["annote"]) for key, entry in entries.items() if "annote" in entry.fields]
    told = (f"{{cite}}`{key}`\n: {' '.join(note.split())}" for key, note in sorted(noted))
    return "\n\n".join(told) + "\n"
