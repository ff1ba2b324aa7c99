"""The site: built from the committed notebooks warnings being errors, whole without a network."""

import base64
import html
import io
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from PIL import Image

from book.notebooks import check_alternative_texts
from tests.notebooks import NOTEBOOKS
from tests.project import ROOT

pytestmark = pytest.mark.slow
ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|source|link)\b[^>]*\b(?:src|href)=["'](?:https?:)?//[^"']+["'][^>]*>"""
)
NAMING = re.compile(r'rel="(?:canonical|license|author|prev|next|search|index)"')


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
    pictures = re.findall(r"<img [^>]*src=\"_images/[^>\"]*\.png[^>]*>", page)
    assert pictures and all(re.search(r'alt="[^"]{40,}"', picture) for picture in pictures)


def texts_of_pictures(page: Path) -> list[str]:
    """What a reader hears in place of each picture of a page of the site, in order."""
    pictures = re.findall(r'<img [^>]*src="_images/[^">]*\.png[^>]*>', page.read_text(encoding="utf-8"))
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
def test_each_of_three_pictures_of_a_cell_has_its_own_text(site, tmp_path):
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
