"""The whole built site in a real browser: every page, on a phone and on a desk, light and dark."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect, sync_playwright

from tests.chrome import FLAGS, HERE
from tests.project import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AXE = ROOT / "book" / "node_modules" / "axe-core" / "axe.min.js"
MODEL = "/_static/models/"  # where the weights lie that a page may load
HEAVIEST, HEAVIEST_WITH_MODEL = 3_000_000, 6_000_000  # bytes of a page with all that it loads
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNFOLD = "document.querySelectorAll('details').forEach(each => each.open = true)"
VIOLATIONS = """async (only) => (await axe.run(document, {resultTypes: ['violations'], ...only})).violations
  .filter(found => ['serious', 'critical'].includes(found.impact))
  .flatMap(found => found.nodes.map(node => `${found.id}: ${node.html.slice(0, 200)}`))"""
COLORS = {"runOnly": ["color-contrast", "link-in-text-block"]}  # whose findings can change with the color mode
CODE = """() => [...document.querySelectorAll('div.highlight pre')]
  .filter(pre => !pre.closest('.output.text_plain, .output.stream'))  // what a cell prints is prose and may wrap
  .map(pre => {
    const style = getComputedStyle(pre), lines = pre.textContent.replace(/\\n$/, '').split('\\n');
    const inside = pre.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    return {
      longest: lines.reduce((one, other) => one.length > other.length ? one : other),
      wraps: Math.round(inside / parseFloat(style.lineHeight)) > lines.length,
      fits: pre.closest('.cell_output') !== null || pre.scrollWidth <= pre.clientWidth,
    };
  })"""
VIEWS = [(390, "light"), (390, "dark"), (1280, "dark"), (1280, "light")]
PATIENCE = 180_000  # ms; two cores may have other things to do
BLOCKS = 100  # of code, at least, on all pages together


@dataclass
class Look:
    """A page at one width in one color mode."""

    theme: str
    too_wide: int  # pixels that the page can be moved sideways
    code: list[dict]
    violations: list[str]


@dataclass
class Visit:
    """What was seen of one page."""

    outside: list[str] = field(default_factory=list)  # addresses elsewhere that it asked for
    missing: list[str] = field(default_factory=list)  # what it asked for and did not get
    errors: list[str] = field(default_factory=list)  # on the console
    loaded: set[str] = field(default_factory=set)  # paths
    looks: dict[tuple[int, str], Look] = field(default_factory=dict)


@pytest.fixture(scope="module")
def visits(chrome, site, address) -> dict[str, Visit]:
    """Every page of the site, by its name."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chrome, args=FLAGS)
        context = browser.new_context()
        context.set_default_timeout(PATIENCE)
        found = {path.name: visit(context, f"{address}/{path.name}") for path in sorted(site.glob("*.html"))}
        browser.close()
    return found


def visit(context: BrowserContext, address: str) -> Visit:
    """Open a page, unfold what is folded, and look at it in every view."""
    seen, page = Visit(), context.new_page()
    page.route("**/*", lambda route: let_through(route, seen))
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("response", lambda answer: seen.missing.append(answer.url) if answer.status >= 400 else None)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.evaluate(UNFOLD)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for width, theme in VIEWS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(500)  # the theme waits 300 ms before it looks at what has changed
        seen.looks[width, theme] = look(page, COLORS if theme == "dark" else {})
    page.close()
    return seen


def let_through(route: Route, seen: Visit) -> None:
    """Let a request go on if it stays on this machine."""
    if not HERE.match(route.request.url):
        seen.outside.append(route.request.url)
        return route.abort()
    seen.loaded.add(unquote(urlparse(route.request.url).path))
    return route.continue_()


def look(page: Page, rules: dict) -> Look:
    """What can be seen of a page as it is now."""
    theme = page.evaluate("document.documentElement.dataset.theme")
    return Look(theme, page.evaluate(WIDE), page.evaluate(CODE), page.evaluate(VIOLATIONS, rules))


def found_in(visits: dict[str, Visit], what: Callable[[Look], object]) -> dict:
    """What of each page, at each width and in each color mode, there is something of."""
    looks = {(name, *view): one for name, visit in visits.items() for view, one in visit.looks.items()}
    return {where: found for where, one in looks.items() if (found := what(one))}


def test_pages_load_all_they_ask_for_from_this_machine_alone(visits):
    assert {name: bad for name, one in visits.items() if (bad := one.outside + one.missing)} == {}


def test_no_page_says_an_error_on_the_console(visits):
    assert {name: one.errors for name, one in visits.items() if one.errors} == {}


def test_pages_come_in_the_color_mode_of_the_reader_s_system(visits):
    assert all(one.theme == theme for visit in visits.values() for (_, theme), one in visit.looks.items())


def test_no_page_moves_sideways(visits):
    assert found_in(visits, lambda one: one.too_wide) == {}


def test_axe_finds_nothing_serious(visits):
    assert found_in(visits, lambda one: one.violations) == {}


def test_no_line_of_code_wraps(visits):
    assert sum(len(visit.looks[1280, "light"].code) for visit in visits.values()) > BLOCKS
    assert found_in(visits, lambda one: [block["longest"] for block in one.code if block["wraps"]]) == {}


def test_on_a_desk_every_cell_fits_its_column(visits):
    tight = found_in(visits, lambda one: [block["longest"] for block in one.code if not block["fits"]])
    assert {where: lines for where, lines in tight.items() if where[1] == 1280} == {}


def test_a_page_weighs_at_most_three_megabytes_or_six_with_a_model(visits, site):
    weights = {name: weight(one.loaded, site) for name, one in visits.items()}
    limits = {
        name: HEAVIEST_WITH_MODEL if any(MODEL in path for path in one.loaded) else HEAVIEST
        for name, one in visits.items()
    }
    assert {name: bytes_ for name, bytes_ in weights.items() if bytes_ > limits[name]} == {}
    assert min(weights.values()) > 300_000, "the style sheets count"


def weight(paths: set[str], site: Path) -> int:
    """Bytes of these files, each once, as this server sends them: not compressed."""
    return sum((site / path.lstrip("/")).stat().st_size for path in paths)


def test_the_search_finds_a_word_of_the_chapters(address, browser):
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/index.html")
    page.keyboard.press("Control+k")
    page.locator("#pst-search-dialog input[type=search]").fill("advantage")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"search\.html\?q=advantage"), timeout=PATIENCE)
    results = page.locator("#search-results .search li")
    expect(results.first).to_be_visible(timeout=PATIENCE)
    expect(results.filter(has_text="6 GRPO: can reward alone teach thinking?").first).to_be_visible(timeout=PATIENCE)
    assert browser.went_outside == []


def test_whoever_moves_by_keyboard_can_skip_the_sidebar_and_sees_where_they_are(address, browser):
    page = browser.new_page()
    page.goto(f"{address}/06_grpo.html")
    page.keyboard.press("Tab")
    assert focused(page, "textContent").strip() == "Skip to main content"
    assert focused(page, "outlineStyle") == "solid" and focused(page, "outlineWidth") == "3px"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")


def focused(page: Page, what: str) -> str:
    """A property of the element that has the focus, or of its style."""
    return page.evaluate(f"({{...getComputedStyle(document.activeElement)}}).{what} ?? document.activeElement.{what}")


PICTURES = """() => {
  const style = name => getComputedStyle(document.querySelector(name));
  return {
    output: style('.cell_output .text_html').backgroundColor,
    words: style('.cell_output .text_html').color,
    page: style('p').color,
    picture: style('.cell_output img').backgroundColor,
    filter: style('.cell_output img').filter,
  };
}"""


def test_in_the_dark_outputs_and_pictures_have_the_page_s_colors(address, browser):
    page = browser.new_page()
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}/00_start.html")
    found = page.evaluate(PICTURES)
    assert found["output"] == found["picture"] == "rgba(0, 0, 0, 0)"
    assert found["words"] == found["page"]
    assert found["filter"] == "brightness(1.25)"


def test_on_paper_a_page_is_light_and_without_what_one_would_press(address, browser):
    page = browser.new_page()
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(f"{address}/index.html")
    expect(page.locator("p.actions")).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_formulas_are_pictures_with_words_for_whoever_listens(address, browser):
    page = browser.new_page()
    page.goto(f"{address}/06_grpo.html")
    formulas = page.locator(".math mjx-container")
    assert formulas.count() > 20
    assert page.locator(".math mjx-container > svg[aria-hidden=true]").count() == formulas.count()
    assert page.locator(".math mjx-assistive-mml > math").count() == formulas.count()
    assert page.locator(".math mjx-container[display] > svg").first.bounding_box()["height"] > 15
