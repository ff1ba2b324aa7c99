"""The page to chat on where things go wrong: the server refuses, fails, has gone or wants a key; a model is wicked."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import STRAWBERRY, ask, field

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize(
    "temperature, question, says",
    [("5", STRAWBERRY, "temperature: Input should be less than or equal to 2"), ("1", "Is Köln big?", "ö")],
)
def test_an_error_is_told_in_the_server_s_words_and_the_question_stays(chat, temperature, question, says):
    page = chat()
    page.get_by_text("More settings").click()
    page.get_by_label("Temperature").fill(temperature)
    field(page).fill(question)
    field(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(says)
    expect(field(page)).to_have_value(question)
    expect(page.locator("#turns > li")).to_have_count(0)
    page.get_by_label("Temperature").fill("1")
    ask(page, STRAWBERRY)
    expect(page.get_by_role("alert")).to_have_text("")


def test_a_full_conversation_is_told_what_to_do(chat):
    page = chat()
    ask(page, STRAWBERRY)
    field(page).fill("What is " + "+".join("3" * 260) + "?")
    field(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("the context is 512: shorten it. A new conversation has room")


def streamed(page, *deltas: dict, end: str = "data: [DONE]\n\n") -> None:
    """Have the page's next requests answered by these deltas and this end instead of a model."""
    events = [{"choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas]
    usage = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}}
    events.append({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage})
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + end
    page.route("**/v1/chat/completions", lambda route: route.fulfill(body=body, content_type="text/event-stream"))


def test_whatever_a_model_writes_stays_text(chat):
    page = chat()
    wicked = "<img src=x onerror=\"document.title='taken'\"><b>3</b>"
    streamed(page, {"reasoning_content": wicked}, {"content": wicked})
    ask(page, wicked)
    assert page.locator(".answer").text_content() == wicked == page.locator(".thoughts p").text_content()
    assert page.locator("#turns img, #turns b").count() == 0 and "taken" not in page.title()


@pytest.mark.parametrize(
    "end, says",
    [
        ('data: {"error": {"message": "the model failed: no numbers"}}\n\n', "The server says: the model failed"),
        ("", "The connection ended before the reply did."),
    ],
)
def test_a_reply_that_fails_midway_gives_the_question_back(chat, end, says):
    page = chat()
    streamed(page, {"content": "3"}, end=end)
    field(page).fill(STRAWBERRY)
    field(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(says)
    expect(field(page)).to_have_value(STRAWBERRY)
    expect(page.locator("#turns > li")).to_have_count(0)


@pytest.mark.parametrize(
    "answer, says",
    [
        (lambda route: route.abort("connectionrefused"), "The server does not answer. Is it still running?"),
        (lambda route: route.fulfill(status=502, body="<html>"), "The server answers with status 502."),
    ],
)
def test_a_server_that_has_gone_is_named_as_the_reason(chat, answer, says):
    page = chat()
    expect(page.get_by_label("Model")).to_have_value("mini-zero")
    page.route("**/v1/chat/completions", answer)
    field(page).fill(STRAWBERRY)
    field(page).press("Enter")
    expect(page.get_by_role("alert")).to_have_text(says)
    expect(field(page)).to_have_value(STRAWBERRY)


def test_a_key_is_asked_for_and_kept_by_the_page_alone(chat, browser):
    page = chat(key="open sesame")
    key = page.get_by_label("Key of this server")
    expect(key).to_be_focused()
    assert key.get_attribute("type") == "password"
    page.keyboard.type("guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The server does not accept this key.")
    key.fill("open sesame")
    page.get_by_role("button", name="Use this key").click()
    expect(key).to_be_hidden()
    expect(field(page)).to_be_focused()
    ask(page, STRAWBERRY)
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    page.reload()
    expect(key).to_be_focused()
    expect(key).to_have_value("")
