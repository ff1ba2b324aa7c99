"""The page to chat on in a real browser, by keyboard and by mouse."""

import time

import pytest
from playwright.sync_api import expect

from book import packages
from course.model import generate, load
from course.think.prompting import direct
from course.world.answers import split_reply
from tests.browser.conftest import STRAWBERRY, ask, ended, field
from tests.browser.test_site import AXE, VIEWS, VIOLATIONS, WIDE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = "Make 31 from 7, 8, 16 and 40."


def test_a_question_asked_by_keyboard_gets_the_reply_that_python_draws(chat):
    page = chat()
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


def test_thoughts_are_open_while_they_are_written_and_fold_away(chat, pace):
    page = chat()
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


def test_a_reader_who_folds_the_thoughts_by_hand_has_the_last_word(chat, pace):
    page = chat()
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


def test_stopping_midway_frees_the_place(chat, pace):
    page = chat()
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


def test_earlier_turns_go_along_without_their_thoughts_until_a_new_conversation(chat):
    page = chat()
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


def test_a_new_conversation_ends_the_reply_under_way(chat, pace):
    page = chat()
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


def test_shift_and_enter_begin_a_new_line(chat):
    page = chat()
    page.keyboard.type("What is")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("3+4?")
    expect(field(page)).to_have_value("What is\n3+4?")
    assert page.sent == []


@pytest.mark.parametrize(
    "choice, fields",
    [
        ("the model decides", {}),
        ("think", {"thinking": {"type": "enabled"}}),
        ("think, at most 16 tokens (minimal)", {"reasoning_effort": "minimal"}),
        ("do not think", {"thinking": {"type": "disabled"}}),
    ],
)
def test_models_and_thinking_can_be_chosen(chat, choice, fields):
    page = chat("mini-zero", "mini-base")
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


def test_axe_finds_nothing_serious_and_nothing_moves_sideways(chat):
    packages.install()
    page = chat(key="k")
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


def test_without_javascript_the_page_stands_still_and_says_what_it_is(chat, browser):
    page = chat()
    browser.new_cdp_session(page).send("Emulation.setScriptExecutionDisabled", {"value": True})
    page.goto(page.at)
    expect(page.locator("noscript strong")).to_have_text("This page is a chat, and that needs JavaScript.")
    expect(page.locator("noscript strong")).to_be_visible()
    expect(field(page)).to_be_hidden()
