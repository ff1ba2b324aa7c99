"""Drawings of the site: up to date, legible on a phone, described in words; and the plan of rooms is the code's."""

import ast
import re

import pytest

from book import pictures, rooms
from tests.project import ROOT, read
from tests.project.test_layering import ORDER

DRAWINGS = ROOT / "book" / "drawings"
PHONE = 350  # pixels for a picture on a screen 390 wide
MADE = {name: pictures.drawing(name) for name in pictures.PICTURES} | {"rooms": rooms.drawing()}
by_name = pytest.mark.parametrize("name", sorted(MADE))


@by_name
def test_the_committed_drawing_is_what_the_script_draws(name):
    assert (DRAWINGS / f"{name}.svg").read_text(encoding="utf-8") == MADE[name]


def test_every_drawing_is_made_by_a_script():
    assert {path.stem for path in DRAWINGS.iterdir()} == set(MADE)


@by_name
def test_letters_are_at_least_eleven_pixels_high_on_a_phone(name):
    width = float(re.search(r'viewBox="0 0 (\d+) ', MADE[name])[1])
    sizes = [float(size) for size in re.findall(r'font-size="(\d+)"', MADE[name])]
    assert min(sizes) * PHONE / width >= 11


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it, of a color such as #1a1a1a."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("area", [pictures.PAPER, pictures.BLUE, pictures.ORANGE, rooms.TINT])
@pytest.mark.parametrize("ink", [pictures.INK, pictures.GREEN, pictures.RED])
def test_letters_and_signs_stand_out_from_what_they_are_on(ink, area):
    light, dark = sorted((luminance(area), luminance(ink)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


@by_name
def test_a_drawing_has_its_own_paper_and_loads_nothing(name):
    assert re.search(r'<rect width="\d+" height="\d+" rx="\d+" fill="#ffffff"/>', MADE[name])
    assert not re.search(r"href|url\((?!#)|<script|<image", MADE[name])


@pytest.mark.parametrize("page", ["twelve", "architecture"])
def test_every_picture_on_a_page_is_there_and_said_in_words(page):
    shown = re.findall(r"!\[([^]]*)\]\(drawings/(\w+)\.svg\)", read(f"book/{page}.md"))
    assert {name for _, name in shown} == (set(pictures.PICTURES) if page == "twelve" else {"rooms"})
    assert all(len(words) >= 80 for words, _ in shown)


def imports_between_rooms():
    """Which room imports from which, counted here anew from every statement and import in a function."""
    found = set()
    for path in (ROOT / "course").glob("*/**/*.py"):
        room = path.relative_to(ROOT / "course").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found |= {(room, name.split(".")[1]) for name in names if name.startswith("course.")}
    return {(one, other) for one, other in found if one != other and {one, other} <= set(rooms.ORDER)}


def test_the_plan_has_every_room_and_every_import_and_arrows_go_one_way():
    folders = {path.name for path in (ROOT / "course").iterdir() if (path / "__init__.py").exists()}
    assert "`course/serve`" in read("book/architecture.md"), "a front door of several files, and no room"
    assert set(rooms.ORDER) == folders - {"serve"} == set(re.findall(r'<g id="(\w+)">', MADE["rooms"]))
    arrows = {tuple(name.split("-")) for name in re.findall(r'<path id="([a-z]+-[a-z]+)"', MADE["rooms"])}
    assert arrows == imports_between_rooms()
    assert list(rooms.ORDER) == [room for room in ORDER if room in rooms.ORDER]
    assert all(rooms.ORDER.index(one) > rooms.ORDER.index(other) for one, other in arrows)


def test_the_places_that_the_architecture_page_names_exist():
    places = re.findall(r"`((?:course|results|notebooks|book)[\w/.]*)`", read("book/architecture.md"))
    fixed = [place for place in places if "NAME" not in place]
    assert len(fixed) >= 15 and [place for place in fixed if not (ROOT / place).exists()] == []
