"""The notebooks in a real JupyterLab in a real browser: every cell runs, and what can be pressed does something."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.notebooks import NOTEBOOKS
from tests.project import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SETTINGS = {  # no question about kernels, no news: nobody is there to answer
    "@jupyterlab/notebook-extension/tracker": {"autoStartDefaultKernel": True},
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True
    },
}  # fmt: skip
EVERY_CELL_RAN = """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .every(prompt => /\\[\\d+\\]/.test(prompt.textContent))"""
STDERR = ".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']"


@pytest.fixture
def lab(tmp_path):
    """The address of `course lab` over a copy of the notebooks, started as a reader would, with settings of its own."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    for name, settings in SETTINGS.items():
        file = tmp_path / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folders = {"CONFIG": "config", "RUNTIME": "run", "DATA": "data"}
    environment = dict(
        os.environ,
        PRESET="quick",
        JUPYTERLAB_SETTINGS_DIR=str(tmp_path / "settings"),
        JUPYTERLAB_WORKSPACES_DIR=str(tmp_path / "workspaces"),
        **{f"JUPYTER_{name}_DIR": str(tmp_path / folder) for name, folder in folders.items()},
    )
    options = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    options.append(f"--ServerApp.root_dir={tmp_path / 'notebooks'}")
    command = [sys.executable, "-m", "course", "lab", *options]
    log = tmp_path / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/api", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(20)


def wait_for(address, server, log):
    deadline = time.monotonic() + 90
    while True:
        try:
            return urllib.request.urlopen(address, timeout=2)
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"JupyterLab did not come up:\n{log.read_text()[-3000:]}")
            time.sleep(0.3)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_in_jupyterlab(lab, browser, path, request):
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{lab}/lab/tree/{path.name}?reset")
    page.locator(".jp-NotebookPanel:visible .jp-Notebook").wait_for(timeout=90_000)
    page.locator("#jp-main-statusbar").get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=90_000)
    page.get_by_role("menuitem", name="Edit", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Clear Outputs of All Cells$")).click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Run All Cells$")).click()
    page.wait_for_function(EVERY_CELL_RAN, timeout=240_000)
    assert page.locator(STDERR).all_inner_texts() == []
    pictures, words = page.locator(".jp-RenderedImage img"), page.get_by_text("The picture in words")
    assert pictures.count() == words.count()
    if path.stem in PRESSED:
        PRESSED[path.stem](page)
    assert errors == []
    assert browser.went_outside == []


def _question_box_answers(page):
    """Type a question and press Enter; then switch to thinking with the keyboard alone."""
    box, replies = page.get_by_label("Your question"), page.locator(".course-widget .reply")
    box.scroll_into_view_if_needed()
    box.fill("How many e's are in cheese?")
    box.press("Enter")
    expect(replies.nth(1)).to_contain_text("c 0", timeout=30_000)
    page.get_by_role("checkbox", name="force it to think first").focus()
    page.keyboard.press("Space")
    expect(replies.first.locator(".thoughts")).to_contain_text("c 0", timeout=30_000)
    box.fill("日本")
    box.press("Enter")
    expect(page.locator(".course-widget [role=status]")).to_contain_text("has never read", timeout=30_000)


def _replies_can_be_explored(page):
    """Turn the traces, walk through the tokens of a reply, and follow a shell game, by the keyboard."""
    page.get_by_role("slider", name="reply").focus()
    page.keyboard.press("ArrowRight")
    turned = page.locator(".course-widget").filter(has=page.get_by_role("slider", name="reply"))
    expect(turned.locator(".value")).to_have_text("2")
    tokens = page.get_by_role("toolbar", name="the reply, token by token").get_by_role("button")
    expect(tokens.last).to_have_text("(end)", timeout=30_000)
    tokens.first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text(re.compile("^Token 2: "))).to_be_visible()
    page.get_by_role("slider", name="swaps done").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("img", name=re.compile("Five cups after 1 of"))).to_be_visible()


def _votes_can_be_held(page):
    """Fewer replies and another vote; then the chart of votes under its sliders."""
    voting = page.locator(".course-widget").filter(has=page.get_by_role("button", name="Draw and vote"))
    voting.get_by_role("slider", name="replies").focus()
    page.keyboard.press("ArrowLeft")
    voting.get_by_role("button", name="Draw and vote").click()
    expect(voting.get_by_role("status")).to_contain_text("The vote says", timeout=60_000)
    chart = page.locator(".course-widget").filter(has=page.get_by_role("slider", name="most common wrong"))
    before = chart.locator("polyline").get_attribute("points")
    chart.get_by_role("slider", name="most common wrong").focus()
    page.keyboard.press("ArrowLeft")
    assert chart.locator("polyline").get_attribute("points") != before


def _bell_can_be_dragged(page):
    """Move the first slider with the arrow keys: another picture, and other words below it."""
    page.get_by_role("slider", name="center").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("img", name=re.compile("at 0.75, 1 wide"))).to_be_visible(timeout=30_000)


def _router_can_be_explored(page):
    """Choose another question, then type one and press Enter: its tokens appear, each with its experts."""
    widget = page.locator(".course-widget")
    widget.scroll_into_view_if_needed()
    before = widget.locator("table").inner_text()
    page.get_by_role("radio", name=re.compile("9.11")).check()
    expect(widget.locator("table")).not_to_have_text(before)
    box = widget.get_by_label("another question")
    box.fill("What is 12+30?")
    box.press("Enter")
    expect(widget.locator("table").get_by_role("rowheader", name="+", exact=True)).to_be_visible(timeout=30_000)
    cells = widget.locator("tr").last.inner_text()
    assert len(re.findall(r"0\.\d\d", cells)) == 4, "two layers, two experts each"


def _groups_can_be_turned(page):
    """Choose another prompt and another step of a run with the keyboard alone."""
    widget = page.locator(".course-widget").filter(has_text="more likely")
    widget.scroll_into_view_if_needed()
    for family in ("cups", "decimals"):
        before = widget.inner_text()
        page.get_by_role("radio", name=family).focus()
        page.keyboard.press("Space")
        expect(widget).not_to_have_text(before, timeout=30_000)
    widget.get_by_role("slider", name="step").focus()
    page.keyboard.press("ArrowRight")
    expect(widget).to_contain_text("after step 2", timeout=30_000)


def _promise_can_be_moved(page):
    """Move a slider with the arrow keys: other words below the chart."""
    page.get_by_role("slider", name="problems").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("img", name=re.compile("benchmark of 50 problems"))).to_be_visible(timeout=30_000)


def _learners_can_be_followed(page):
    """Move the slider over examples read with the arrow keys: both learners as they were before."""
    widget = page.locator(".course-widget").filter(has_text="Riley, who reads steps")
    widget.scroll_into_view_if_needed()
    before = widget.inner_text()
    widget.get_by_role("slider", name="examples read").focus()
    page.keyboard.press("ArrowLeft")
    expect(widget).not_to_have_text(before, timeout=30_000)
    expect(widget).to_contain_text("Alex, who reads answers")


PRESSED = {  # what can be pressed in a notebook, and does something
    "00_start": _question_box_answers,
    "01_reasoning": _replies_can_be_explored,
    "02_prompting": _votes_can_be_held,
    "03_moe": _router_can_be_explored,
    "04_sft": _learners_can_be_followed,
    "06_grpo": _groups_can_be_turned,
    "06b_clinic": _promise_can_be_moved,
    "09_distillation": _bell_can_be_dragged,
}
