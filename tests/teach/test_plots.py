"""Pictures: one look, a text for each, colors that differ also in gray and to everybody."""

import base64
import io
import itertools
import json
from html import unescape

import matplotlib
import matplotlib.style
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from matplotlib.text import Text
from PIL import Image

from course.teach import pictures, plots
from course.think.evaluation import Score, estimate
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
def test_few_colors_make_a_small_file_and_nobody_sees_a_difference(page):
    figure, axes = pictures.new_figure()
    for number in range(5):
        axes.plot(np.linspace(0, 1, 50) ** number, alpha=0.4, label=f"series {number}")
    axes.legend()
    whole = io.BytesIO()
    figure.savefig(whole, format="png", transparent=True)
    few = pictures.with_few_colors(whole.getvalue())
    assert len(few) < 0.6 * len(whole.getvalue())

    def seen(png: bytes) -> np.ndarray:
        picture = Image.open(io.BytesIO(png)).convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", picture.size, page), picture)).astype(int)

    apart = np.abs(seen(few) - seen(whole.getvalue()))
    assert apart.max() < 60 and apart.mean() < 0.1


@pytest.mark.parametrize("page", ["#ffffff", "#121212"])
def test_text_reads_on_white_and_on_black(page):
    assert contrast(sheet()["text.color"], page) >= 4.2


@pytest.mark.parametrize("eyes", SEEN)
def test_the_first_two_colors_differ_to_everybody(eyes):
    one, other = sheet()["axes.prop_cycle"].by_key()["color"][:2]
    assert np.abs(np.array(SEEN[eyes]) @ (linear(one) - linear(other))).max() > 0.1


def test_series_are_told_apart_without_their_colors_and_one_too_many_is_an_error():
    for settings in ({}, {"lines": False}, {"markers": False}):
        styles = [pictures.series_style(number, **settings) for number in range(12)]
        shapes = {tuple(style.get(key) for key in ("marker", "markerfacecolor", "linestyle")) for style in styles}
        assert len(shapes) == 12, settings
        with pytest.raises(ValueError, match="tells 12 series apart"):
            pictures.series_style(12, **settings)


def test_there_is_a_color_for_each_of_the_first_six_series():
    colors = sheet()["axes.prop_cycle"].by_key()["color"]
    assert len(set(colors)) == len(colors) == pictures.COLORS


SERIES = {f"way {number}": {"cups": Score(number, 12), "sums": Score(12 - number, 12)} for number in range(13)}


@pytest.mark.parametrize("count", [7, 12])
def test_seven_series_and_twelve_are_drawn_and_said_and_stay_in_their_group(count, monkeypatch):
    figures = shown_by(monkeypatch)
    some = dict(list(SERIES.items())[:count])
    compared = plots.compare(some, {"cups": 0.2, "sums": 0.05})
    lines = plots.curves({"a": {name: {1: one["cups"], 2: one["sums"]} for name, one in some.items()}}, "x")
    for name, one in some.items():
        assert all(f"{name} {score}" in compared.alt for score in one.values())
        assert f"a {name}: 1 {one['cups']}, 2 {one['sums']}" in lines.alt
    for figure in figures:
        figure.canvas.draw()
        (legend,), page = figure.legends, figure.bbox
        box = legend.get_window_extent()
        assert {text.get_text() for text in legend.get_texts()} >= set(some)
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and box.y1 <= page.y1
    heights = sorted(y for box in figures[0].axes[0].containers for y in box[0].get_ydata())
    assert heights[count - 1] < 0.5 < heights[count], "no series of a group stands in the next one's place"


def test_a_thirteenth_series_is_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match="draw two pictures, or make a table"):
        plots.compare(SERIES, {"cups": 0.2, "sums": 0.05})
    with pytest.raises(ValueError, match="draw two pictures, or make a table"):
        plots.curves({"a": {name: {1: one["cups"]} for name, one in SERIES.items()}}, "x")


def test_names_of_many_points_stay_apart_and_inside_the_picture(monkeypatch):
    figures = shown_by(monkeypatch)
    plots.scattered({f"point {number}": (0.9, 0.99) for number in range(25)}, "x", "y")
    (figure,) = figures
    figure.canvas.draw()
    boxes = sorted((Text.get_window_extent(name) for name in figure.axes[0].texts), key=lambda box: box.y0)
    assert all(under.y1 <= over.y0 + 1 for under, over in itertools.pairwise(boxes)) and len(boxes) == 25
    assert figure.axes[0].bbox.y0 <= boxes[0].y0 and boxes[-1].y1 <= figure.axes[0].bbox.y1 + 5


def shown_by(monkeypatch):
    """Every figure that is drawn from now on, in the course's look; nothing is saved."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figures = []

    def keep(figure, alt):
        FigureCanvasAgg(figure)
        figures.append(figure)
        return pictures.Picture(b"", alt)

    monkeypatch.setattr(plots, "picture", keep)
    return figures


def test_a_picture_without_a_text_or_with_a_gap_is_an_error():
    with pytest.raises(ValueError, match="needs a text"):
        pictures.picture(pictures.new_figure()[0], " ")
    with pytest.raises(ValueError, match="plain, forced must have a score for each of cups, letters"):
        plots.compare(SCORES, {"cups": 0.2, "letters": 0.2})


RECORD = {"mean": 0.5, "interval": [0.4, 0.6], "n": 50}


def drawn():
    return [
        plots.curves({"a": {"x": {1: Score(1, 2), 3: RECORD}}, "b": {"x": {2: estimate([0.1, 0.2])}}}, "steps"),
        plots.compare({"p": {"g": RECORD}}, {"g": 0.1}),
        plots.history({1: 6.2, 2: 3.5, 3: 1.0}, "step", "loss"),
        plots.ranked({"paris": 0.9, "rome": 0.05}, "probability"),
        plots.scattered({"plain": (0.1, 0.4), "cue": (0.95, 0.8)}, "thinks", "right"),
        plots.attention(torch.tensor([[1.0, 0.0], [0.25, 0.75]]), ["a", " "]),
    ]


@pytest.mark.slow
def test_every_kind_of_picture_says_its_numbers_and_has_the_look(tmp_path):
    numbers = [("1 0.50 [0.09, 0.91]", "3 0.50 [0.40, 0.60]", "2 0.15 [-0.49, 0.79]"),
               ("0.50 [0.40, 0.60]",), ("6.20 at 1", "1.00 at 3"), ("paris 0.90",),
               ("cue at 0.95, 0.80",), ("a from a", "␣ from ␣")]  # fmt: skip
    for picture, expected in zip(drawn(), numbers, strict=True):
        assert all(number in picture.alt for number in expected), picture.alt
        (tmp_path / "picture.png").write_bytes(picture.png)
        pixels = imread(tmp_path / "picture.png")
        colors = {tuple((pixel[:3] * 255).round().astype(int)) for pixel in pixels[pixels[..., 3] == 1]}
        assert (0, 0x72, 0xB2) in colors, "the first color of the sheet"
        assert pixels[0, 0, 3] == 0


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.curves({}, "x"),
        lambda: plots.compare({}, {"a": 0.1}),
        lambda: plots.compare({"a": {}}, {}),
        lambda: plots.curves({"a": {"b": {}}}, "x"),
        lambda: plots.history({}, "x", "y"),
        lambda: plots.ranked({}, "x"),
        lambda: plots.scattered({}, "x", "y"),
        lambda: plots.attention(torch.ones(2, 2), ["a"]),
    ],
)
def test_nothing_to_draw_is_an_error(draw):
    with pytest.raises(ValueError, match="nothing to draw|do not name"):
        draw()


@pytest.mark.slow
def test_drawing_changes_no_setting_of_the_reader_s():
    before = dict(matplotlib.rcParams)
    drawn()
    assert dict(matplotlib.rcParams) == before


def test_panels_without_limits_show_every_point(monkeypatch):
    figures = []
    monkeypatch.setattr(plots, "picture", lambda figure, alt: figures.append(figure) or pictures.Picture(b"", alt))
    plots.curves({"low": {"x": {1: RECORD}}, "high": {"x": {1: {**RECORD, "mean": 9.0}}}}, "steps", ylim=None)
    assert all(axes.get_ylim()[1] >= 9.0 for axes in figures[0].axes)
