"""The tour of reasoning models: the systems that the article names, from `tour.yml`."""

from dataclasses import dataclass, field

from book.chapters import link, named
from book.records import cited, listed


@dataclass(frozen=True)
class Correction:
    """What is often written, and what the source says. `errata` are the numbers of our list of them."""

    written: str
    says: str
    errata: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class System:
    """A system: who made it, what is published, how it came to reason, and the chapters where that runs."""

    name: str
    maker: str
    published: str
    sources: tuple[str, ...]  # keys of references.bib
    technique: str
    chapters: tuple[str, ...]  # their nouns
    corrections: tuple[Correction, ...] = field(default=())


def every() -> list[System]:
    """All systems, in the order of the tour."""
    told = listed("tour")
    return [
        System(**{**_tuples(one), "corrections": tuple(Correction(**_tuples(two)) for two in one["corrections"])})
        if "corrections" in one
        else System(**_tuples(one))
        for one in told
    ]


def _tuples(told: dict) -> dict:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


def systems() -> str:
    """Every system under a heading of its own."""
    return "\n".join(map(section, every()))


def section(system: System) -> str:
    """One system: published, technique, chapters, corrections."""
    entries = {
        "Published": cited(system.published, system.sources),
        "How it came to reason": cited(system.technique, ()),
        "Where it runs here": ", ".join(link(named(name)) for name in system.chapters),
    }
    if system.corrections:
        entries["Often written, and what the source says"] = "\n  ".join(map(_correction, system.corrections))
    body = "\n\n".join(f"{name}\n: {text}" for name, text in entries.items())
    return f"## {system.name}\n\n*{system.maker}*\n\n{body}\n"


def _correction(one: Correction) -> str:
    return f"- *{' '.join(one.written.split())}* {cited(one.says, one.sources)}"
