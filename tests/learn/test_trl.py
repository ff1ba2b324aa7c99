"""Our loss and its gradient against TRL's own trainer, on the same completions of the same model."""

from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM

from course.learn.grpo import GRPOConfig, scoring
from course.learn.policy_gradient import (
    accumulate_gradients,
    clipped_loss,
    constant_length,
    group_advantages,
    k3,
    sequence_mean,
    token_mean,
)
from course.learn.rewards import compute_rewards, exact_answer
from course.model import load, save, score
from course.model.batches import pad_left
from course.model.layout import weights_to_ours
from course.world.tokenizer import load_tokenizer
from tests.learn.rollouts import gradients, rollouts, small

CONFIG = GRPOConfig(prompts=3, group_size=4, max_new_tokens=24)
REDUCTIONS = {"grpo": sequence_mean, "bnpo": token_mean, "dr_grpo": constant_length, "dapo": token_mean}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    save(small(0), load_tokenizer(), folder)
    return folder


def trainer(folder, out, **settings):
    """TRL's trainer over the same checkpoint; it trains nothing here, only its loss is asked for."""
    from datasets import Dataset
    from trl import GRPOConfig as Settings
    from trl import GRPOTrainer

    arguments = Settings(
        output_dir=str(out),
        per_device_train_batch_size=12,
        num_generations=4,
        max_completion_length=CONFIG.max_new_tokens,
        use_cpu=True,
        bf16=False,
        report_to=[],
        **settings,
    )
    model = AutoModelForCausalLM.from_pretrained(folder)
    data = Dataset.from_dict({"prompt": ["a"] * 12})
    made = GRPOTrainer(
        model=model,
        processing_class=load_tokenizer(),
        reward_funcs=lambda **_: [0.0],
        args=arguments,
        train_dataset=data,
    )
    made.current_gradient_accumulation_steps = 1  # set by `train`, which is not called
    made.model.eval()
    return made


def batch(drawn, advantages):
    """Our rollouts as TRL holds them: prompts padded on the left, completions on the right."""
    prompts, prompt_mask = pad_left([ids for ids in drawn.prompt_ids for _ in range(4)])
    longest = int(drawn.lengths.max())
    completions = torch.zeros(12, longest, dtype=torch.long)
    old = torch.zeros(12, longest)
    mask = torch.zeros(12, longest, dtype=torch.long)
    for row, one in enumerate(drawn.rows):
        completions[row, : one.tokens] = torch.tensor(one.completion.token_ids)
        old[row, : one.tokens] = torch.tensor(one.completion.logprobs)
        mask[row, : one.tokens] = 1
    return {
        "prompt_ids": prompts,
        "prompt_mask": prompt_mask,
        "completion_ids": completions,
        "completion_mask": mask,
        "advantages": advantages.flatten(),
        "old_per_token_logps": old,
        "num_items_in_batch": mask.sum(),
    }


def theirs_in_our_order(model, ours):
    """Their gradient, as a checkpoint of ours would hold it: theirs keeps queries, keys and values apart."""
    found = {name: weight.grad for name, weight in model.named_parameters()}
    stacked = weights_to_ours(found, ours.config)
    return [stacked[name] for name, _ in ours.named_parameters()]


@pytest.mark.slow
@pytest.mark.parametrize("kind", REDUCTIONS)
def test_loss_and_gradient_equal_trl_s(kind, folder, tmp_path):
    ours, _ = load(folder)
    drawn = rollouts(small(1))  # another model's: ratios far from 1, some of them clipped
    advantages = group_advantages(compute_rewards(drawn, exact_answer, CONFIG.truncation_reward))
    seen = accumulate_gradients(ours, drawn, advantages, clipped_loss, REDUCTIONS[kind], **scoring(CONFIG))
    made = trainer(folder, tmp_path, loss_type=kind)
    loss = made._compute_loss(made.model, batch(drawn, advantages))
    loss.backward()
    assert seen["clipped"] > 0.05
    assert seen["loss"] == pytest.approx(loss.item(), abs=1e-5)
    for one, other in zip(gradients(ours), theirs_in_our_order(made.model, ours)):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.slow
def test_the_kl_term_equals_trl_s(folder, tmp_path):
    ours, _ = load(folder)
    reference, drawn = small(2), rollouts(small(1))
    advantages = group_advantages(compute_rewards(drawn, exact_answer, CONFIG.truncation_reward))
    config = replace(CONFIG, kl=0.04)
    seen = accumulate_gradients(ours, drawn, advantages, clipped_loss, token_mean, reference, k3, **scoring(config))
    made = trainer(folder, tmp_path, loss_type="dapo", beta=0.04, use_bias_correction_kl=False)
    inputs = batch(drawn, advantages)
    prompts = [ids for ids in drawn.prompt_ids for _ in range(4)]
    with torch.no_grad():
        inputs["ref_per_token_logps"] = score(
            reference, prompts, [one.completion.token_ids for one in drawn.rows]
        ).logprobs
    loss = made._compute_loss(made.model, inputs)
    loss.backward()
    assert seen["loss"] == pytest.approx(loss.item(), abs=1e-5)
    for one, other in zip(gradients(ours), theirs_in_our_order(made.model, ours)):
        assert torch.allclose(one, other, atol=1e-5)
