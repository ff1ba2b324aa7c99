"""The site: built from the committed notebooks warnings being errors, whole without a network."""

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from tests.notebooks import NOTEBOOKS
from tests.project import ROOT

pytestmark = pytest.mark.slow
SITE = ROOT / "book" / "_build" / "html"
ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|source|link)\b[^>]*\b(?:src|href)=["'](?:https?:)?//[^"']+["'][^>]*>"""
)
NAMING = re.compile(r'rel="(?:canonical|license|author|prev|next|search|index)"')


@pytest.fixture(scope="module")
def site() -> Path:
    done = subprocess.run([sys.executable, "-m", "book.build"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return SITE


@pytest.mark.xdist_group("browser")
def test_every_page_and_notebook_is_there(site):
    names = {Path(entry["file"]).stem for entry in contents()}
    assert names <= {page.stem for page in site.glob("*.html")}
    assert {path.stem for path in NOTEBOOKS} <= names


def contents():
    return yaml.safe_load((ROOT / "myst.yml").read_text(encoding="utf-8"))["project"]["toc"]


@pytest.mark.xdist_group("browser")
def test_pages_come_in_the_order_of_myst_yml(site):
    order = [Path(entry["file"]).stem for entry in contents()]
    for this, following in zip(order, order[1:]):
        page = (site / f"{this}.html").read_text(encoding="utf-8")
        assert f'<a class="right-next"\n       href="{following}.html"' in page


@pytest.mark.xdist_group("browser")
def test_no_page_loads_anything_from_elsewhere(site):
    for page in site.glob("*.html"):
        loads = [tag for tag in ELSEWHERE.findall(page.read_text(encoding="utf-8")) if not NAMING.search(tag)]
        assert loads == [], page.name


@pytest.mark.xdist_group("browser")
def test_pictures_and_predictions_arrive(site):
    page = (site / "00_start.html").read_text(encoding="utf-8")
    assert "admonition-title" in page and "Predict" in page
    pictures = re.findall(r"<img [^>]*src=\"_images[^>]*>", page)
    assert pictures and all(re.search(r'alt="[^"]{40,}"', picture) for picture in pictures)


@pytest.fixture
def expert_load(site):
    """The site's address on this machine."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(quiet, directory=os.fspath(site))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.browser
def test_every_page_opens_in_a_browser_without_an_error(expert_load, browser):
    for entry in contents():
        page, errors = browser.new_page(), []
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        page.goto(f"{served}/{Path(entry['file']).stem}.html")
        page.wait_for_load_state("networkidle")
        assert page.locator("h1").first.inner_text()
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (errors, wide) == ([], 0), entry
    assert browser.went_outside == []


DARK = """() => {
  document.documentElement.dataset.theme = document.documentElement.dataset.mode = 'dark';
  const style = name => getComputedStyle(document.querySelector(name));
  return {
    output: style('.cell_output .text_html').backgroundColor,
    words: style('.cell_output .text_html').color,
    page: style('p').color,
    picture: style('.cell_output img').backgroundColor,
    filter: style('.cell_output img').filter,
  };
}"""


@pytest.mark.browser
def test_in_the_dark_outputs_and_pictures_have_the_page_s_colors(expert_load, browser):
    page = browser.new_page()
    page.goto(f"{served}/00_start.html")
    found = page.evaluate(DARK)
    assert found["output"] == found["picture"] == "rgba(0, 0, 0, 0)"
    assert found["words"] == found["page"]
    assert found["filter"] == "brightness(1.25)"
