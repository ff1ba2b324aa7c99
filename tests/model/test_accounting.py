"""Parameters counted by formula against models built without memory, and against published totals."""

import pytest
import torch
from transformers import AutoModelForCausalLM, DeepseekV3Config, MixtralConfig, Qwen3MoeConfig

from course.model.accounting import PUBLISHED, count, sizes_of
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
    "experts", [None, Experts(), Experts(count=16, per_token=4, hidden=64, shared=2, dense_first=0)]
)
def test_our_own_models_are_counted_exactly(experts):
    config = ModelConfig(experts=experts)
    model = Transformer(config)
    found = count(sizes_of(config))
    assert (found.total, found.active) == (parameter_count(model), parameter_count(model, active=True))
