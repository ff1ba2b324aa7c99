"""Learning to notice slips: what is marked, what follows it, and in which order the stages come."""

import random
import re

import pytest
import torch

from course.learn import curriculum, recipes
from course.learn.curriculum import STAGES, Stage, marking, stage_at, stage_batch, stage_examples
from course.learn.pretraining import round_to_half
from course.learn.sft import imitation_loss
from course.learn.training import TrainingConfig, train
from course.model import load
from course.world.cups import after
from course.world.tokenizer import END_THINK, load_tokenizer

CONFIG = TrainingConfig(steps=3, rows=2, length=192, learning_rate=1e-3, warmup=1, seed=4)


def test_half_of_what_is_marked_is_objected_to_rightly_and_nothing_else_is():
    rng, objections = random.Random(0), 0
    for prompt, reply in (marking(rng) for _ in range(400)):
        head, _, thought = prompt.partition("<think>")
        lines = thought.splitlines()
        assert head == "<user><assistant>" and 2 <= len(lines) <= 5
        ball, (left, right, now) = int(lines[-2][-1]), map(int, re.findall("[1-5]", lines[-1]))
        meant = after((left, right), ball)
        assert reply == (END_THINK if now == meant else f"wait {left}-{right}: {meant}\n")
        objections += now != meant
    assert 160 < objections < 240


def test_stages_follow_one_another_and_the_last_one_goes_on():
    first, second = Stage(2), Stage(3, marking=0.5)
    assert [stage_at(step, (first, second)) for step in range(7)] == [first] * 2 + [second] * 5
    assert stage_at(10**6) is STAGES[-1]
    with pytest.raises(ValueError, match="marking"):
        Stage(2, marking=1.5)


def test_a_step_has_its_own_examples_always_the_same():
    one, again, other = (stage_batch(CONFIG, step, STAGES) for step in (7, 7, 8))
    assert torch.equal(one.ids, again.ids) and torch.equal(one.is_reply, again.is_reply)
    assert one.ids.shape != other.ids.shape or not torch.equal(one.ids, other.ids)


def test_only_what_follows_a_piece_is_learned_and_all_of_the_small_web():
    tokenizer = load_tokenizer()
    marked = next(stage_examples(Stage(1), "0", 192))
    assert tokenizer.decode(marked.prompt).endswith("\n")
    assert tokenizer.decode(marked.reply).startswith(("wait", END_THINK))
    read = next(stage_examples(Stage(1, marking=0), "0", 192))
    assert tokenizer.decode(read.prompt) == "<user>" and len(read) <= 192


@pytest.mark.slow
def test_mini_careful_is_mini_base_after_its_stages(tmp_path, monkeypatch):
    """A few short steps over two stages: the same weights as by hand, taken up again where it was stopped."""
    monkeypatch.setattr(curriculum, "CONFIG", CONFIG)
    stopped = recipes.make("mini-careful", 4, tmp_path)
    next(stopped)
    stopped.close()
    assert [one["step"] for one in recipes.make("mini-careful", 4, tmp_path)] == [2, 3]
    by_hand, _ = load("mini-base")
    list(train(by_hand, lambda step: stage_batch(CONFIG, step), CONFIG, loss=imitation_loss))
    made, _ = load(tmp_path)
    assert all(torch.equal(*pair) for pair in zip(round_to_half(by_hand).parameters(), made.parameters()))
