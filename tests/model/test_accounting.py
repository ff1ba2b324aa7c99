"""Parameters counted by formula against models built without memory and published totals; FLOPs by torch's count."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, DeepseekV3Config, MixtralConfig, Qwen3MoeConfig

from course.model.accounting import (
    PUBLISHED,
    cache_bytes,
    count,
    forward_flops,
    sampling_flops,
    sizes_of,
    training_flops,
)
from course.model.moe import Experts
from course.model.transformer import ModelConfig, Transformer, parameter_count

BILLION = 10**9


@pytest.mark.parametrize(
    ("name", "total", "active"), [("DeepSeek-V3", 671, 37), ("Mixtral 8x7B", 46.7, 12.9), ("Qwen3-30B-A3B", 30.5, 3.3)]
)
def test_published_totals_come_out_within_two_percent(name, total, active):
    found = count(PUBLISHED[name])
    assert found.total / BILLION == pytest.approx(total, rel=0.02)
    assert found.active / BILLION == pytest.approx(active, rel=0.02)


CONFIGS = {
    "DeepSeek-V3": DeepseekV3Config(),  # its defaults are the published sizes
    "Mixtral 8x7B": MixtralConfig(),
    "Qwen3-30B-A3B": Qwen3MoeConfig(
        vocab_size=151936, num_hidden_layers=48, num_key_value_heads=4, head_dim=128,
        num_experts=128, num_experts_per_tok=8, moe_intermediate_size=768,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_the_formula_counts_what_transformers_builds(name):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(CONFIGS[name])
    assert count(PUBLISHED[name]).total == sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize(
    "experts", [None, Experts(), Experts(count=16, per_token=4, intermediate_size=64, shared=2, dense_first=0)]
)
def test_our_own_models_are_counted_exactly(experts):
    config = ModelConfig(experts=experts)
    model = Transformer(config)
    found = count(sizes_of(config))
    assert (found.total, found.active) == (parameter_count(model), parameter_count(model, active=True))


def counted(model, **reading) -> int:
    """What torch counts of the matrix products of one forward pass; those inside a fused kernel it does not see."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        model(**reading)
    return counter.get_total_flops()


def test_reading_one_more_token_costs_what_torch_counts():
    config = ModelConfig()
    model, cache = Transformer(config).eval(), Transformer(config).new_cache()
    with torch.no_grad():
        model(torch.full((1, 99), 7), cache=cache)
    assert forward_flops(config, 1, before=99) == pytest.approx(
        counted(model, input_ids=torch.tensor([[7]]), cache=cache), rel=3e-3
    )


def test_a_text_costs_as_much_as_its_tokens_one_by_one():
    config = ModelConfig(hidden_size=64, intermediate_size=96)
    assert forward_flops(config, 40) == pytest.approx(sum(forward_flops(config, 1, before) for before in range(40)))
    assert forward_flops(config, 40) == pytest.approx(forward_flops(config, 15) + forward_flops(config, 25, before=15))


def test_experts_that_are_not_chosen_cost_nothing():
    few, many = (ModelConfig(experts=Experts(count=number)) for number in (4, 8))
    routers = 2 * 3 * few.hidden_size * 4  # three layers with experts each score four more of them
    assert forward_flops(many, 1) - forward_flops(few, 1) == routers


def test_training_costs_six_a_weight_and_sampling_two():
    """Without attention to speak of: one weight, one token, 6 and 2."""
    config = ModelConfig()
    active = count(sizes_of(config)).active
    assert training_flops(config, 1) / active == pytest.approx(6, rel=0.01)
    assert sampling_flops(config, 1, [2]) / active == pytest.approx(
        4, rel=0.01
    )  # the prompt, and one token of the reply


def test_a_prompt_is_read_once_for_all_its_replies():
    config = ModelConfig()
    one, eight = sampling_flops(config, 50, [30]), sampling_flops(config, 50, [30] * 8)
    assert eight - one == pytest.approx(7 * (one - forward_flops(config, 50)))
    assert sampling_flops(config, 50, [1, 1, 1]) == forward_flops(config, 50)


@pytest.mark.parametrize(
    "config", [ModelConfig(), ModelConfig(hidden_size=72, layers=3, heads=3, kv_heads=1, intermediate_size=192)]
)
def test_the_cache_holds_what_is_said_of_every_token(config):
    model, rows, room = Transformer(config), 3, 10
    cache = model.new_cache()
    for layer in cache:
        layer.reserve(torch.zeros(rows, config.kv_heads, 1, config.hidden_size // config.heads), room)
    with torch.no_grad():
        model(torch.ones(rows, room, dtype=torch.long), cache=cache)
    held = sum(buffer.nbytes for layer in cache for buffer in layer.buffers)
    assert cache_bytes(config) * rows * room == held
