"""The rooms of the library, as the code has them: what each is for, and which imports from which. Draws the plan.

`python -m book.rooms` writes `drawings/rooms.svg`; a test holds that it is up to date.
"""

import ast
from pathlib import Path

BOOK = Path(__file__).resolve().parent
COURSE = BOOK.parent / "course"
ORDER = ("world", "model", "think", "learn", "experiments", "teach", "chapters")  # in which a reader meets them
WHAT = {
    "world": "the questions, and who is right",
    "model": "the network, and sampling",
    "think": "using a model: prompts, scores",
    "learn": "changing a model: reward, traces",
    "experiments": "the laboratory and its records",
    "teach": "the classroom: plots, exams",
    "chapters": "what belongs to one chapter",
}
WIDTH, ROW, LEFT, BOX = 720, 84, 12, 430  # of the drawing, of a row, where boxes begin, of a box
INK, PAPER, TINT, ARROW = "#1a1a1a", "#ffffff", "#dcebf7", "#0b5394"


def imports() -> dict[str, set[str]]:
    """For each room, the other rooms that its modules import from, read from the code."""
    return {room: _imported(room) - {room} for room in ORDER}


def _imported(room: str) -> set[str]:
    found = set()
    for path in sorted((COURSE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course."):
                found.add(node.module.split(".")[1])
    return found & set(ORDER)


def places() -> str:
    """The rooms, what is in them, and what each imports from."""
    uses = imports()
    entries = [
        f"`course/{room}`\n: {WHAT[room][0].upper()}{WHAT[room][1:]}. Imports from: "
        f"{', '.join(one for one in ORDER if one in uses[room]) or 'no other room'}."
        for room in ORDER
    ]
    return "\n\n".join(entries) + "\n"


def drawing() -> str:
    """The plan as SVG: a row for each room, and for each import an arrow up to the room that it is from."""
    rows = {room: place for place, room in enumerate(ORDER)}
    arrows = [(rows[room], rows[other]) for room, others in imports().items() for other in others]
    boxes = "".join(_box(room, place) for room, place in rows.items())
    lanes = "".join(_arrow(start, end) for start, end in sorted(arrows))
    height = ROW * len(ORDER) + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" fill="{INK}">\n<title>The rooms of the library</title>\n'
        f'<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0L10 5L0 10z" fill="{ARROW}"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="{PAPER}"/>\n{boxes}{lanes}</svg>\n'
    )


def _box(room: str, place: int) -> str:
    top = 12 + ROW * place
    return (
        f'<g id="{room}"><rect x="{LEFT}" y="{top}" width="{BOX}" height="{ROW - 14}" rx="8" fill="{TINT}" '
        f'stroke="{INK}"/><text x="{LEFT + 14}" y="{top + 28}" font-size="26" font-weight="bold">{room}</text>'
        f'<text x="{LEFT + 14}" y="{top + 57}" font-size="23">{WHAT[room]}</text></g>\n'
    )


def _arrow(start: int, end: int) -> str:
    """From a room up to one above it, in the lane of the latter; a dot where it joins the lane."""
    inside, lane = LEFT + BOX, LEFT + BOX + 38 * (end + 1)
    leave, reach = 12 + ROW * start + 48, 12 + ROW * end + 22
    return (
        f'<path id="{ORDER[start]}-{ORDER[end]}" d="M{inside} {leave}H{lane}V{reach}H{inside + 3}" fill="none" '
        f'stroke="{ARROW}" stroke-width="2" marker-end="url(#tip)"/><circle cx="{lane}" cy="{leave}" r="5" '
        f'fill="{ARROW}"/>\n'
    )


def main() -> None:
    """Write the drawing."""
    (BOOK / "drawings" / "rooms.svg").write_text(drawing(), encoding="utf-8")


if __name__ == "__main__":
    main()
