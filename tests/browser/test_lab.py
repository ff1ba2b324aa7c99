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
            _wait_for(f"http://127.0.0.1:{port}/api", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(20)


def _wait_for(address, server, log):
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
    if path.stem == "00_start":
        _question_box_answers(page)
    if path.stem == "03_moe":
        _router_can_be_explored(page)
    if path.stem == "06_grpo":
        _groups_can_be_turned(page)
    if path.stem == "09_distillation":
        _bell_can_be_dragged(page)
    assert errors == []
    assert browser.went_outside == []


def _question_box_answers(page):
    """Type a question and press Enter; then switch to thinking with the keyboard alone."""
    box = page.locator(".widget-text input")
    box.scroll_into_view_if_needed()
    reply = page.locator(".widget-html-content").last
    before = reply.inner_text()
    box.fill("Is 3.45 greater than 3.5?")
    box.press("Enter")
    expect(reply).to_contain_text("3.45", timeout=30_000)
    assert reply.inner_text() != before
    page.get_by_role("button", name="have it think").focus()
    page.keyboard.press("Enter")
    expect(reply).to_contain_text("<think>", timeout=30_000)
    box.fill("日本")
    box.press("Enter")
    expect(reply).to_contain_text("the model has never read", timeout=30_000)


def _bell_can_be_dragged(page):
    """Move the first slider with the arrow keys: another picture, and other words below it."""
    handle, words = page.locator(".widget-slider .noUi-handle").first, page.locator(".widget-html-content").last
    picture = page.locator(".widget-image")
    handle.scroll_into_view_if_needed()
    before = picture.get_attribute("src")
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("at 0.3,", timeout=30_000)
    assert picture.get_attribute("src") != before


def _router_can_be_explored(page):
    """Type another question and press Enter: its tokens appear, each with its experts."""
    box = page.locator(".widget-text input")
    box.scroll_into_view_if_needed()
    table = page.locator(".widget-html-content table")
    before = table.inner_text()
    box.fill("What is 12+30?")
    box.press("Enter")
    expect(table).not_to_have_text(before, timeout=30_000)
    assert len(re.findall(r"0\.\d\d", table.locator("tr").last.inner_text())) == 4, "two layers, two experts each"


def _groups_can_be_turned(page):
    """Choose another prompt and another step of a run with the keyboard alone."""
    shown = page.locator(".widget-html-content").filter(has_text="more likely")
    shown.scroll_into_view_if_needed()
    for family in ("cups", "decimals"):
        before = shown.inner_text()
        page.get_by_role("button", name=family, exact=True).focus()
        page.keyboard.press("Enter")
        expect(shown).not_to_have_text(before, timeout=30_000)
    page.locator(".widget-slider [role=slider]").last.focus()
    page.keyboard.press("ArrowRight")
    expect(shown).to_contain_text("after step 2", timeout=30_000)
