"""Pictures of experts say their numbers; the explorer answers, also nonsense, and stands still without Python."""

import pytest
import torch

from course.chapters.moe import pictures
from course.chapters.moe.routing import Routes
from course.model.moe import Experts
from course.model.transformer import ModelConfig, Transformer
from course.world.tokenizer import load_tokenizer

QUESTIONS = ["What is 2+2?", "Is 1.5 greater than 1.25?"]


@pytest.fixture
def explorer():
    torch.manual_seed(0)
    config = ModelConfig(
        hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=32, experts=Experts(4, 2, 16, 1)
    )
    return pictures.Explorer(Transformer(config).eval(), load_tokenizer(), QUESTIONS)


def test_a_picture_names_the_expert_with_the_most_for_every_row():
    panels = {"layer 2": {"sums": [0.1, 0.9], "cups": [0.75, 0.25]}, "layer 3": {"sums": [0.4, 0.6], "cups": [1, 0]}}
    found = pictures.shaded(panels, "family", what="share of choices")
    assert "layer 2: sums 1 (0.90), cups 0 (0.75); layer 3: sums 1 (0.60), cups 0 (1.00)" in found.alt
    assert found.png.startswith(b"\x89PNG")


def test_nothing_to_draw_is_an_error():
    for panels in ({}, {"layer 2": {}}, {"layer 2": {"a": [1.0]}, "layer 3": {"b": [1.0]}}):
        with pytest.raises(ValueError, match="nothing to draw"):
            pictures.shaded(panels, "family", what="share")


def test_shares_and_losses_are_turned_into_a_panel_a_layer():
    shares = {"sums": torch.tensor([[0.25, 0.75], [0.5, 0.5]])}
    assert pictures.by_layer(shares, (2, 4)) == {"layer 2": {"sums": [0.25, 0.75]}, "layer 4": {"sums": [0.5, 0.5]}}
    lost = {(2, 0): {"sums": 0.1}, (2, 1): {"sums": 0.2}, (3, 0): {"sums": 0.3}, (3, 1): {"sums": 0.0}}
    assert pictures.lost_by_layer(lost) == {"layer 2": {"sums": [0.1, 0.2]}, "layer 3": {"sums": [0.3, 0.0]}}


def test_a_table_of_routes_says_token_expert_and_weight():
    found = Routes((" <b", "2"), (2,), 8, torch.tensor([[[3, 5], [0, 7]]]), torch.tensor([[[0.75, 0.25], [0.6, 0.4]]]))
    html = pictures.as_html(found)
    assert "␣&lt;b" in html and "<strong>3</strong> 0.75" in html and "<strong>7</strong> 0.40" in html
    assert "layer 2: 3 0.75, 5 0.25" in pictures.as_text(found)


def test_a_question_that_is_typed_gets_its_routes_and_nonsense_a_sentence(explorer):
    assert "␣" in explorer.reply({"typed": "How many r's are in berry?"})[0]["page"]
    assert "has never read" in explorer.reply({"typed": "日"})[0]["error"]
    assert "the text is empty" in explorer.reply({"typed": ""})[0]["error"]


def test_the_questions_given_are_there_where_nothing_can_answer(explorer):
    first = explorer.look(QUESTIONS[0])
    assert list(explorer.state["pages"]) == QUESTIONS and explorer.still == pictures.as_html(first)
    assert explorer.text.count("layer 2:") == len(first.pieces)
