"""Settings that cannot be used are refused by their name, and numbers that are not finite never reach the weights."""

import math
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course.learn import probes
from course.learn.grpo import GRPOConfig
from course.learn.policy_gradient import centered_advantages, group_advantages, leave_one_out_advantages, no_baseline
from course.learn.pretraining import new_model
from course.learn.rewards import compute_rewards
from course.learn.settings import between, finite, whole
from course.learn.sft import TrainingExample, shuffled_batches
from course.learn.training import TrainingConfig, next_token_loss, step_seed, train
from course.model.transformer import ModelConfig
from tests.learn.rollouts import rollouts, small

SMALL = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)
CONFIG = TrainingConfig(steps=3, rows=2, length=16, warmup=1)
SHORT = replace(probes.STEP, steps=2, prompts=2, group_size=2, max_new_tokens=3)
WRONG = {  # of each field: what lies outside its range
    GRPOConfig: {
        "steps": [0, -1],
        "prompts": [0],
        "group_size": [0],
        "max_new_tokens": [0],
        "temperature": [0, -1.0, math.nan, math.inf],
        "learning_rate": [-1e-9, math.nan, math.inf],
        "clip_norm": [0, -1.0, math.nan],
        "iterations": [0],
        "kl": [-0.1, math.nan, math.inf],
        "truncation_reward": [math.nan, math.inf, -math.inf],
        "tokens_at_once": [0],
        "seed": [-1],
    },
    TrainingConfig: {
        "steps": [0],
        "rows": [0],
        "length": [1],
        "learning_rate": [-1e-9, math.nan, math.inf],
        "warmup": [-1],
        "decay": [-0.1, 1.1, math.nan],
        "weight_decay": [-0.1, math.inf],
        "clip": [0, -1, math.nan],
        "seed": [-1],
    },
}
FIELDS = [(kind, name, value) for kind, names in WRONG.items() for name, values in names.items() for value in values]


@pytest.mark.parametrize(("kind", "name", "value"), FIELDS)
def test_a_setting_outside_its_range_is_an_error_that_names_the_field(kind, name, value):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\.{name} must be a .*: found "):
        kind(**{name: value})


def test_every_setting_has_a_range_and_its_ends_are_allowed():
    assert {kind: set(names) for kind, names in WRONG.items()} == {
        kind: {field.name for field in fields(kind)} for kind in WRONG
    }
    GRPOConfig(1, 1, 1, 1, 1e-9, 0.0, math.inf, 1, 0.0, -1e9, 1, 0)
    TrainingConfig(1, 1, 2, 0.0, 0, 0.0, 0.0, math.inf, 0)
    TrainingConfig(decay=1)


def test_what_is_no_such_number_at_all_is_an_error_that_names_the_field():
    checks = {
        "whole": (lambda owner: whole(owner, 0, "it"), [1.0, "1", None, True, math.nan]),
        "between": (lambda owner: between(owner, 0, 1, "it"), ["1", None, True, math.nan]),
        "finite": (lambda owner: finite(owner, "it"), ["1", None, True, math.nan]),
    }
    for check, values in checks.values():
        check(SimpleNamespace(it=1))
        for value in values:
            with pytest.raises(ValueError, match=r"^SimpleNamespace\.it must be a .*: found "):
                check(SimpleNamespace(it=value))


@pytest.mark.parametrize("advantage", [group_advantages, centered_advantages, leave_one_out_advantages])
def test_a_group_of_one_is_an_error_where_completions_are_compared_and_the_weights_stay(advantage):
    model = new_model(probes.TINY, 0)
    before = [weight.clone() for weight in model.parameters()]
    with pytest.raises(ValueError, match="step 1: a group of one completion .* group_size must be at least 2"):
        list(probes.run(model, "ab", lambda one: 1.0, replace(SHORT, group_size=1), advantage=advantage))
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters()))
    alone = probes.run(new_model(probes.TINY, 0), "ab", lambda one: 1.0, replace(SHORT, group_size=1))
    with pytest.raises(ValueError, match="group of one"):
        next(alone)
    one = replace(SHORT, group_size=1)
    assert len(list(probes.run(new_model(probes.TINY, 0), "ab", lambda _: 1.0, one, advantage=no_baseline))) == 2


@pytest.mark.parametrize("kind", [bool, int, float, np.float32, np.bool_, torch.tensor])
def test_a_reward_may_be_any_kind_of_number(kind):
    drawn = rollouts(small(0))
    found = compute_rewards(drawn, lambda one: kind(one.tokens > 3), 0.0)
    assert found.dtype == torch.float32
    assert found.tolist() == [[float(one.tokens > 3) for one in group] for group in drawn.groups]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e39, None, "1", torch.ones(2)])
def test_a_reward_that_is_no_finite_number_is_an_error_that_says_of_which_completion_and_the_weights_stay(value):
    drawn = rollouts(small(0))
    chosen = drawn.groups[1][2]
    with pytest.raises(ValueError, match="completion 3 of problem 2: its reward"):
        compute_rewards(drawn, lambda one: value if one is chosen else 0.0, 0.0)
    model = new_model(probes.TINY, 0)
    before: list[torch.Tensor] = []  # filled after the first step, from when on rewards are wrong
    run = probes.run(model, "ab", lambda one: value if before else float(one.tokens), replace(SHORT, group_size=8))
    with pytest.raises(ValueError, match=r"^step 2: completion \d of problem \d: its reward"):
        for _ in run:
            before = [weight.detach().clone() for weight in model.parameters()]
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters()))


@pytest.mark.parametrize("piece", ["advantage", "loss"])
def test_no_other_piece_brings_a_nan_into_the_weights(piece):
    model = new_model(probes.TINY, 0)
    before = [weight.clone() for weight in model.parameters()]
    broken = {
        "advantage": lambda rewards: torch.full_like(rewards, math.nan),
        "loss": lambda new, old, advantages: new * math.nan,
    }
    with pytest.raises(ValueError, match=r"^step 1: .*nan"):
        list(probes.run(model, "ab", lambda one: float(one.tokens), SHORT, **{piece: broken[piece]}))
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters()))


@pytest.mark.parametrize(
    ("spoilt", "named"),
    [
        (lambda loss: loss * math.nan, "loss is nan"),
        (lambda loss: loss * math.inf, "loss is inf"),
        (lambda loss: loss + 0 * (loss - loss.detach()).sqrt(), "gradient is nan"),
    ],
)
def test_a_loss_or_a_gradient_that_is_not_finite_ends_the_run_before_the_weights_change(spoilt, named):
    model = new_model(SMALL, 0)
    rows = torch.randint(6, 512, (2, 16), generator=torch.Generator().manual_seed(0))
    run = train(
        model,
        lambda step: step,
        CONFIG,
        loss=lambda model, step: (spoilt if step else lambda loss: loss)(next_token_loss(model, rows)),
    )
    next(run)
    before = [weight.detach().clone() for weight in model.parameters()]
    with pytest.raises(ValueError, match=f"^step 2: the {named}"):
        next(run)
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters()))


def test_examples_without_tokens_and_steps_without_rows_are_errors():
    for prompt, reply in (((), (1,)), ((1,), ())):
        with pytest.raises(ValueError, match="a prompt and a reply of at least one token"):
            TrainingExample(prompt, reply)
    with pytest.raises(ValueError, match="at least one row: found rows=0"):
        shuffled_batches([TrainingExample((1,), (2,))], 0, 20)
    with pytest.raises(ValueError, match="at least 1: found every=0"):
        next(train(new_model(SMALL, 0), lambda step: None, CONFIG, every=0))


def test_no_two_steps_share_a_seed():
    assert len({step_seed(seed, step) for seed in range(20) for step in range(5000)}) == 100_000
    assert step_seed(0, 3) == 3 and step_seed(2, 5) == 2_000_011
