"""What `course train` makes, and how it says what it cannot."""

import pytest
import torch

from course.learn import recipes
from course.learn.distillation import as_examples, collect_traces
from course.learn.grpo import GRPOConfig, grpo
from course.learn.pretraining import round_to_half
from course.learn.sft import imitation_loss, shuffled_batches
from course.learn.training import TrainingConfig, train
from course.model import load
from course.world import FAMILIES, draw_problems


@pytest.mark.slow
def test_mini_zero_is_mini_base_after_the_loop_of_its_chapter(tmp_path, monkeypatch):
    """Two short steps: the same weights as by hand, rounded as a checkpoint holds them, and nothing left to do."""
    monkeypatch.setattr(recipes, "GRPOConfig", lambda seed: GRPOConfig(seed=seed, prompts=5, group_size=4))
    stats = list(recipes.make("mini-zero", 3, tmp_path, steps=2))
    assert [one["step"] for one in stats] == [1, 2]
    by_hand, tokenizer = load("mini-base")
    list(grpo(by_hand, tokenizer, GRPOConfig(seed=3, prompts=5, group_size=4, steps=2)))
    made, _ = load(tmp_path)
    assert all(torch.equal(*pair) for pair in zip(round_to_half(by_hand).parameters(), made.parameters()))
    assert list(recipes.make("mini-zero", 3, tmp_path, steps=2)) == []
    assert len(list(recipes.make("mini-zero", 3, tmp_path, steps=1, resume=False))) == 1


@pytest.mark.slow
def test_mini_distill_is_mini_student_after_the_right_replies_of_mini_zero(tmp_path, monkeypatch):
    """Two steps on few questions: the same weights as by hand, taken up again where it was stopped."""
    few = lambda name, n, split, seed: draw_problems(name, 25, split=split, seed=seed)  # noqa: E731
    monkeypatch.setattr(recipes, "draw_problems", few)
    stopped = recipes.make("mini-distill", 3, tmp_path, steps=2)
    next(stopped)
    assert [one["step"] for one in recipes.make("mini-distill", 3, tmp_path, steps=2)] == [2]
    (student, tokenizer), teacher = load("mini-student"), load("mini-zero")[0]
    problems = [one for name in FAMILIES for one in draw_problems(name, 25, split="train", seed=3)]
    kept = collect_traces(teacher, tokenizer, problems, seed=3)
    assert all(one.right for one in kept) and 60 < len(kept) < 125
    config = TrainingConfig(steps=2, length=320, learning_rate=5e-3, warmup=20, seed=3)
    batch = shuffled_batches(as_examples(tokenizer, kept), config.rows, 320, seed=3)
    list(train(student, batch, config, loss=imitation_loss))
    made, _ = load(tmp_path)
    assert all(torch.equal(*pair) for pair in zip(round_to_half(student).parameters(), made.parameters()))
    assert list(recipes.make("mini-distill", 3, tmp_path, steps=2)) == []


def test_a_name_without_a_recipe_is_a_one_line_error(tmp_path):
    with pytest.raises(ValueError, match="no recipe for 'mini-huge': choose one of mini-base, .*mini-zero"):
        next(recipes.make("mini-huge", folder=tmp_path))
