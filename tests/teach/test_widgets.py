"""The question box without a browser: it answers, takes nonsense calmly, and stands still where nothing can answer."""

import pytest
import torch

from course.model import Completion
from course.model.transformer import ModelConfig, Transformer
from course.teach.widgets import Question, Traces, Vote
from course.think.rollouts import Rollout, read_reply
from course.world import letters
from course.world.tokenizer import load_tokenizer

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def question():
    torch.manual_seed(0)
    model = Transformer(ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)).eval()
    return Question(model, load_tokenizer(), "Is 1.5 greater than 1.25?")


def test_it_shows_a_widget_and_a_still_picture_of_the_same(question):
    data = question._repr_mimebundle_()
    assert WIDGET in data
    assert data["text/html"] == question.first._repr_html_() and data["text/plain"] == str(question.first)


def test_another_press_draws_another_reply(question):
    assert question.ask("hello", "ask directly").replies != question.ask("hello", "ask directly").replies


def test_the_box_answers_and_takes_nonsense_calmly(question):
    text, way, button, reply = question._box().children
    text.value = "Is 3.4 greater than 3.2?"
    assert "3.4 greater" in reply.value
    way.value = "have it think"
    assert "&lt;think&gt;" in reply.value
    text.value = "<b>日</b>"
    assert "has never read" in reply.value and "日" in reply.value
    text.value = "   "
    button.click()
    assert "the question is empty" in reply.value


def traces():
    replies = ("e?\nb 0\ne 1\ne 1\n</think>1", "e?\nb 0\ne 1\ne 2\n</think>2")
    completions = [Completion(text, [], [], True) for text in replies]
    problem = letters.ask("bee", "e")
    return Traces([Rollout(problem, read_reply("<assistant><think>", one), one) for one in completions])


def test_the_slider_opens_one_trace_after_the_other_and_stands_still_without_python():
    slider, opened = traces()._box().children
    assert "✗ wrong" in opened.value and (slider.min, slider.max, slider.value) == (1, 2, 1)
    slider.value = 2
    assert "✓ right" in opened.value and "✗" not in opened.value
    data = traces()._repr_mimebundle_()
    assert WIDGET in data and data["text/html"] == traces().traces[0]._repr_html_()


def test_a_slider_over_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        Traces([])


@pytest.mark.slow
def test_the_sliders_of_a_vote_redraw_it_and_it_stands_still_without_python():
    vote = Vote(0.3, 0.45)
    right, wrong, image, words = vote._box().children
    before = image.value
    wrong.value, right.value = 0.1, 0.6
    assert image.value != before and "41 1.00" in words.value
    wrong.value = 1.0
    assert "41 0.0" in words.value
    data = vote._repr_mimebundle_()
    assert WIDGET in data and "data:image/png;base64," in data["text/html"] and vote.first.alt == data["text/plain"]
