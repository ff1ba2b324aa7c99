"""The pictures of "Explained for a twelve-year-old", drawn as SVG: `python -m book.pictures` writes them to `drawings`.

Each has its own paper, so that it looks the same on a light and on a dark page. What is right and wrong is said by
signs as well as by colors, and the smallest letters stay legible on a phone.
"""

from html import escape
from pathlib import Path

DRAWINGS = Path(__file__).resolve().parent / "drawings"
INK, PAPER = "#1a1a1a", "#ffffff"
BLUE, ORANGE, GREEN, RED = "#cfe5f5", "#fbe3b0", "#00714f", "#8f3000"  # two for areas, two for signs
WIDTH, HEIGHT = 640, 360
SMALL, LARGE = 26, 36  # letters


def words(x: float, y: float, text: str, size: int = SMALL, anchor: str = "middle", weight: str = "normal") -> str:
    """A line of text whose baseline is at y."""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
    )


def box(x: float, y: float, width: float, height: float, fill: str = PAPER, line: float = 3) -> str:
    """A rectangle with round corners."""
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="12" fill="{fill}" stroke="{INK}" '
        f'stroke-width="{line}"/>'
    )


def robot(x: float, y: float, size: float = 110, fill: str = BLUE) -> str:
    """A face whose upper left corner is at (x, y)."""
    eye, middle = size * 0.09, x + size / 2
    return (
        f'<line x1="{middle}" y1="{y}" x2="{middle}" y2="{y - size * 0.2}" stroke="{INK}" stroke-width="3"/>'
        f'<circle cx="{middle}" cy="{y - size * 0.24}" r="{size * 0.06}" fill="{INK}"/>'
        + box(x, y, size, size * 0.85, fill)
        + f'<circle cx="{x + size * 0.3}" cy="{y + size * 0.33}" r="{eye}" fill="{INK}"/>'
        f'<circle cx="{x + size * 0.7}" cy="{y + size * 0.33}" r="{eye}" fill="{INK}"/>'
        f'<path d="M{x + size * 0.3} {y + size * 0.6}Q{middle} {y + size * 0.72} {x + size * 0.7} {y + size * 0.6}" '
        f'fill="none" stroke="{INK}" stroke-width="3"/>'
    )


def arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """An arrow from one point to another."""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{INK}" stroke-width="4" marker-end="url(#tip)"/>'


def right(x: float, y: float) -> str:
    """A check mark around a point."""
    return f'<path d="M{x - 18} {y}l13 15 24-32" fill="none" stroke="{GREEN}" stroke-width="8"/>'


def wrong(x: float, y: float) -> str:
    """A cross around a point."""
    return f'<path d="M{x - 14} {y - 14}l28 28M{x + 14} {y - 14}l-28 28" fill="none" stroke="{RED}" stroke-width="8"/>'


def star(x: float, y: float) -> str:
    """A star around a point."""
    return (
        f'<path d="M{x} {y - 20}l6 13 14 2-10 10 2 14-12-7-12 7 2-14-10-10 14-2z" fill="#e69f00" stroke="{INK}" '
        f'stroke-width="2"/>'
    )


def guess() -> str:
    """A question, and an answer out of nowhere."""
    return (
        box(20, 24, 600, 60, ORANGE)
        + words(320, 64, "How many r's are in strawberry?", 30)
        + robot(90, 170, 140)
        + arrow(245, 225, 330, 225)
        + box(350, 175, 150, 100)
        + words(425, 240, "2!", 48, weight="bold")
        + wrong(560, 225)
    )


def think() -> str:
    """The same question, worked out line by line."""
    lines = ("s t r", "a w b e r", "r", "y")
    counts = ("one", "two", "three", "still three")
    notes = "".join(
        words(262, 128 + 44 * n, line, anchor="start") + words(400, 128 + 44 * n, count, anchor="start", weight="bold")
        for n, (line, count) in enumerate(zip(lines, counts, strict=True))
    )
    return (
        box(20, 12, 600, 56, ORANGE)
        + words(320, 50, "How many r's are in strawberry?", 30)
        + robot(50, 150, 140)
        + box(235, 82, 330, 194)
        + notes
        + words(262, 330, "Answer:", 32, anchor="start")
        + words(428, 332, "3", 44, weight="bold")
        + right(490, 318)
    )


def vote() -> str:
    """Five replies, and the answer that most of them give."""
    faces = "".join(
        robot(22 + 122 * n, 44, 90) + box(38 + 122 * n, 138, 60, 54) + words(68 + 122 * n, 177, answer, 34)
        for n, answer in enumerate("33234")
    )
    return (
        faces
        + arrow(312, 204, 312, 252)
        + words(60, 308, "Most say:", 32, anchor="start")
        + box(270, 260, 84, 76, ORANGE)
        + words(312, 314, "3", 46, weight="bold")
        + right(410, 298)
    )


def experts() -> str:
    """Eight experts, of which two have work."""
    faces = ""
    for n in range(8):
        faces += robot(230 + 100 * (n % 4), 44 if n < 4 else 216, 76, BLUE if n in (1, 6) else "#f2f2f2")
    return (
        box(20, 122, 110, 76, ORANGE)
        + words(75, 170, "3 + 4", 32)
        + f'<path d="M136 160H468" fill="none" stroke="{INK}" stroke-width="4"/>'
        + arrow(368, 160, 368, 118)
        + arrow(468, 160, 468, 192)
        + faces
        + words(320, 332, "Two do the work, six have a rest.", 30, weight="bold")
    )


def reward() -> str:
    """Four tries, a star for the right ones, and the next time more of those."""
    tries = "".join(
        box(30, 20 + 62 * n, 330, 50)
        + words(46, 54 + 62 * n, text, anchor="start")
        + (star(396, 46 + 62 * n) if good else wrong(396, 45 + 62 * n))
        for n, (text, good) in enumerate(
            (("It is 2.", False), ("s 0, t 0, r 1 ... 3.", True), ("It is 7.", False), ("r, then rr: 3.", True))
        )
    )
    return (
        tries
        + robot(480, 90, 120)
        + arrow(420, 150, 466, 150)
        + words(320, 310, "Next time: more of what got a star.", 30, weight="bold")
    )


def teacher() -> str:
    """A large robot writes its working down, and a small one copies it."""
    page = "".join(
        words(294, 104 + 40 * n, line) for n, line in enumerate(("s t r  1", "a w b e r  2", "r  3", "y  3"))
    )
    return (
        robot(24, 80, 170)
        + box(206, 60, 176, 186)
        + page
        + arrow(394, 155, 458, 155)
        + robot(480, 130, 90, ORANGE)
        + words(109, 280, "teacher", 30)
        + words(292, 290, "its working", 30)
        + words(525, 260, "student", 30)
        + words(320, 340, "Small, and still right most of the time.", 28, weight="bold")
    )


PICTURES = {"guess": guess, "think": think, "vote": vote, "experts": experts, "reward": reward, "teacher": teacher}


def drawing(name: str) -> str:
    """One picture as SVG."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" fill="{INK}">\n<title>{name}</title>\n'
        f'<defs><marker id="tip" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="5" markerHeight="5" orient="auto">'
        f'<path d="M0 0L10 5L0 10z" fill="{INK}"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="16" fill="{PAPER}"/>\n{PICTURES[name]()}\n</svg>\n'
    )


def main() -> None:
    """Write every picture."""
    for name in PICTURES:
        (DRAWINGS / f"{name}.svg").write_text(drawing(name), encoding="utf-8")


if __name__ == "__main__":
    main()
