"""What Python has to do with the widgets of a page: one text of many modules, and replies to what the page asks."""

import html
import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from course.model.pretrained import SHELF
from course.teach import page
from course.teach.page import InPage

WIDGET = "application/vnd.jupyter.widget-view+json"
SOURCES = sorted((SHELF.parents[1] / "teach" / "page").glob("*.js"))
NAMED = re.compile(r"^(?:export )?(?:async )?(?:function\*?|const|let|class) (\w+|\[[^\]]*\])", re.MULTILINE)


def shouting(text):
    if not text:
        raise ValueError("the text is empty")
    return f"<b>{html.escape(text.upper())}</b>"


@pytest.fixture
def widget():
    state = {"name": 'it\'s <i>odd</i> & "quoted"', "numbers": [1, 0.5, None]}
    return InPage("turn", state, still="<p>still</p>", text="still", answer=shouting)


def test_a_notebook_gets_every_module_once_and_no_import_is_left():
    text = page.module()
    assert not re.search(r"^\s*import\b", text, re.MULTILINE) and len(re.findall(r"^export ", text, re.MULTILINE)) == 1
    for source in SOURCES:
        own = max(source.read_text(encoding="utf-8").splitlines(), key=len)
        assert text.count(own.removeprefix("export ")) == (0 if source.name == "site.js" else 1), source.name


def test_top_level_names_of_all_modules_are_different():
    names = Counter(
        name
        for source in SOURCES
        for found in NAMED.findall(source.read_text(encoding="utf-8"))
        for name in re.findall(r"\w+", found)
    )
    assert {name for name, times in names.items() if times > 1} == set() and len(names) > 40


def test_the_modules_fetch_nothing_but_the_files_of_a_checkpoint():
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), source.name
        assert "fetch(" not in text or source.name == "mini.js"


class Attributes(HTMLParser):
    def handle_starttag(self, tag, attrs):
        if "data-state" in dict(attrs):
            self.found = dict(attrs)


def test_the_frame_on_a_page_holds_the_state_whatever_characters_it_has(widget):
    reader = Attributes()
    reader.feed(widget.html())
    assert json.loads(reader.found["data-state"]) == widget.state and reader.found["data-course-widget"] == "turn"
    assert "<p>still</p></div>" in widget.html()


def test_a_notebook_stores_the_widget_and_the_same_standing_still(widget):
    data = widget._repr_mimebundle_()
    assert WIDGET in data and data["text/html"] == widget.html() and data["text/plain"] == "still"
    made = widget.widget()
    assert (made.kind, made.state) == ("turn", widget.state) and made.folder == ""


def test_a_page_is_handed_the_files_of_a_checkpoint_and_no_other_file(widget):
    message, (weights,) = widget.reply({"id": "7", "open": "mini-base"})
    folder = SHELF / "mini-base"
    assert message["id"] == "7" and weights == (folder / "model.safetensors").read_bytes()
    assert message["config"] == json.loads((folder / "config.json").read_text())
    assert message["tokenizer"]["model"]["vocab"]["<think>"] == 4
    for name in ("../../world", "/etc/passwd", "", "mini-base/", None, ["mini-base"]):
        message, buffers = widget.reply({"id": "8", "open": name})
        assert "there is no model" in message["error"] and message["id"] == "8" and buffers == []


def test_what_is_typed_becomes_a_page_or_a_sentence_that_says_what_is_wrong(widget):
    assert widget.reply({"id": "1", "typed": "<hey>"}) == ({"id": "1", "page": "<b>&lt;HEY&gt;</b>"}, [])
    assert widget.reply({"id": "2", "typed": ""}) == ({"id": "2", "error": "the text is empty"}, [])
    deaf = InPage("adjust", {}, still="", text="")
    assert "takes nothing" in deaf.reply({"id": "3", "typed": "hello"})[0]["error"]


def test_messages_of_the_page_are_answered_on_their_way(widget, monkeypatch):
    made, sent = widget.widget(), []
    monkeypatch.setattr(made, "send", lambda *parts: sent.append(parts))
    made._handle_custom_msg({"id": "1", "typed": "hi"}, [])
    assert sent == [({"id": "1", "page": "<b>HI</b>"}, [])]
