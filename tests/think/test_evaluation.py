"""Scores with intervals: Wilson's numbers from his formula, replies read as the course reads them."""

import math

import pytest
import torch

from course.model import Completion
from course.model.transformer import ModelConfig, Transformer
from course.think import evaluation
from course.think.evaluation import Score, accuracy, ask_all, constant_scores, read_reply, scores
from course.think.prompting import direct, force_thinking
from course.world import FAMILIES, letters
from course.world.tokenizer import load_tokenizer


@pytest.mark.parametrize(("right", "total"), [(0, 10), (3, 10), (10, 10), (250, 500), (1, 1)])
def test_the_interval_is_wilson_s(right, total):
    p, z = right / total, 1.959963984540054
    center = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    assert Score(right, total).interval == pytest.approx((max(center - half, 0), min(center + half, 1)), abs=1e-9)


def test_nothing_to_score_is_an_error():
    with pytest.raises(ValueError, match="at least one mark"):
        accuracy([])


def test_a_cut_off_reply_has_no_answer_even_if_it_says_one():
    assert read_reply("<user>?<assistant>", Completion("3", [], [], False)).answer is None
    assert read_reply("<user>?<assistant>", Completion("3", [], [], True)).answer == "3"


def test_only_the_last_reply_of_a_prompt_with_examples_counts_as_begun():
    prompt = "<user>a<assistant><think>x</think>1<eos><user>b<assistant>"
    reply = read_reply(prompt, Completion("2", [], [], True))
    assert (reply.reasoning, reply.answer) == (None, "2")


def test_every_family_is_asked_in_every_way_with_the_same_problems():
    torch.manual_seed(0)
    model = Transformer(ModelConfig(width=32, layers=1, heads=2, kv_heads=1, hidden=32)).eval()
    found = ask_all(model, load_tokenizer(), {"plain": direct, "forced": force_thinking}, n=4)
    assert {way: list(groups) for way, groups in found.items()} == {way: list(FAMILIES) for way in ("plain", "forced")}
    for family in FAMILIES:
        plain, forced = ([one.problem for one in found[way][family]] for way in ("plain", "forced"))
        assert plain == forced and len(plain) == 4
        assert scores(found["plain"])[family].total == 4
        assert 0 <= constant_scores(found["plain"])[family] <= 1


def test_thinking_needs_a_right_step_and_an_end():
    problem = letters.ask("bee", "e")
    for text, finished, thought in (
        ("b 0\n</think>2", True, True),
        ("b 0\n</think>", True, False),
        ("</think>2", True, False),
        ("b 0\n</think>2", False, False),
    ):
        completion = Completion(text, [], [], finished)
        reply = read_reply("<assistant><think>", completion)
        assert evaluation.Answered(problem, reply, completion).thought is thought
