"""Citations as one would say them: [Wei et al. 2022], or [Wang et al. 2025b] where a name and a year stand for two.

An organization stands alone, whoever signs after it: [DeepSeek-AI 2025].
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from string import ascii_lowercase

from pybtex.database import Entry, Person
from pybtex.plugin import register_plugin
from pybtex.style.formatting.alpha import Style
from pybtex.style.labels import BaseLabelStyle


class AuthorAndYear(BaseLabelStyle):
    """What stands between the brackets of each entry of a bibliography."""

    def format_labels(self, sorted_entries: Sequence[Entry]) -> Iterator[str]:
        """A label for each entry; those that would be the same are told apart by a letter."""
        labels = [label(entry) for entry in sorted_entries]
        many, letters = Counter(labels), defaultdict(lambda: iter(ascii_lowercase))
        for one in labels:
            yield one + next(letters[one]) if many[one] > 1 else one


class AuthorAndYearStyle(Style):
    """The bibliography's own style, with these labels."""

    default_label_style = AuthorAndYear


def label(entry: Entry) -> str:
    """The authors of an entry and its year, without a letter."""
    first, *others = entry.persons["author"]
    names = surname(first)
    if others and first.first_names:  # only people have first names
        alone = len(others) == 1 and others[0].first_names
        names += f" and {surname(others[0])}" if alone else " et al."
    return f"{names} {entry.fields['year']}"


def surname(person: Person) -> str:
    """The last name of a person, or the name of an organization up to a comma."""
    parts = person.rich_prelast_names + person.rich_last_names
    return " ".join(map(str, parts)).split(",")[0]


def setup(app) -> dict[str, bool]:
    """Register with pybtex, and so with Sphinx."""
    register_plugin("pybtex.style.formatting", "author_and_year", AuthorAndYearStyle)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
