"""The widgets in the classic Notebook with ipywidgets 7, as near to Colab as a machine without a network comes."""

import os
import re
import signal
import socket
import subprocess

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.test_lab import wait_for
from tests.conftest import GUARD
from tests.notebooks import colab
from tests.notebooks.conftest import installed, wheel  # noqa: F401 (fixtures)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CELL = """import course
from course.teach.widgets import Ask, Explore, ShellGame, Vote
from course.world import cups
for widget in (Ask("mini-zero"), Explore("mini-zero", "What is 3+4?"), ShellGame("mini-zero", [cups.ask(1, ((1, 4),))]), Vote()):
    display(widget)"""  # noqa: E501 (a cell)


@pytest.fixture
def classic(installed, tmp_path):  # noqa: F811
    """The address of a notebook in the environment like Colab's, with the course from its wheel alone."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "widgets.ipynb")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(installed), GUARD]), **folders)
    environment.pop("JUPYTER_PLATFORM_DIRS", None)
    command = [str(colab.PYTHON), "-m", "notebook", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--NotebookApp.token=", f"--notebook-dir={tmp_path}"]
    log = tmp_path / "notebook.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/api", server, log)
            yield f"http://127.0.0.1:{port}/notebooks/widgets.ipynb"
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(20)


def test_every_kind_of_widget_moves_by_keyboard_and_mouse(classic, browser):
    page = browser.new_page()
    page.goto(classic)
    page.locator("#kernel_indicator_icon.kernel_idle_icon").wait_for(timeout=90_000)
    page.locator("#cell_menu, #celllink").first.click()
    page.locator("#run_all_cells a").click()
    widgets = page.locator(".course-widget")
    expect(widgets).to_have_count(4, timeout=120_000)
    ask, explore, game, vote = (widgets.nth(place) for place in range(4))
    box = ask.get_by_label("Your question")
    box.fill("How many e's are in cheese?")
    box.press("Enter")
    expect(ask.locator(".reply")).to_contain_text("c 0", timeout=60_000)
    tokens = explore.get_by_role("toolbar").get_by_role("button")
    expect(tokens.last).to_have_text("(end)", timeout=60_000)
    tokens.first.click()
    page.keyboard.press("ArrowRight")
    expect(explore.get_by_text(re.compile("^Token 2: "))).to_be_visible()
    game.get_by_role("button", name="Next swap").click()
    expect(game.get_by_role("img", name=re.compile("after 1 of 1 swaps"))).to_be_visible()
    before = vote.locator("polyline").get_attribute("points")
    vote.get_by_role("slider", name="right", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert vote.locator("polyline").get_attribute("points") != before
    assert browser.went_outside == []
