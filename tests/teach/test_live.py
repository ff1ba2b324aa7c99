"""A picture that grows: one place on the page, a text with every series, and an interruption that loses nothing."""

import time

import nbformat
import pytest
from nbclient import NotebookClient

from course.teach.live import Live
from course.teach.pictures import Picture

CELL = """
from course.teach.live import Live
with Live(("loss", "length"), steps=3, runs=2, every=0) as live:
    for run in ("one", "two"):
        for step in (1, 2, 3):
            live.add(step, {"loss": {run: 4 / step}, "length": 10 * step})
"""


@pytest.fixture
def page(monkeypatch):
    """What is shown in each place, newest last: places[0] is the picture, places[1] the words."""
    places: list[list[dict]] = []

    class Handle:
        def __init__(self, data):
            self.seen = [data]
            places.append(self.seen)

        def update(self, data, **how):
            self.seen.append(data)

    monkeypatch.setattr("IPython.get_ipython", object)
    monkeypatch.setattr("IPython.display.display", lambda data, display_id, **how: Handle(data))
    return places


@pytest.mark.slow
def test_a_notebook_keeps_the_last_picture_and_its_words_and_nothing_else(tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    NotebookClient(book, resources={"metadata": {"path": str(tmp_path)}}).execute()
    picture, words = book.cells[0].outputs
    alt = picture.metadata["image/png"]["alt"]
    assert "loss one: 4.00 at 1, 2.00 at 2, 1.33 at 3" in alt and "length: 10.00 at 1" in alt
    assert alt in words.data["text/html"] and words.data["text/html"].startswith("6 steps, ")


def test_the_words_count_steps_of_all_runs_and_say_how_long_is_left(page):
    with Live(("loss",), steps=4, runs=2, every=0) as live:
        for step in (1, 2):
            time.sleep(0.002)
            live.add(step, {"loss": 1.0})
    words = [one["text/html"] for one in page[1]]
    assert "8 steps to do" in words[0] and "step 1 of 8" in words[1] and words[1].endswith(" s left")
    assert words[-1].startswith("stopped after 2 of 8 steps")
    assert len(page) == 2 and all("image/png" in one for one in page[0])


def test_it_is_redrawn_no_more_often_than_it_was_told(page):
    with Live(("loss",), steps=50, every=60) as live:
        for step in range(50):
            live.add(step, {"loss": 1.0})
    assert len(page[0]) == 2, "empty, and at the end"


def test_an_interruption_ends_it_gently_and_an_error_does_not(page):
    with Live(("loss",), steps=9) as live:
        live.add(1, {"loss": 2.5})
        raise KeyboardInterrupt
    assert "2.50 at 1" in live.picture().alt and "stopped after 1 of 9" in page[1][-1]["text/html"]
    with pytest.raises(ZeroDivisionError), Live(("loss",), steps=9):
        1 / 0  # noqa: B018


def test_what_is_drawn_is_the_mean_of_the_last_steps(page):
    with Live(("loss",), steps=4, smooth=2) as live:
        for step, loss in enumerate((4.0, 2.0, 0.0, 6.0), 1):
            live.add(step, {"loss": loss})
    assert "4.00 at 1, 3.00 at 2, 1.00 at 3, 3.00 at 4" in live.picture().alt


def test_a_panel_nobody_named_is_an_error():
    with pytest.raises(ValueError, match="choose among loss"), Live(("loss",), steps=1) as live:
        live.add(1, {"reward": 1.0})


def test_outside_a_notebook_nothing_is_shown(capsys):
    with Live(("loss",), steps=1, every=0) as live:
        live.add(1, {"loss": 1.0})
    assert capsys.readouterr().out == ""


def test_the_picture_has_the_look():
    with Live(("loss",), steps=1) as live:
        live.add(1, {"loss": 1.0})
    assert isinstance(live.picture(), Picture) and live.picture().png.startswith(b"\x89PNG")


def test_a_thirteenth_series_is_an_error_where_it_comes():
    with Live(("loss",), steps=1) as live:
        live.add(1, {"loss": {str(number): 1.0 for number in range(12)}})
        with pytest.raises(ValueError, match="12 series"):
            live.add(1, {"loss": {"one more": 1.0}})
