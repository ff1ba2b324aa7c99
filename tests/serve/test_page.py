"""The page to chat on: all it needs is in it, and what it says of the models and the server is so."""

import re
from html.parser import HTMLParser
from importlib import resources

import pytest

from course.serve.protocol import BUDGETS
from course.world import countdown, cups, decimals, letters, sums

LOADS = {"src", "srcset", "href", "action", "formaction", "poster", "data", "background", "ping"}  # attributes


class Parts(HTMLParser):
    """Elements with their attributes, and the text in each kind of element."""

    def __init__(self):
        super().__init__()
        self.found, self.texts, self._inside = [], {}, []

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.found.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag):
        """Leave an element, and those in it that have no end."""
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data):
        """Note the text of the element at hand."""
        self.texts.setdefault(self._inside[-1] if self._inside else "", []).append(data)


@pytest.fixture(scope="module")
def parts() -> Parts:
    parser = Parts()
    parser.feed((resources.files("course.serve") / "page.html").read_text(encoding="utf-8"))
    return parser


def test_the_page_loads_nothing_but_what_its_own_server_answers(parts):
    loaded = [value for _, attributes in parts.found for name, value in attributes.items() if name in LOADS]
    assert [value for value in loaded if not value.startswith("data:")] == []
    (style,), (script,) = parts.texts["style"], parts.texts["script"]
    assert re.findall(r"url\(|@import", style) == []
    assert re.findall(r"https?:|//\w|\bimport\b|XMLHttpRequest|WebSocket|sendBeacon", script.replace("// ", "")) == []
    assert re.findall(r'"(v1/[\w/]+)"', script) == ["v1/models", "v1/chat/completions"]


def test_text_of_a_model_never_becomes_markup(parts):
    (script,) = parts.texts["script"]
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script) == []


def test_the_page_says_the_budgets_that_the_server_has(parts):
    said = dict(re.findall(r"think, at most (\d+) tokens \((\w+)\)", " ".join(parts.texts["option"])))
    assert {word: int(tokens) for tokens, word in said.items()} == {
        name: most for name, most in BUDGETS.items() if most
    }


def test_examples_are_questions_as_the_models_have_read_them(parts):
    assert parts.texts["span"] == [
        letters.ask("strawberry", "r", "How many r's are in strawberry?").question,
        decimals.ask("9.11", "9.8").question,
        sums.ask((7, 3, 5, 4, 8, 2)).question,
        cups.ask(2, ((1, 3), (2, 5), (4, 5), (1, 2))).question,
        countdown.ask((3, 5, 8), 10).question,
    ]
    assert "How many {letter}'s are in {word}?" in letters._QUESTIONS


def test_without_javascript_the_page_says_what_the_server_is(parts):
    assert ("main", {"id": "chat", "hidden": None}) in parts.found
    assert "needs JavaScript" in " ".join(parts.texts["strong"])
    assert {"/v1/chat/completions", "/v1/models", "reasoning_content"} <= set(parts.texts["code"])
