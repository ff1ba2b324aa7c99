"""Making a model from nothing: its texts, its recipe, what is left in the folder."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from course.learn import pretraining
from course.learn.pretraining import RECIPES, Recipe, new_model, round_to_half, rows, train_model
from course.learn.training import TrainingConfig
from course.model import load
from course.model.moe import Experts
from course.model.transformer import ModelConfig
from course.world.corpus import Mixture

TINY = Recipe(
    ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32),
    TrainingConfig(steps=3, rows=2, length=64, warmup=1),
)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    monkeypatch.setattr(pretraining, "THREADS", 1)


def test_a_step_s_rows_depend_on_seed_and_step_alone():
    config = TINY.training
    assert torch.equal(rows(Mixture(), config, 7), rows(Mixture(), config, 7))
    assert not torch.equal(rows(Mixture(), config, 7), rows(Mixture(), config, 8))
    assert not torch.equal(rows(Mixture(), config, 7), rows(Mixture(), replace(config, seed=1), 7))


def test_every_row_starts_with_a_question_and_is_full():
    packed = rows(Mixture(), replace(TINY.training, rows=50), 0)
    assert packed.shape == (50, 64)
    assert set(packed[:, 0].tolist()) == {2}  # <user>
    assert not (packed == 0).any()  # <pad>


def test_a_trained_model_can_be_loaded_and_has_rounded_weights(tiny, tmp_path):
    stats = list(train_model("tiny", seed=1, folder=tmp_path))
    assert [one["step"] for one in stats] == [1, 2, 3]
    model, tokenizer = load(str(tmp_path))
    assert tokenizer.eos_token_id == 1
    assert all(torch.equal(weight, weight.half().float()) for weight in model.parameters())


def test_a_second_call_goes_on_and_fresh_begins_again(tiny, tmp_path):
    first = train_model("tiny", folder=tmp_path)
    next(first)
    assert [one["step"] for one in train_model("tiny", folder=tmp_path)] == [2, 3]
    assert list(train_model("tiny", folder=tmp_path)) == []
    assert len(list(train_model("tiny", folder=tmp_path, resume=False))) == 3


def test_a_name_without_a_recipe_is_a_one_line_error(tmp_path):
    with pytest.raises(ValueError, match="no recipe for 'mini-huge': choose one of mini-base"):
        next(train_model("mini-huge", folder=tmp_path))


def test_rounding_to_half_is_what_a_checkpoint_does():
    model = new_model(TINY.model, 0)
    expected = {name: weight.half().float() for name, weight in model.state_dict().items()}
    round_to_half(model)
    assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())


def test_pretraining_balances_the_experts_after_every_step(monkeypatch, tmp_path):
    """The biases of the routers move by one step of the balancing each time, and stand rounded in the checkpoint."""
    routed = replace(TINY, model=replace(TINY.model, layers=2, experts=Experts(count=4, intermediate_size=16)))
    monkeypatch.setitem(RECIPES, "tiny", routed)
    monkeypatch.setattr(pretraining, "THREADS", 1)
    for steps, _ in enumerate(train_model("tiny", folder=tmp_path), start=1):
        progress = load_file(tmp_path / "progress.safetensors") if steps == 3 else {}
    (bias,) = (value for name, value in progress.items() if name.startswith("model/") and name.endswith("router.bias"))
    assert bias.any() and bias.abs().max() <= 3.001e-3
    made = load(tmp_path)[0].state_dict()["blocks.1.feed_forward.router.bias"]
    assert torch.equal(made, bias.half().float())


def test_training_leaves_the_number_of_threads_as_it_was(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining, "THREADS", 2)
    run = train_model("tiny", folder=tmp_path)
    next(run)
    assert torch.get_num_threads() == 2
    run.close()
    assert torch.get_num_threads() == 1
