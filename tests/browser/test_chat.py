"""The page to chat on in a real browser, by keyboard and by mouse."""

import json
import time

import pytest
from playwright.sync_api import expect

from book import packages
from course.model import generate, load
from course.model.continuous import Batch
from course.serve import start
from course.think.prompting import direct
from course.world.answers import split_reply
from tests.browser.test_site import AXE, VIEWS, VIOLATIONS, WIDE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STRAWBERRY, LONG = "How many r's are in strawberry?", "Make 31 from 7, 8, 16 and 40."
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
def opened(browser, pace):
    """A function that starts a server and opens its page; afterwards, nothing went wrong or outside."""
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


def test_a_question_asked_by_keyboard_gets_the_reply_that_python_draws(opened):
    page = opened()
    expect(field(page)).to_be_focused()
    page.get_by_text("More settings").click()
    page.get_by_label("Seed").fill("5")
    page.get_by_label("Most tokens").fill("160")
    field(page).focus()
    page.keyboard.type(STRAWBERRY)
    page.keyboard.press("Enter")
    ended(page)
    ((drawn,),) = generate(*load("mini-zero"), [direct(STRAWBERRY)], max_new_tokens=160, seed=5)
    reply = split_reply(drawn.text)
    assert page.locator(".thoughts p").text_content() == reply.reasoning.strip()
    expect(page.locator(".answer")).to_have_text(reply.answer.strip())
    expect(page.get_by_role("status")).to_have_text(f"mini-zero answers: {reply.answer.strip()}")
    thought = next(place for place, token in enumerate(drawn.token_ids) if token == 5) + 1  # </think>
    expect(
        page.get_by_text(f"{len(drawn.token_ids)} tokens, {thought} of them thinking; finish reason: stop")
    ).to_be_visible()
    expect(field(page)).to_have_value("")
    expect(field(page)).to_be_focused()


def test_thoughts_are_open_while_they_are_written_and_fold_away(opened, pace):
    page = opened()
    pace.seconds = 0.05
    page.get_by_role("button", name="letters How many r's are in strawberry?").click()
    expect(page.get_by_text("Thinking ...")).to_be_visible()
    expect(page.locator(".thoughts p")).to_contain_text("s 0")
    assert page.locator(".answer").text_content() == "" and page.get_by_role("status").text_content() == ""
    for motion, moves in (("reduce", False), ("no-preference", True)):
        page.emulate_media(reduced_motion=motion)
        assert page.evaluate("document.getAnimations().length > 0") is moves
    pace.seconds = 0
    ended(page)
    thoughts, summary = page.locator(".thoughts p"), page.locator("summary", has_text="Thought for")
    expect(thoughts).to_be_hidden()
    summary.click()
    expect(thoughts).to_be_visible()
    summary.click()
    expect(thoughts).to_be_hidden()
    summary.focus()
    page.keyboard.press("Enter")
    expect(thoughts).to_be_visible()
    page.keyboard.press("Space")
    expect(thoughts).to_be_hidden()


def test_a_reader_who_folds_the_thoughts_by_hand_has_the_last_word(opened, pace):
    page = opened()
    pace.seconds = 0.05
    field(page).fill(STRAWBERRY)
    page.get_by_role("button", name="Send").click()
    summary = page.locator("summary", has_text="Thinking")
    summary.click()
    expect(page.locator(".thoughts p")).to_be_hidden()
    summary.click()
    pace.seconds = 0
    ended(page)
    expect(page.locator(".thoughts p")).to_be_visible()


def test_stopping_midway_frees_the_place(opened, pace):
    page = opened()
    (batch,) = pace.batches
    pace.seconds = 0.05
    field(page).fill(LONG)
    field(page).press("Enter")
    expect(page.locator(".thoughts p")).to_contain_text("8")
    assert len(batch.rows) == 1
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(field(page)).to_be_focused()
    deadline = time.monotonic() + 5  # to its own end the reply would take more than ten seconds
    while batch.busy and time.monotonic() < deadline:
        time.sleep(0.02)
    assert batch.rows == [] and not batch.waiting
    pace.seconds = 0
    ask(page, STRAWBERRY)
    assert [message["content"] for message in page.sent[-1]["messages"]] == [STRAWBERRY]


def test_earlier_turns_go_along_without_their_thoughts_until_a_new_conversation(opened):
    page = opened()
    ask(page, STRAWBERRY)
    answer = page.locator(".answer").text_content()
    ask(page, "Is 9.11 greater than 9.8?")
    assert page.sent[-1]["messages"] == [
        {"role": "user", "content": STRAWBERRY},
        {"role": "assistant", "content": answer},
        {"role": "user", "content": "Is 9.11 greater than 9.8?"},
    ]
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("#turns > li")).to_have_count(0)
    expect(page.get_by_role("button", name="Make 10 from")).to_be_visible()
    ask(page, LONG)
    assert len(page.sent[-1]["messages"]) == 1


def test_a_new_conversation_ends_the_reply_under_way(opened, pace):
    page = opened()
    pace.seconds = 0.05
    field(page).fill(LONG)
    field(page).press("Enter")
    expect(page.locator(".thoughts p")).to_contain_text("8")
    field(page).fill(STRAWBERRY)
    field(page).press("Enter")
    expect(page.get_by_role("alert")).to_have_text("A reply is under way: wait for it, or stop it.")
    page.get_by_role("button", name="New conversation").click()
    pace.seconds = 0
    ask(page, STRAWBERRY)
    expect(page.locator("#turns > li")).to_have_count(1)
    assert len(page.sent[-1]["messages"]) == 1


def test_shift_and_enter_begin_a_new_line(opened):
    page = opened()
    page.keyboard.type("What is")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("3+4?")
    expect(field(page)).to_have_value("What is\n3+4?")
    assert page.sent == []


@pytest.mark.parametrize(
    "temperature, question, says",
    [("5", STRAWBERRY, "temperature: Input should be less than or equal to 2"), ("1", "Is Köln big?", "ö")],
)
def test_an_error_is_told_in_the_server_s_words_and_the_question_stays(opened, temperature, question, says):
    page = opened()
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


def test_a_full_conversation_is_told_what_to_do(opened):
    page = opened()
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


def test_whatever_a_model_writes_stays_text(opened):
    page = opened()
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
def test_a_reply_that_fails_midway_gives_the_question_back(opened, end, says):
    page = opened()
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
def test_a_server_that_has_gone_is_named_as_the_reason(opened, answer, says):
    page = opened()
    expect(page.get_by_label("Model")).to_have_value("mini-zero")
    page.route("**/v1/chat/completions", answer)
    field(page).fill(STRAWBERRY)
    field(page).press("Enter")
    expect(page.get_by_role("alert")).to_have_text(says)
    expect(field(page)).to_have_value(STRAWBERRY)


def test_a_key_is_asked_for_and_kept_by_the_page_alone(opened, browser):
    page = opened(key="open sesame")
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


@pytest.mark.parametrize(
    "choice, fields",
    [
        ("the model decides", {}),
        ("think", {"thinking": {"type": "enabled"}}),
        ("think, at most 16 tokens (minimal)", {"reasoning_effort": "minimal"}),
        ("do not think", {"thinking": {"type": "disabled"}}),
    ],
)
def test_models_and_thinking_can_be_chosen(opened, choice, fields):
    page = opened("mini-zero", "mini-base")
    model = page.get_by_label("Model")
    expect(model.locator("option")).to_have_text(["mini-zero", "mini-base"])
    model.select_option("mini-base")
    page.get_by_label("Thinking").select_option(choice)
    ask(page, STRAWBERRY)
    sent = page.sent[-1]
    assert sent["model"] == "mini-base"
    assert {name: sent[name] for name in ("thinking", "reasoning_effort") if name in sent} == fields
    thoughts = page.locator(".thoughts")
    if choice == "do not think":
        expect(thoughts).to_be_hidden()
    elif fields:
        expect(thoughts).to_be_visible()


def test_axe_finds_nothing_serious_and_nothing_moves_sideways(opened):
    packages.install()
    page = opened(key="k")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = looks(page, "asked for a key")
    page.keyboard.type("k")
    page.keyboard.press("Enter")
    expect(field(page)).to_be_focused()
    found |= looks(page, "empty")
    for question in (STRAWBERRY, "Is 9.11 greater than 9.8?", LONG):
        ask(page, question)
    page.locator("summary", has_text="Thought for").last.click()
    page.get_by_text("More settings").click()
    page.get_by_text("Example questions").click()
    field(page).press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Type a question first.")
    assert found | looks(page, "three turns") == {}


def looks(page, state: str) -> dict:
    """What is wrong in each view."""
    wrong = {}
    for width, theme in VIEWS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        if found := (page.evaluate(VIOLATIONS, {}), page.evaluate(WIDE)) != ([], 0):
            wrong[state, width, theme] = found
    return wrong


def test_without_javascript_the_page_stands_still_and_says_what_it_is(opened, browser):
    page = opened()
    browser.new_cdp_session(page).send("Emulation.setScriptExecutionDisabled", {"value": True})
    page.goto(page.at)
    expect(page.locator("noscript strong")).to_have_text("This page is a chat, and that needs JavaScript.")
    expect(page.locator("noscript strong")).to_be_visible()
    expect(field(page)).to_be_hidden()
