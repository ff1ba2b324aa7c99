"""The claims ledger: what the article claims, what is published, what we measured, and how it ended.

The claims stand in `claims.yml`. Nothing of ours is typed there: figures, intervals and verdicts come from the records
of the experiments that a claim names.
"""

from dataclasses import dataclass, field

from book.chapters import capital, link
from book.records import cited, listed, look_up, record, with_interval
from course.contents import CHAPTERS, Chapter

HOLDS, FAILS, UNSURE, UNTESTED = "holds", "does not hold", "can't tell", "not yet tested"
VERDICTS = {HOLDS: "✓", FAILS: "✗", UNSURE: "?", UNTESTED: "○"}  # each with its sign


@dataclass(frozen=True)
class Evidence:
    """An experiment that tests a claim: which comparisons and figures of its record to show, and where it is told."""

    experiment: str
    comparisons: tuple[str, ...] = ()
    figures: tuple[tuple[str, ...], ...] = ()  # names, one inside the other
    heading: str = ""  # of the chapter's notebook
    decides: str = ""  # the comparison that the verdict hangs on


@dataclass(frozen=True)
class Claim:
    """A claim in our words, with what is published about it."""

    id: str
    claim: str
    published: str
    chapter: str
    tests: tuple[Evidence, ...] = ()
    note: str = ""  # what a reader should know beside the figures
    sources: tuple[str, ...] = field(default=())  # keys of references.bib

    @property
    def verdict(self) -> str:
        """How it ended: that of its tests if they agree, and `does not hold` if one fails."""
        ends = [_verdict(self.id, test) for test in self.tests]
        return next((end for end in (FAILS, UNSURE, HOLDS) if end in ends), UNTESTED)


def claims() -> list[Claim]:
    """All claims, in the order of their ids."""
    told = listed("claims")
    return [_claim(one) for one in told]


def _claim(told: dict) -> Claim:
    tests = [
        Evidence(**{**test, "comparisons": tuple(test.get("comparisons", ())), "figures": _paths(test)})
        for test in told.get("tests", ())
    ]
    return Claim(**{**told, "tests": tuple(tests), "sources": tuple(told.get("sources", ()))})


def _paths(test: dict) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(str, path)) for path in test.get("figures", ()))


def _verdict(claim: str, test: Evidence) -> str:
    found = record(test.experiment)
    if found.get("claims", {}).get(claim, found["holds"]):
        return HOLDS
    unsure = test.decides and found["comparisons"][test.decides]["verdict"] == UNSURE
    return UNSURE if unsure else FAILS


def ledger() -> str:
    """Every claim as a card, chapter by chapter."""
    lines = []
    for chapter in CHAPTERS:
        here = [one for one in claims() if one.chapter == chapter.name]
        if here:
            lines += [f"## Chapter {chapter.short_number}: {chapter.question}\n"]
            lines += [card(one, chapter) for one in here]
    return "\n".join(lines)


def card(claim: Claim, chapter: Chapter) -> str:
    """One claim: the verdict, what is published, what we found, and where."""
    entries = {"Published": cited(claim.published, claim.sources)}
    if claim.tests:
        entries["Ours"] = "\n".join(f"- {line}" for test in claim.tests for line in _findings(test))
    if claim.note:
        entries["Note"] = claim.note.strip()
    entries["Where"] = "\n".join(_place(test, chapter) for test in claim.tests) or _planned(chapter)
    body = "\n\n".join(f"{name}\n: {_indented(text)}" for name, text in entries.items())
    head = f"(claim-{claim.id.lower()})=\n:::{{card}} {claim.id}. {' '.join(claim.claim.split())}"
    verdict = claim.verdict
    return f"{head}\n\n{VERDICTS[verdict]} **{capital(verdict)}**\n\n{body}\n\n:::\n"


def _findings(test: Evidence) -> list[str]:
    found = record(test.experiment)
    unit = "seeds" if "seeds" in found else "problems"
    lines = []
    for name in test.comparisons:
        one = found["comparisons"][name]
        lines.append(f"*{name}*: {with_interval(one['difference'], *one['interval'], signed=True)}, "
                     f"{one['n']} {unit}, {one['verdict']}")  # fmt: skip
    for path in test.figures:
        one = look_up(found["figures"], path)
        shown = f"{one:.2f}" if isinstance(one, float) else with_interval(one["mean"], *one["interval"])
        lines.append(f"*{', '.join(path)}*: {shown}" + (f", {one['n']} {unit}" if isinstance(one, dict) else ""))
    return lines


def _place(test: Evidence, chapter: Chapter) -> str:
    """Where a test is told, and what to type to run it again."""
    return f"- {capital(link(chapter, test.heading))}: `{record(test.experiment)['command']}`"


def _planned(chapter: Chapter) -> str:
    return capital(link(chapter)) + (", which has no experiment on it yet" if chapter.finished else "")


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def tally() -> str:
    """How many claims ended how, and which."""
    ends = {verdict: [one.id for one in claims() if one.verdict == verdict] for verdict in VERDICTS}
    rows = [
        f"| {VERDICTS[verdict]} {verdict} | {len(ids)} | {', '.join(f'[{one}](#claim-{one.lower()})' for one in ids)} |"
        for verdict, ids in ends.items()
    ]
    return "\n".join(["| verdict | claims | which |", "|---|---|---|", *rows, ""])
