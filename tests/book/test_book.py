"""The site: built from the committed notebooks warnings being errors, whole without a network."""

import base64
import functools
import html
import http.server
import io
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
import yaml
from PIL import Image

from book.build import check_alternative_texts
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
def test_formulas_are_typeset_when_the_site_is_built(site):
    page = (site / "01_reasoning.html").read_text(encoding="utf-8")
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in page
    assert "\\mathcal" not in page and "<script" in page and "MathJax" not in page


@pytest.mark.xdist_group("browser")
def test_pictures_and_predictions_arrive(site):
    page = (site / "00_start.html").read_text(encoding="utf-8")
    assert "admonition-title" in page and "Predict" in page
    pictures = re.findall(r"<img [^>]*src=\"_images[^>]*>", page)
    assert pictures and all(re.search(r'alt="[^"]{40,}"', picture) for picture in pictures)


def texts_of_pictures(page: Path) -> list[str]:
    """What a reader hears in place of each picture of a page of the site, in order."""
    pictures = re.findall(r'<img [^>]*src="_images[^>]*>', page.read_text(encoding="utf-8"))
    return [html.unescape(re.search(r'alt="([^"]*)"', picture).group(1)) for picture in pictures]


def with_pictures(*alts: str) -> nbformat.NotebookNode:
    """A notebook whose only code cell shows these pictures."""
    outputs = [
        nbformat.v4.new_output(
            "display_data", {"image/png": tiny_png(number)}, metadata={"image/png": {"alt": alt} if alt else {}}
        )
        for number, alt in enumerate(alts)
    ]
    cells = [nbformat.v4.new_markdown_cell("# Pictures"), nbformat.v4.new_code_cell("show()", outputs=outputs)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def tiny_png(shade: int) -> str:
    """A picture of one pixel, as a notebook keeps it."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1), shade).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


@pytest.mark.xdist_group("browser")
def test_each_of_three_pictures_of_a_cell_has_its_own_text(tmp_path):
    alts = ['the "first", in FLOPs', "the second, in seconds", "the third <of all>"]
    nbformat.write(with_pictures(*alts), tmp_path / "index.ipynb")
    sphinx = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "-c", str(ROOT / "book")]
    subprocess.run([*sphinx, str(tmp_path), str(tmp_path / "out")], check=True)
    assert texts_of_pictures(tmp_path / "out" / "index.html") == alts


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_picture_of_a_chapter_is_read_out_as_its_notebook_says(site, path):
    outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    alts = [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
    assert texts_of_pictures(site / f"{path.stem}.html") == alts


def test_a_picture_without_a_text_stops_the_site():
    check_alternative_texts(with_pictures("one", "two"))
    with pytest.raises(ValueError, match="no text"):
        check_alternative_texts(with_pictures("one", "", "three"))


@pytest.fixture
def address(site):
    """The site's address on this machine."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(quiet, directory=os.fspath(site))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.browser
def test_every_page_opens_in_a_browser_without_an_error(address, browser):
    for entry in contents():
        page, errors = browser.new_page(), []
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        page.goto(f"{address}/{Path(entry['file']).stem}.html")
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
def test_in_the_dark_outputs_and_pictures_have_the_page_s_colors(address, browser):
    page = browser.new_page()
    page.goto(f"{address}/00_start.html")
    found = page.evaluate(DARK)
    assert found["output"] == found["picture"] == "rgba(0, 0, 0, 0)"
    assert found["words"] == found["page"]
    assert found["filter"] == "brightness(1.25)"
