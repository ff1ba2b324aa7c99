"""Noise and signal: on gradients whose spread is known, and on a policy small enough to enumerate."""

import math

import pytest
import torch

from course.learn.grpo import GRPOConfig, sample_batch, scoring, training_problems
from course.learn.noise import GradientNoise, compared, draws, gradient, noise_of
from course.learn.policy_gradient import (
    accumulate_gradients,
    centered_advantages,
    constant_length,
    group_advantages,
    k1,
    k2,
    no_baseline,
    sequence_mean,
)
from course.learn.probes import SymbolTokenizer, babbler
from course.model import load
from course.world import Problem
from tests.learn.rollouts import rollouts, small

CONFIG = GRPOConfig(prompts=5, group_size=4, max_new_tokens=24, seed=1)


def test_noise_and_signal_are_those_they_were_drawn_with():
    generator = torch.Generator().manual_seed(0)
    mean = torch.full((500,), 0.3)
    found = noise_of(mean + 2.0 * torch.randn(400, 500, generator=generator))
    assert found.noise == pytest.approx(500 * 4.0, rel=0.02)
    assert found.signal == pytest.approx(500 * 0.09, rel=0.1), "without what the noise adds: 5 to 45"
    assert found.noise_scale == pytest.approx(2000 / 45, rel=0.1)


def test_without_signal_no_number_of_batches_is_enough():
    assert math.isinf(GradientNoise(-0.1, 1.0).noise_scale)
    with pytest.raises(ValueError, match="at least two"):
        noise_of(torch.zeros(1, 3))


def test_the_gradient_is_accumulate_s_and_leaves_the_model_as_it_was():
    model, drawn = small(0), rollouts(small(0))
    advantages = torch.tensor([[1.0, 1.0, -1.0, -1.0], [0.0] * 4, [0.0] * 4])
    before = [weight.detach().clone() for weight in model.parameters()]
    found = gradient(model, drawn, advantages, CONFIG, reduction=sequence_mean)
    accumulate_gradients(model, drawn, advantages, **scoring(CONFIG), reduction=sequence_mean)
    assert torch.equal(found, torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters()))
    assert not gradient(model, drawn, torch.zeros(3, 4), CONFIG).any()


def test_every_draw_is_of_the_same_prompts_and_is_another():
    model, tokenizer = load("mini-base")
    problems = training_problems(CONFIG, 0)
    first, second = draws(model, tokenizer, problems, CONFIG, 2)
    assert first[0].prompt_ids == second[0].prompt_ids and first[1].shape == (5, 4)
    assert first[0].rows != second[0].rows


def test_a_baseline_does_not_care_what_zero_is_and_reinforce_does():
    """Rewards of -1 and 0 instead of 0 and 1: the same gradient with the group's mean taken off, another without."""
    model, drawn = small(0), rollouts(small(0))
    rewards = torch.tensor([[1.0, 1.0, 0.0, 0.0]] * 3)
    for way, same in ((centered_advantages, True), (group_advantages, True), (no_baseline, False)):
        pair = [gradient(model, drawn, way(rewards - shift), CONFIG) for shift in (0.0, 1.0)]
        assert torch.allclose(*pair, atol=1e-6) is same


@pytest.mark.slow
def test_as_a_loss_k1_is_noise_and_k2_has_signal():
    """A babbler against another: the KL between them has a gradient, of which k1's mean shows nothing."""
    model, other = babbler(0), babbler(1)
    config = GRPOConfig(prompts=1, group_size=64, max_new_tokens=40, kl=1.0)
    asked = [Problem("probe", 1, "?", "", (), "probe:0")]
    drawn = [
        (sample_batch(model, SymbolTokenizer(), asked, config, step, ask=str), torch.zeros(1, 64)) for step in range(40)
    ]
    found = {
        estimator: compared(
            model,
            drawn,
            {"": torch.zeros_like},
            config,
            reference=other,
            estimator=estimator,
            reduction=constant_length,
        )[""]
        for estimator in (k1, k2)
    }
    assert found[k1].noise > 20 * abs(found[k1].signal)
    assert found[k2].noise_scale < 5
