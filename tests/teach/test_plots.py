"""Pictures: one look, a text for each, colors that differ also in gray and to everybody."""

import base64
import itertools
import json
from html import unescape

import matplotlib
import matplotlib.style
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from course.teach import plots
from course.think.evaluation import Score
from tests.project import ROOT

SCORES = {
    "plain": {"cups": Score(3, 10), "sums": Score(0, 10)},
    "forced": {"cups": Score(10, 10), "sums": Score(9, 10)},
}
SHEET = ROOT / "course" / "teach" / "course.mplstyle"
# How people without red, green or blue cones see linear RGB (Vienot et al. 1999 and Brettel's simplification for blue).
SEEN = {
    "no red": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "no green": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    "everything": np.eye(3).tolist(),
}


@pytest.fixture(scope="module")
def picture():
    return plots.compare(SCORES, {"cups": 0.2, "sums": 0.05})


def sheet():
    return matplotlib.rc_params_from_file(SHEET, use_default_template=True)


def linear(color):
    return np.array([c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)])


def contrast(one, other):
    """WCAG 2.2: (lighter + .05) / (darker + .05)."""
    bright, dark = sorted((linear(color) @ [0.2126, 0.7152, 0.0722] + 0.05 for color in (one, other)), reverse=True)
    return bright / dark


def test_a_picture_is_a_png_with_a_text_that_has_every_number(picture, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *things, **how: shown.append((*things, how)))
    picture._ipython_display_()
    (data, how), (words, _) = shown
    metadata = how["metadata"]
    assert how["raw"] and picture.alt in unescape(words.data)
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == data["text/plain"] == str(picture)
    assert all(number in picture.alt for number in ("0.30 [0.11, 0.60]", "1.00 [0.72, 1.00]", "0.05"))
    json.dumps(data)


def test_the_background_is_clear(picture, tmp_path):
    (tmp_path / "picture.png").write_bytes(picture.png)
    pixels = imread(tmp_path / "picture.png")
    assert pixels.shape[2] == 4 and pixels[0, 0, 3] == 0 and (pixels[..., 3] > 0).mean() < 0.2


@pytest.mark.parametrize("page", ["#ffffff", "#121212"])
def test_text_reads_on_white_and_on_black(page):
    assert contrast(sheet()["text.color"], page) >= 4.2


@pytest.mark.parametrize("eyes", SEEN)
def test_the_first_two_colors_differ_to_everybody(eyes):
    one, other = sheet()["axes.prop_cycle"].by_key()["color"][:2]
    assert np.abs(np.array(SEEN[eyes]) @ (linear(one) - linear(other))).max() > 0.1


def test_series_differ_by_marker_too():
    colors = sheet()["axes.prop_cycle"].by_key()["color"]
    assert len(set(plots.MARKERS)) == len(plots.MARKERS) >= len(colors)
    assert all(one != other for one, other in itertools.combinations(colors, 2))


def test_a_picture_without_a_text_or_with_a_gap_is_an_error():
    with pytest.raises(ValueError, match="needs a text"):
        plots.picture(plots.new_figure()[0], " ")
    with pytest.raises(ValueError, match="plain, forced must have a score for each of cups, letters"):
        plots.compare(SCORES, {"cups": 0.2, "letters": 0.2})
