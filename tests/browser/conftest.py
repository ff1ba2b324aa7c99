"""A server with its page to chat on, and what one does there."""

import time

import pytest
from playwright.sync_api import expect

from course.model.continuous import Batch
from course.serve import start

STRAWBERRY = "How many r's are in strawberry?"
REFUSED = "Failed to load resource"  # what the console says when the server refuses, as it should
PATIENCE = 30_000  # ms; two cores may have other things to do


@pytest.fixture
def pace(monkeypatch):
    """Seconds that a token takes at least, which a test may change, and the batches of the servers."""
    state = type("Pace", (), {"seconds": 0.0, "batches": []})()

    class Paced(Batch):
        def __init__(self, *given):
            super().__init__(*given)
            state.batches.append(self)

        def step(self):
            time.sleep(state.seconds)
            return super().step()

    monkeypatch.setattr("course.serve.engine.Batch", Paced)
    return state


@pytest.fixture
def chat(browser, pace):
    """A function that starts a server and opens its page to chat; afterwards, nothing went wrong or outside."""
    running, errors, stays = [], [], []

    def heard(message):
        if message.type in ("error", "warning") and REFUSED not in message.text:
            errors.append(message.text)

    def open_page(*models: str, key: str | None = None):
        running.append(start(*(models or ("mini-zero",)), key=key))
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.sent = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", heard)
        page.on("request", lambda request: page.sent.append(request.post_data_json) if request.post_data else None)
        page.on("request", lambda request: stays.append(request.url.startswith((page.at, "data:"))))
        page.at = running[-1].base_url.removesuffix("v1")
        page.goto(page.at)
        return page

    yield open_page
    for server in running:
        server.stop()
    assert errors == [] and browser.went_outside == [] and all(stays)


def field(page):
    return page.get_by_role("textbox", name="Your question")


def ask(page, question: str) -> None:
    """Ask by keyboard and wait for the end of the reply."""
    turns = page.locator("#turns > li")
    before = turns.count()
    field(page).fill(question)
    field(page).press("Enter")
    expect(turns).to_have_count(before + 1)
    ended(page)


def ended(page) -> None:
    expect(page.locator("#turns > li").last.locator("small").last).to_contain_text("finish reason", timeout=PATIENCE)
