"""The question box without a browser: it answers, takes nonsense calmly, and stands still where nothing can answer."""

import pytest
import torch

from course.model.transformer import ModelConfig, Transformer
from course.teach.widgets import Question
from course.world.tokenizer import load_tokenizer

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def question():
    torch.manual_seed(0)
    model = Transformer(ModelConfig(width=32, layers=1, heads=2, kv_heads=1, hidden=32)).eval()
    return Question(model, load_tokenizer(), "Is 1.5 greater than 1.25?")


def test_it_shows_a_widget_and_a_still_picture_of_the_same(question):
    data = question._repr_mimebundle_()
    assert WIDGET in data
    assert data["text/html"] == question.first._repr_html_() and data["text/plain"] == str(question.first)


def test_another_press_draws_another_reply(question):
    assert question.ask("hello", "ask plainly").replies != question.ask("hello", "ask plainly").replies


def test_the_box_answers_and_takes_nonsense_calmly(question):
    text, way, button, reply = question._box().children
    text.value = "Is 3.4 greater than 3.2?"
    assert "3.4 greater" in reply.value
    way.value = "make it think"
    assert "&lt;think&gt;" in reply.value
    text.value = "<b>日</b>"
    assert "has never read" in reply.value and "日" in reply.value
    text.value = "   "
    button.click()
    assert "the question is empty" in reply.value
