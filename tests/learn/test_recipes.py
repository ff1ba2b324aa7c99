"""What `course train` makes, and how it says what it cannot."""

import pytest
import torch

from course.learn import recipes
from course.learn.grpo import GRPOConfig, grpo
from course.learn.pretraining import round_to_half
from course.model import load


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


def test_a_name_without_a_recipe_is_a_one_line_error(tmp_path):
    with pytest.raises(ValueError, match="no recipe for 'mini-huge': choose one of mini-base, .*mini-zero"):
        next(recipes.make("mini-huge", folder=tmp_path))
