"""GRPO against golden values, enumeration of all a policy could say, and itself with its batches cut differently."""

import itertools
import math
from dataclasses import replace

import pytest
import torch

from course.learn import probes
from course.learn.grpo import GRPOConfig, grpo, scoring, training_problems
from course.learn.policy_gradient import (  # fmt: skip
    accumulate_gradients,
    centered_advantages,
    clipped_loss,
    constant_length,
    group_advantages,
    k1,
    k2,
    k3,
    leave_one_out_advantages,
    no_baseline,
    parts_of_like_length,
    reinforce_loss,
    sequence_mean,
    token_mean,
)
from course.learn.pretraining import new_model
from course.learn.rewards import compute_rewards, exact_answer
from course.model import load, score
from course.world import FAMILIES, Problem
from course.world.problem import split_of
from tests.learn.rollouts import gradients, rollouts, small

CONFIG = GRPOConfig(steps=2, prompts=3, group_size=4, max_new_tokens=24)


def rewards(*right, group):
    return torch.tensor([[1.0] * count + [0.0] * (group - count) for count in right])


# --- advantages


def test_group_advantages_are_the_golden_ones():
    found = group_advantages(rewards(1, 4, 7, group=8))
    assert found[:, 0].tolist() == pytest.approx([2.474, 0.935, 0.353], abs=1e-3)
    assert found[:, -1].tolist() == pytest.approx([-0.353, -0.935, -2.474], abs=1e-3)
    assert group_advantages(rewards(1, group=16))[0, 0].item() == pytest.approx(3.749, abs=1e-3)
    assert group_advantages(rewards(1, group=4))[0].tolist() == pytest.approx([1.5, -0.5, -0.5, -0.5], abs=1e-3)


def test_centered_and_leave_one_out_are_the_golden_ones():
    for right, plus, minus, alone in ((1, 0.875, -0.125, 1.0), (7, 0.125, -0.875, 0.142857)):
        assert centered_advantages(rewards(right, group=8))[0, [0, -1]].tolist() == pytest.approx([plus, minus])
        assert leave_one_out_advantages(rewards(right, group=8))[0, 0].item() == pytest.approx(alone, abs=1e-6)
    by_hand = [1 - (0 + 1) / 2, 0 - (1 + 1) / 2, 1 - (1 + 0) / 2]
    assert leave_one_out_advantages(torch.tensor([[1.0, 0.0, 1.0]]))[0].tolist() == pytest.approx(by_hand)


def test_a_group_that_agrees_gets_zeros_and_no_nan():
    for advantage in (group_advantages, centered_advantages, leave_one_out_advantages):
        assert torch.equal(advantage(torch.tensor([[1.0] * 8, [0.0] * 8, [0.3] * 8])), torch.zeros(3, 8))


@pytest.mark.parametrize(
    ("advantage", "share"), [(centered_advantages, 0.75), (leave_one_out_advantages, 1.0), (no_baseline, 1.0)]
)
def test_the_expected_gradient_is_the_policy_gradient_up_to_the_published_factor(advantage, share):
    """Groups of four coins, all sixteen outcomes weighed by their probability; the true gradient of p is p (1 - p)."""
    p = 0.574
    expected = 0.0
    for sides in itertools.product([0.0, 1.0], repeat=4):
        chance = math.prod(p if side else 1 - p for side in sides)
        scores = torch.tensor([side - p for side in sides])  # d log P(side) / d logit
        expected += chance * float((advantage(torch.tensor([sides]))[0] * scores).mean())
    assert expected == pytest.approx(share * p * (1 - p), rel=1e-5)


# --- losses


def test_the_clip_takes_the_minimum_for_advantages_of_both_signs():
    cases = [(-1, 1.5, -1.5, True), (-1, 0.5, -0.8, False), (1, 1.5, 1.2, False), (1, 0.5, 0.5, True)]
    for advantage, ratio, objective, moves in cases:
        new = torch.tensor([[math.log(ratio)]], requires_grad=True)
        loss = clipped_loss(new, torch.zeros(1, 1), torch.tensor([[float(advantage)]]))
        assert loss.item() == pytest.approx(-objective, abs=1e-6)
        loss.sum().backward()
        assert (new.grad.item() != 0) is moves


def test_clipping_higher_above_than_below_is_dapo_s():
    new = torch.tensor([[math.log(1.25)]])
    assert clipped_loss(new, torch.zeros(1, 1), torch.ones(1, 1), 0.2, 0.28).item() == pytest.approx(-1.25)


def test_reinforce_has_the_gradient_of_the_clipped_loss_where_nothing_moved_yet():
    new = torch.randn(3, 5, requires_grad=True)
    advantages = torch.tensor([[1.0], [-2.0], [0.5]])
    slopes = [
        torch.autograd.grad(loss(new, new.detach(), advantages).sum(), new)[0]
        for loss in (clipped_loss, reinforce_loss)
    ]
    assert torch.allclose(*slopes, atol=1e-6)


def test_a_token_counts_what_the_papers_say():
    lengths = torch.tensor([4, 16])
    assert sequence_mean(lengths, 16).tolist() == pytest.approx([0.125, 0.03125])
    assert token_mean(lengths, 16).tolist() == pytest.approx([0.05, 0.05])
    assert constant_length(lengths, 16).tolist() == pytest.approx([0.03125, 0.03125])


# --- KL, on everything a policy over five tokens could say


@pytest.fixture
def policies():
    generator = torch.Generator().manual_seed(0)
    logits, other = torch.randn(2, 5, generator=generator, dtype=torch.double)
    return logits.requires_grad_(), other.log_softmax(0)


def test_as_values_k1_and_k3_are_unbiased_and_k2_is_not(policies):
    logits, reference = policies
    new = logits.detach().log_softmax(0)
    exact = float((new.exp() * (new - reference)).sum())
    found = {one.__name__: float((new.exp() * one(new[None], reference[None])[0]).sum()) for one in (k1, k2, k3)}
    assert found["k1"] == pytest.approx(exact) and found["k3"] == pytest.approx(exact)
    assert abs(found["k2"] - exact) > 0.02


def test_as_losses_k1_has_no_gradient_k2_that_of_kl_and_k3_that_of_the_reverse(policies):
    logits, reference = policies
    new = logits.log_softmax(0)

    def expected(estimator):
        return torch.autograd.grad(
            (new.detach().exp() * estimator(new[None], reference[None])[0]).sum(), logits, retain_graph=True
        )[0]

    exact = torch.autograd.grad((new.exp() * (new - reference)).sum(), logits, retain_graph=True)[0]
    assert torch.allclose(expected(k1), torch.zeros(5, dtype=torch.double), atol=1e-12)
    assert torch.allclose(expected(k2), exact, atol=1e-12)
    assert torch.allclose(expected(k3), new.detach().exp() - reference.exp(), atol=1e-12)


# --- a batch


def test_the_gradient_of_a_batch_is_autograd_s_of_the_formula_written_out():
    """Row by row, token by token, with the old log-probs of another model, so that some ratios are clipped."""
    model, drawn = small(0), rollouts(small(1))
    advantages = group_advantages(compute_rewards(drawn, exact_answer, CONFIG.truncation_reward))
    seen = accumulate_gradients(model, drawn, advantages, **scoring(CONFIG), reduction=sequence_mean)
    found = gradients(model)
    total, clipped = 0.0, 0
    for ids, group, several in zip(drawn.prompt_ids, drawn.groups, advantages):
        for one, advantage in zip(group, several):
            reply = one.completion.token_ids
            logprobs = model(torch.tensor([ids + reply])).logits[0].log_softmax(-1)
            for place, token in enumerate(reply):
                ratio = (logprobs[len(ids) + place - 1, token] - one.completion.logprobs[place]).exp()
                kept = min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
                clipped += bool(kept != ratio * advantage)
                total = total - kept / len(reply) / 12
    total.backward()
    expected = gradients(model)
    assert seen["loss"] == pytest.approx(total.item(), abs=1e-5)
    assert clipped > 5 and seen["clipped"] == pytest.approx(clipped / int(drawn.lengths.sum()), abs=1e-6)
    for one, other in zip(found, expected):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("reduction", [token_mean, sequence_mean, constant_length])
def test_how_a_batch_is_cut_and_padded_changes_nothing(reduction):
    model, drawn = small(0), rollouts(small(1))
    advantages = group_advantages(compute_rewards(drawn, exact_answer, CONFIG.truncation_reward))
    found = {}
    for most in (1, 60, 100_000):  # every row alone, a few, all together
        seen = accumulate_gradients(
            model, drawn, advantages, **scoring(replace(CONFIG, tokens_at_once=most)), reduction=reduction
        )
        found[most] = [torch.tensor(seen["loss"]), *gradients(model)]
    for one, other, third in zip(*found.values()):
        assert torch.allclose(one, other, atol=1e-5) and torch.allclose(one, third, atol=1e-5)


def test_a_batch_in_another_order_is_the_same_batch():
    model, drawn = small(0), rollouts(small(1))
    advantages = group_advantages(compute_rewards(drawn, exact_answer, CONFIG.truncation_reward))
    accumulate_gradients(model, drawn, advantages, **scoring(CONFIG))
    found = gradients(model)
    turned = replace(drawn, prompt_ids=drawn.prompt_ids[::-1], groups=[group[::-1] for group in drawn.groups[::-1]])
    accumulate_gradients(model, turned, advantages.flip(0, 1), **scoring(CONFIG))
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(found, gradients(model)))


def test_groups_without_signal_are_counted_in_the_mean_and_give_no_gradient():
    model, drawn = small(0), rollouts(small(0))
    advantages = torch.zeros(3, 4)
    advantages[0] = torch.tensor([1.0, 1.0, -1.0, -1.0])
    accumulate_gradients(model, drawn, advantages, **scoring(CONFIG))
    found = gradients(model)
    alone = replace(drawn, prompt_ids=drawn.prompt_ids[:1], groups=drawn.groups[:1])
    accumulate_gradients(model, alone, advantages[:1], **scoring(CONFIG))
    share = int(alone.lengths.sum()) / int(drawn.lengths.sum())
    for one, other in zip(found, gradients(model)):
        assert torch.allclose(one, share * other, atol=1e-6)
    nothing = accumulate_gradients(model, alone, torch.zeros(1, 4), **scoring(CONFIG))
    assert all(weight.grad is None for weight in model.parameters())
    assert nothing == {"loss": 0.0, "ratio": 1.0, "clipped": 0.0, "kl": 0.0}


def test_the_end_of_a_reply_is_pushed_like_any_token():
    """Replies that differ in their length only: what is learned is where to end."""
    model, drawn = small(0), rollouts(small(0))
    assert drawn.groups[0][0].completion.token_ids[-1] == 1
    advantages = torch.zeros(3, 4)
    advantages[0, 0] = 1.0
    prompt, reply = drawn.prompt_ids[0], drawn.groups[0][0].completion.token_ids

    def end():
        with torch.no_grad():
            return float(score(model, [prompt], [reply]).logprobs[0, -1])

    before = end()
    accumulate_gradients(model, drawn, advantages, **scoring(CONFIG))
    with torch.no_grad():
        for weight in model.parameters():
            weight -= 0.02 * weight.grad
    assert end() > before


def test_a_truncated_completion_gets_the_reward_that_the_config_says():
    drawn = rollouts(small(0), cut=1)
    paid = compute_rewards(drawn, lambda one: 7.0, -0.5)
    assert paid[:, -1].tolist() == [-0.5, -0.5, -0.5] and (paid[:, :-1] == 7.0).all()
    assert compute_rewards(drawn, exact_answer, CONFIG.truncation_reward)[:, -1].tolist() == [0.0, 0.0, 0.0]


def test_the_kl_term_adds_its_weight_times_the_estimate():
    model, reference, drawn = small(0), small(1), rollouts(small(0))
    config = replace(CONFIG, kl=0.3)
    seen = accumulate_gradients(model, drawn, torch.zeros(3, 4), **scoring(config), reference=reference, estimator=k3)
    found = gradients(model)
    rows, prompts = drawn.rows, [ids for ids in drawn.prompt_ids for _ in range(4)]
    texts = prompts, [one.completion.token_ids for one in rows]
    mine, other = score(model, *texts), score(reference, *texts)
    distance = (k3(mine.logprobs, other.logprobs.detach()) * mine.mask).sum() / mine.mask.sum()
    (0.3 * distance).backward()
    assert seen["kl"] == pytest.approx(distance.item(), rel=1e-5)
    assert seen["loss"] == pytest.approx(0.3 * distance.item(), rel=1e-4)
    assert seen["clipped"] == 0  # nothing is pushed by an advantage, so nothing can be clipped
    assert all(torch.allclose(one, two, atol=1e-5) for one, two in zip(found, gradients(model)))
    assert all(weight.grad is None for weight in reference.parameters())
    with pytest.raises(ValueError, match="a KL term needs a reference"):
        next(grpo(model, None, config))


def test_parts_hold_every_row_once_sorted_by_length_and_no_more_tokens_than_allowed():
    sizes = {row: 5 + row * 7 % 23 for row in range(40)}
    parts = list(parts_of_like_length(sizes, 60))
    assert sorted(row for part in parts for row in part) == list(range(40))
    assert all(len(part) * max(sizes[row] for row in part) <= 60 for part in parts)
    assert [row for part in parts for row in part] == sorted(sizes, key=sizes.get)


# --- the loop


def test_a_step_s_problems_are_of_the_train_split_in_equal_shares_and_new_every_time():
    config = GRPOConfig(prompts=12)
    first, again, later = (training_problems(config, step) for step in (0, 0, 1))
    assert first == again and {one.key for one in first}.isdisjoint(one.key for one in later)
    assert {split_of(one.key) for one in first} == {"train"}
    counts = [sum(one.family == family for one in first) for family in FAMILIES]
    assert sum(counts) == 12 and max(counts) - min(counts) <= 1


@pytest.mark.slow
def test_two_steps_from_the_base_model_move_it_and_say_what_happened():
    model, tokenizer = load("mini-base")
    before = model.embedding.weight.clone()
    config = GRPOConfig(steps=2, prompts=10, group_size=4, max_new_tokens=80)
    first, second = grpo(model, tokenizer, config)
    assert not torch.equal(before, model.embedding.weight)
    assert first["ratio"] == pytest.approx(1.0, abs=1e-4) and first["clipped"] == 0.0
    assert first["rewards"].shape == (10, 4) and first["reward"] == pytest.approx(first["rewards"].mean().item())
    assert (
        first["right"] == first["reward"] and 0 < first["zero_variance"] < 1 and second["step"] == second["steps"] == 2
    )


def test_more_updates_than_one_move_the_ratio_and_clip():
    model, tokenizer = load("mini-base")
    config = GRPOConfig(steps=1, prompts=10, group_size=4, max_new_tokens=40, iterations=3, learning_rate=3e-3)
    (stats,) = grpo(model, tokenizer, config)
    assert stats["clipped"] > 0 and abs(stats["ratio"] - 1) > 1e-3


@pytest.mark.slow
def test_a_run_left_and_resumed_ends_with_the_same_weights_bit_for_bit(tmp_path):
    config = GRPOConfig(steps=4, prompts=5, group_size=4, max_new_tokens=30)
    (whole, tokenizer), (pieces, _) = load("mini-base"), load("mini-base")
    list(grpo(whole, tokenizer, config))
    file = tmp_path / "progress.safetensors"
    for stats in grpo(pieces, tokenizer, config, checkpoint=file, every=2):
        if stats["step"] == 3:
            break
    fresh, _ = load("mini-base")
    assert [stats["step"] for stats in grpo(fresh, tokenizer, config, checkpoint=file)] == [4]
    assert all(torch.equal(*pair) for pair in zip(whole.parameters(), fresh.parameters()))
    with pytest.raises(ValueError, match="belongs to a run with other settings"):
        next(grpo(fresh, tokenizer, replace(config, seed=1), checkpoint=file))


def test_a_loop_over_another_task_needs_nothing_of_the_world():
    """Rewards, problems and what is watched are passed in: here a task without families."""
    model, tokenizer = load("mini-base")
    asked = [Problem("none", 1, "a", "", (), f"none:{number}") for number in range(4)]
    config = GRPOConfig(steps=1, prompts=4, group_size=4, max_new_tokens=5)
    settings = {"problems": lambda config, step: asked, "watch": lambda groups: {}}
    (stats,) = grpo(model, tokenizer, config, reward=lambda one: float(one.tokens), **settings)
    assert "right" not in stats and stats["length_rewarded"] >= stats["length_unrewarded"]


def test_every_step_samples_with_a_seed_of_its_own():
    """Asked the same problems every time, a model that does not change still replies otherwise at each step."""
    model, tokenizer = load("mini-base")
    asked = training_problems(CONFIG, 0)
    config = replace(CONFIG, learning_rate=0.0, max_new_tokens=12)
    first, second = grpo(model, tokenizer, config, problems=lambda config, step: asked)
    said = [[one.completion.token_ids for one in stats["rollouts"].rows] for stats in (first, second)]
    assert said[0] != said[1]
    (other,) = grpo(model, tokenizer, replace(config, steps=1, seed=1), problems=lambda config, step: asked)
    assert [one.completion.token_ids for one in other["rollouts"].rows] != said[0]


def test_a_step_is_adam_of_the_paper_s_betas_on_the_clipped_gradient_without_decay():
    """Two iterations by hand, with a clip that bites: first and second moments as Kingma and Ba (2015) write them."""
    config = replace(probes.STEP, steps=1, prompts=4, group_size=4, max_new_tokens=3, iterations=2)
    config = replace(config, clip_norm=1e-3, learning_rate=0.03)
    reward = lambda one: one.tokens + 0.1 * len(set(one.completion.token_ids))  # noqa: E731
    model, twin = new_model(probes.TINY, 0), new_model(probes.TINY, 0)
    (stats,) = probes.run(model, "ab", reward, config)
    advantages = group_advantages(stats["rewards"])
    first = second = 0.0
    for step in (1, 2):
        accumulate_gradients(twin, stats["rollouts"], advantages, **scoring(config))
        gradient = torch.cat([weight.grad.flatten() for weight in twin.parameters()])
        twin.zero_grad()
        assert gradient.norm() > 10 * config.clip_norm
        gradient = gradient * config.clip_norm / (gradient.norm() + 1e-6)
        first, second = 0.9 * first + 0.1 * gradient, 0.95 * second + 0.05 * gradient**2
        move = first / (1 - 0.9**step) / ((second / (1 - 0.95**step)).sqrt() + 1e-8)
        vector = torch.nn.utils.parameters_to_vector(twin.parameters()) - config.learning_rate * move
        torch.nn.utils.vector_to_parameters(vector, twin.parameters())
    assert stats["gradient"] > 10 * config.clip_norm
    found = torch.nn.utils.parameters_to_vector(model.parameters())
    assert torch.allclose(found, vector, atol=1e-4), (found - vector).abs().max()
