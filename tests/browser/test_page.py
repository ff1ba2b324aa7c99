"""Models and widgets in a page of a real browser, without Python: the same numbers, and everything moves."""

import json
import re
import shutil

import pytest
import torch
from playwright.sync_api import expect

from course.chapters.distillation.divergences import Match
from course.model import generate, load
from course.model.pretrained import SHELF
from course.teach import page as in_page
from course.teach.page import InPage
from course.teach.widgets import Ask, Explore, ShellGame, Traces, Voting
from course.think.prompting import direct
from course.think.rollouts import sample_rollouts
from course.world import FAMILIES, cups, draw_problems, sums
from course.world.tokenizer import encode
from tests.site import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MODELS = "mini-base", "mini-zero"
BLANK = "<!doctype html><html lang='en'><head><meta charset='utf-8'><link rel='icon' href='data:,'></head><body>"
READ = """async (asked) => {
    const { openModel } = await import('/_static/page/mini.js'), { direct } = await import('/_static/page/text.js');
    const mini = await openModel('/_static/models/mini-zero');
    return asked.map(({ question, seed }) => {
        const ids = mini.tokenizer.encodePrompt(direct(question)), state = mini.network.newState();
        let logits;
        for (const id of ids) logits = mini.network.read(state, id);
        const drawn = (options) => [...mini.generate(direct(question), options)].map((one) => one.id);
        return { ids, logits: [...logits], greedy: drawn({ temperature: 0 }), sampled: drawn({ seed }) };
    });
}"""


@pytest.fixture
def folder(tmp_path):
    """A site of nothing but the page's modules and two checkpoints."""
    root = tmp_path / "site"
    shutil.copytree(SHELF.parents[1] / "teach" / "page", root / "_static" / "page")
    for name in MODELS:
        (root / "_static" / "models" / name).mkdir(parents=True)
        for file in in_page.FILES:
            shutil.copy(SHELF / name / file, root / "_static" / "models" / name)
    (root / "index.html").write_text(BLANK, encoding="utf-8")
    return root


@pytest.fixture
def opened(folder, browser):
    """A function that puts a widget on a page and opens it; afterwards, nothing went wrong or outside."""
    errors = []
    with served(folder) as address:

        def open_with(widget: InPage):
            script = '<script type="module" src="_static/page/site.js"></script>'
            (folder / "index.html").write_text(f"{BLANK}<main>{widget.html()}</main>{script}", encoding="utf-8")
            page = browser.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.goto(f"{address}/index.html")
            page.locator(".course-widget").wait_for()
            return page

        yield open_with
    assert errors == [] and browser.went_outside == []


def test_a_page_computes_and_draws_what_pytorch_does(folder, browser):
    """Fifty problems of dev: logits, greedy replies and sampled ones."""
    model, tokenizer = load("mini-zero")
    asked = [
        {"question": one.question, "seed": seed}
        for family in FAMILIES
        for seed, one in enumerate(draw_problems(family, 10))
    ]
    with served(folder) as address:
        page = browser.new_page()
        page.goto(f"{address}/index.html")
        found = page.evaluate(READ, asked)
    greedy = generate(model, tokenizer, [direct(one["question"]) for one in asked], temperature=0, seed=0)
    same = 0
    for one, here, (best,) in zip(asked, found, greedy):
        prompt = direct(one["question"])
        ids = encode(tokenizer, prompt)
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        assert here["ids"] == ids
        assert torch.tensor(here["logits"]) == pytest.approx(logits, abs=1e-3)
        ((drawn,),) = generate(model, tokenizer, [prompt], seed=one["seed"])
        assert here["sampled"] == drawn.token_ids, one
        same += here["greedy"] == best.token_ids
    assert same == len(asked) == 50


def test_the_module_that_notebooks_get_draws_the_same_replies(folder, browser):
    """Joined into one text it still is a module, and an anywidget whose kernel hands over the weights."""
    (folder / "joined.js").write_text(in_page.module(), encoding="utf-8")
    widget = Ask("mini-zero", question="What is 3+4?")
    message, (weights,) = widget.reply({"open": "mini-zero"})
    (folder / "reply.json").write_text(json.dumps(message), encoding="utf-8")
    (folder / "weights").write_bytes(weights)
    script = """async (state) => {
        const { default: widget } = await import('/joined.js');
        const message = await (await fetch('/reply.json')).json();
        const weights = new DataView(await (await fetch('/weights')).arrayBuffer());
        const heard = new Set();
        const model = {
            get: (name) => ({ kind: 'ask', state, folder: '' })[name],
            on: (_, listener) => heard.add(listener), off: (_, listener) => heard.delete(listener),
            send: ({ id, open }) => setTimeout(() => heard.forEach((tell) =>
                open === 'mini-zero' ? tell({ ...message, id }, [weights]) : tell({ id, error: 'no' }, []))),
        };
        const el = document.createElement('div');
        document.body.append(el);
        widget.render({ model, el });
        return null;
    }"""
    with served(folder) as address:
        page = browser.new_page()
        page.goto(f"{address}/index.html")
        page.evaluate(script, widget.state)
        page.get_by_role("button", name="Ask").click()
        expect(page.locator(".reply")).to_contain_text("tokens", timeout=20_000)
        said = page.locator(".said strong").inner_text()
    model, tokenizer = load("mini-zero")
    ((reply,),) = generate(model, tokenizer, [direct("What is 3+4?")], seed=0)
    assert said == reply.text.rpartition(">")[2]


def test_the_question_box_answers_to_keyboard_and_mouse(opened):
    page = opened(Ask(*MODELS, auto=True))
    replies = page.locator(".reply")
    expect(replies.nth(1)).to_contain_text("tokens", timeout=20_000)
    assert "✓ right" in replies.nth(1).inner_text() or "✗ wrong" in replies.nth(1).inner_text()
    box = page.get_by_label("Your question")
    box.fill("How many e's are in cheese?")
    box.press("Enter")
    expect(replies.nth(1)).to_contain_text("c 0", timeout=20_000)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # force it to think first
    expect(replies.first.locator(".thoughts")).to_contain_text("c 0", timeout=20_000)
    page.get_by_label("or choose a question").select_option(index=2)
    expect(replies.first.locator(".thoughts")).to_contain_text("9.", timeout=20_000)
    expect(replies.nth(1)).to_contain_text("tokens", timeout=20_000)
    box.fill("日本 <b>")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("status")).to_contain_text("has never read", timeout=20_000)
    box.fill("x" * 300)
    box.press("Enter")
    expect(replies.first).to_contain_text("answer")


def test_a_reply_can_be_explored_and_branched_with_the_keyboard(opened):
    page = opened(Explore("mini-zero", "What is 3+4?"))
    tokens = page.get_by_role("toolbar").get_by_role("button")
    expect(tokens.last).to_have_text("(end)", timeout=20_000)
    tokens.first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text(re.compile("^Token 2: "))).to_be_visible()
    page.get_by_role("radio", name="3").check()
    assert page.locator("span[title]").count() > 5
    before = page.get_by_role("toolbar").inner_text()
    page.get_by_role("button", name="go on with it").nth(1).click()
    expect(page.get_by_role("status")).to_contain_text("the first 2 were given", timeout=20_000)
    assert page.get_by_role("toolbar").inner_text() != before
    page.get_by_role("slider", name="temperature").focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(page.locator(".value").first).to_have_text("0.0")


def test_a_vote_counts_as_many_replies_as_asked_for(opened):
    page = opened(Voting("mini-base", sums.ask((2, 3)), samples=5))
    expect(page.get_by_role("status")).to_contain_text("Press the button")
    page.get_by_role("slider", name="replies").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".value").nth(1)).to_have_text("3")
    page.get_by_role("button", name="Draw and vote").click()
    expect(page.get_by_role("status")).to_contain_text("The vote says", timeout=30_000)
    shares = [float(one) for one in page.locator(".bar > span:last-child").all_inner_texts()]
    assert sum(shares) == pytest.approx(1, abs=0.02) and {round(3 * one, 1) for one in shares} <= {1.0, 2.0, 3.0}


def test_a_shell_game_can_be_followed_guessed_and_thought_about(opened):
    problem = cups.ask(1, ((1, 4), (5, 3), (4, 2)))
    page = opened(ShellGame("mini-zero", [problem, cups.ask(2, ((2, 3),))]))
    picture, say = page.get_by_role("img"), page.get_by_role("status")
    page.get_by_role("slider", name="swaps done").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(picture).to_have_accessible_name(re.compile("after 3 of 3 swaps .swap 4-2.* hidden"))
    page.get_by_role("button", name="1", exact=True).click()
    expect(say).to_contain_text("not under cup 1")
    page.get_by_role("button", name="2", exact=True).click()
    expect(say).to_contain_text("Right: after 3 swaps it is under cup 2")
    expect(picture).to_have_accessible_name(re.compile("under cup 2"))
    page.get_by_role("button", name="Let the model think").click()
    expect(say).to_contain_text("mini-zero answers", timeout=20_000)
    assert "start: 1 ✓" in page.locator(".thoughts").inner_text()
    page.get_by_role("button", name="Another game").click()
    expect(picture).to_have_accessible_name(re.compile("after 0 of 1 swaps"))


def test_sliders_move_a_chart_and_its_words(opened):
    page = opened(Match())
    line = page.locator("polyline").nth(1)
    before = line.get_attribute("points")
    page.get_by_role("slider", name="center").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("img")).to_have_accessible_name(re.compile("at 0.25, 1 wide"))
    assert line.get_attribute("points") != before
    wide = page.get_by_role("slider", name="width").bounding_box()
    page.mouse.click(wide["x"] + 3, wide["y"] + wide["height"] / 2)
    expect(page.get_by_role("img")).to_have_accessible_name(re.compile("at 0.25, 0.25 wide"))


def test_pages_are_turned_and_a_recorded_run_is_replayed(opened):
    model, tokenizer = load("mini-base")
    page = opened(Traces(sample_rollouts(model, tokenizer, draw_problems("cups", 3), seed=1)))
    before = page.locator(".course-widget").inner_text()
    page.get_by_role("slider", name="reply").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".value")).to_have_text("2")
    assert page.locator(".course-widget").inner_text() != before
    axes = {"x": [0, 1, 2], "xlim": [0, 2], "ylim": [0, 1], "xlabel": "step", "ylabel": "share"}
    replies = [{"step": 0, "thoughts": "", "answer": "2", "right": False}]
    replies.append({"step": 2, "thoughts": "<b>r</b> 1", "answer": "3", "right": True})
    state = {"lines": {"right": [0.1, 0.5, 0.9]}, "axes": axes, "replies": replies, "question": "q"}
    page = opened(InPage("replay", state, still="", text=""))
    expect(page.locator(".reply")).to_contain_text("<b>r</b> 1")
    page.get_by_role("slider", name="step").press("Home")
    expect(page.locator(".reply")).to_contain_text("2 ✗ wrong")
    page.get_by_role("button", name="Replay").press("Enter")
    expect(page.locator(".reply")).to_contain_text("3 ✓ right", timeout=10_000)
