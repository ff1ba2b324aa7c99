"""Minutes in the instructor's guide: of each chapter, from the list of chapters, and of the plans in `plans.yml`."""

from book.chapters import link, named
from book.records import listed
from course.contents import CHAPTERS


def minutes() -> str:
    """Minutes of a machine and of a reader, by chapter."""
    rows = [f"| {link(one)} | {one.question} | {one.machine} | {one.learner} |" for one in CHAPTERS if one.finished]
    finished = [one for one in CHAPTERS if one.finished]
    together = f"| together | | {sum(one.machine for one in finished)} | {sum(one.learner for one in finished)} |"
    return "\n".join(["| chapter | the question | machine | reader |", "|---|---|---|---|", *rows, together, ""])


def plans() -> list[dict]:
    """The plans, each block with its minutes and its place."""
    told = listed("plans")
    for plan in told:
        for block in plan["blocks"]:
            if "chapter" in block:
                block.setdefault("minutes", named(block["chapter"]).learner)
                block["where"] = link(named(block["chapter"]))
    return told


def lengths() -> str:
    """The plans under headings of their own."""
    return "\n".join(map(_plan, plans()))


def _plan(plan: dict) -> str:
    rows = [f"| {one['minutes']} | {one['where']} | {' '.join(one['do'].split())} |" for one in plan["blocks"]]
    head = f"### {plan['name']}\n\nFor {plan['for']}: {plan['total']} minutes without breaks."
    return "\n".join([head, "", "| minutes | where | what |", "|---|---|---|", *rows, ""])
