"""The expert layer against the Transformers library's, and its balancing against equation 3 of arXiv:2408.15664."""

import pytest
import torch
from transformers import Glm4MoeConfig
from transformers.models.glm4_moe.modeling_glm4_moe import Glm4MoeMoE

from course.model import moe
from course.model.moe import Experts, MixtureOfExperts, Router, balance, swiglu
from course.model.transformer import ModelConfig, Transformer, parameter_count


def pair(experts: Experts, width: int = 32) -> tuple[MixtureOfExperts, Glm4MoeMoE]:
    """Our layer and theirs with the same weights, biases on both sides of zero."""
    torch.manual_seed(0)
    ours = MixtureOfExperts(width, experts)
    for weight in ours.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    ours.router.bias.copy_(torch.linspace(-0.9, 0.3, experts.count))
    config = Glm4MoeConfig(
        hidden_size=width,
        moe_intermediate_size=experts.hidden,
        n_routed_experts=experts.count,
        n_shared_experts=experts.shared,
        num_experts_per_tok=experts.per_token,
        routed_scaling_factor=experts.route_scale,
        norm_topk_prob=True,
    )
    config._experts_implementation = "eager"
    theirs = Glm4MoeMoE(config)
    theirs.gate.weight.data = ours.router.weight.data.clone()
    theirs.gate.e_score_correction_bias.copy_(ours.router.bias)
    theirs.experts.gate_up_proj.data = ours.gate_up.data.clone()
    theirs.experts.down_proj.data = ours.down.data.clone()
    gate, up = ours.shared.gate_up.weight.data.chunk(2)
    theirs.shared_experts.gate_proj.weight.data, theirs.shared_experts.up_proj.weight.data = gate.clone(), up.clone()
    theirs.shared_experts.down_proj.weight.data = ours.shared.down.weight.data.clone()
    return ours, theirs


@pytest.mark.parametrize("tokens", [1, 7, 300])
@pytest.mark.parametrize("per_token", [1, 2, 4])
def test_outputs_and_gradients_equal_those_of_glm4_moe(tokens, per_token):
    ours, theirs = pair(Experts(count=8, per_token=per_token, hidden=16, route_scale=1.5))
    hidden = torch.randn(1, tokens, 32, requires_grad=True)
    mine, expected = ours(hidden), theirs(hidden)
    assert torch.allclose(mine, expected, atol=1e-5)
    signal = torch.randn_like(mine)
    my_weights = (hidden, ours.router.weight, ours.gate_up, ours.down, ours.shared.down.weight)
    their_weights = (
        hidden,
        theirs.gate.weight,
        theirs.experts.gate_up_proj,
        theirs.experts.down_proj,
        theirs.shared_experts.down_proj.weight,
    )
    found = torch.autograd.grad((mine * signal).sum(), my_weights)
    gradients = torch.autograd.grad((expected * signal).sum(), their_weights)
    rounding = 1e-6 * max(gradient.abs().max().item() for gradient in gradients)
    for one, other in zip(found, gradients, strict=True):
        assert torch.allclose(one, other, atol=rounding)


def test_few_and_many_rows_take_different_roads_to_the_same_output(monkeypatch):
    ours, _ = pair(Experts(count=8, per_token=2, hidden=16))
    hidden = torch.randn(5, 32)
    with torch.no_grad():
        gathered = ours(hidden)
        monkeypatch.setattr(moe, "FEW_ROWS", 0)
        ordered = ours(hidden)
    assert torch.allclose(gathered, ordered, atol=1e-5)


def test_the_bias_selects_but_never_weighs():
    router = Router(4, Experts(count=4, per_token=2, hidden=8))
    router.weight.data = torch.diag(torch.tensor([2.0, 1.0, -1.0, -2.0]))
    token = torch.ones(1, 4)
    scores = torch.tensor([2.0, 1.0, -1.0, -2.0]).sigmoid()
    router.bias.copy_(torch.tensor([0.0, -5.0, 0.0, 5.0]))
    chosen, weights = router(token)
    assert sorted(chosen.flatten().tolist()) == [0, 3]
    expected = scores[chosen.flatten()] / (scores[0] + scores[3])
    assert torch.allclose(weights.flatten(), expected, atol=1e-6)


def test_equal_experts_make_one_dense_layer():
    experts = Experts(count=4, per_token=2, hidden=16, shared=0)
    torch.manual_seed(0)
    layer = MixtureOfExperts(32, experts)
    for weight in (layer.gate_up, layer.down):
        torch.nn.init.normal_(weight[0], std=0.3)
        weight.data[1:] = weight.data[0]
    hidden = torch.randn(9, 32)
    gate, up = (hidden @ layer.gate_up.data[0].T).chunk(2, dim=-1)
    expected = (gate * torch.sigmoid(gate) * up) @ layer.down.data[0].T
    assert torch.allclose(layer(hidden), expected, atol=1e-5)


def test_every_token_counts_once_for_each_of_its_experts():
    ours, _ = pair(Experts(count=8, per_token=3, hidden=16))
    ours(torch.randn(2, 50, 32))
    assert ours.load.sum().item() == 3 * 100


def test_balance_moves_each_bias_one_step_against_its_load():
    model = Transformer(ModelConfig(layers=2, experts=Experts(count=4)))
    layer = model.blocks[1].feed_forward
    layer.load = torch.tensor([10, 2, 6, 6])
    balance(model, speed=0.01)
    assert torch.allclose(layer.router.bias, torch.tensor([-0.01, 0.01, 0.0, 0.0]))


def test_balancing_evens_out_a_skewed_router():
    torch.manual_seed(0)
    model = Transformer(ModelConfig(layers=2, experts=Experts(count=8, per_token=2, hidden=16)))
    layer = model.blocks[1].feed_forward
    hidden = torch.randn(1000, 128) + 0.5
    violation = []
    for _ in range(300):
        with torch.no_grad():
            layer(hidden)
        violation.append((layer.load.max() / layer.load.float().mean() - 1).item())
        balance(model, speed=5e-3)
    assert violation[0] > 0.5
    assert violation[-1] < 0.15


def test_parameters_count_embeddings_once_and_only_the_experts_used():
    config = ModelConfig(experts=Experts(count=8, per_token=2, hidden=128, shared=1))
    attention = 128 * (4 + 2 * 2) * 32 + 128 * 128
    norms = 4 * 2 * 128 + 128
    expert = 3 * 128 * 128
    outside = 512 * 128 + 4 * attention + norms + 3 * 128 * 384
    model = Transformer(config)
    assert parameter_count(model) == outside + 3 * (9 * expert + 8 * 128)
    assert parameter_count(model, active=True) == outside + 3 * (3 * expert + 8 * 128)
    assert parameter_count(Transformer(ModelConfig())) == outside + 3 * (3 * 128 * 384)


def test_the_written_out_gradient_of_a_gated_layer_is_the_numerical_one():
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 3, 8), (12, 8), (8, 6))
    inputs = [torch.randn(shape, dtype=torch.double, generator=generator, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(swiglu, inputs)
