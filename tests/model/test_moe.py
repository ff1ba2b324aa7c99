"""The expert layer against the Transformers library's, and its balancing against equation 3 of arXiv:2408.15664."""

import pytest
import torch
from transformers import Glm4MoeConfig
from transformers.models.glm4_moe.modeling_glm4_moe import Glm4MoeMoE
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from course.model import moe
from course.model.feed_forward import swiglu
from course.model.moe import (
    Experts,
    MixtureOfExperts,
    Router,
    balance,
    load_balancing_loss,
    load_entropy,
    max_violation,
    sigmoid_routing,
    softmax_routing,
    switch_routing,
)  # fmt: skip
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
        moe_intermediate_size=experts.intermediate_size,
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
    ours, theirs = pair(Experts(count=8, per_token=per_token, intermediate_size=16, route_scale=1.5))
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


@pytest.mark.parametrize("count", [8, 64])
@pytest.mark.parametrize("tokens", [1, 2, 8, 9, 16, 17, 40, 128, 129])
def test_however_few_the_tokens_every_road_leads_to_the_same_output(monkeypatch, tokens, count):
    ours, theirs = pair(Experts(count=count, per_token=2, intermediate_size=16))
    hidden = torch.randn(1, tokens, 32)
    with torch.no_grad():
        found, expected = ours(hidden), theirs(hidden)
        road = ours._way()
        monkeypatch.setattr(moe, "FEW", 0)
        ordered = ours(hidden)
    few = tokens <= {8: 8, 64: 16}[count]
    assert road == (moe._one_by_one if few else moe._at_once if tokens <= 128 else ours._way())
    assert torch.allclose(found, expected, atol=1e-5) and torch.allclose(found, ordered, atol=1e-5)


def test_an_expert_nobody_chose_gets_no_gradient_and_the_others_theirs():
    ours, theirs = pair(Experts(count=8, per_token=2, intermediate_size=16))
    ours.router.bias[:4] = theirs.gate.e_score_correction_bias[:4] = -9.0
    hidden = torch.randn(1, 50, 32)
    ours(hidden).square().sum().backward()
    theirs(hidden).square().sum().backward()
    assert (ours.gate_up.grad[:4] == 0).all() and (ours.down.grad[:4] == 0).all()
    assert torch.allclose(ours.gate_up.grad, theirs.experts.gate_up_proj.grad, rtol=1e-4, atol=1e-4)


def test_the_bias_selects_but_never_weighs():
    router = Router(4, Experts(count=4, per_token=2, intermediate_size=8))
    router.weight.data = torch.diag(torch.tensor([2.0, 1.0, -1.0, -2.0]))
    token = torch.ones(1, 4)
    scores = torch.tensor([2.0, 1.0, -1.0, -2.0]).sigmoid()
    router.bias.copy_(torch.tensor([0.0, -5.0, 0.0, 5.0]))
    chosen, weights = router(token)
    assert sorted(chosen.flatten().tolist()) == [0, 3]
    expected = scores[chosen.flatten()] / (scores[0] + scores[3])
    assert torch.allclose(weights.flatten(), expected, atol=1e-6)


def test_equal_experts_make_one_dense_layer():
    experts = Experts(count=4, per_token=2, intermediate_size=16, shared=0)
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
    ours, _ = pair(Experts(count=8, per_token=3, intermediate_size=16))
    ours(torch.randn(2, 50, 32))
    assert ours.load.sum().item() == 3 * 100


def test_balance_moves_each_bias_one_step_against_its_load():
    model = Transformer(ModelConfig(layers=2, experts=Experts(count=4)))
    layer = model.blocks[1].feed_forward
    layer.chosen = torch.tensor([[0, 2]] * 6 + [[0, 3]] * 4 + [[1, 3]] * 2)
    balance(model, speed=0.01)
    assert torch.allclose(layer.router.bias, torch.tensor([-0.01, 0.01, 0.0, 0.0]))


def test_balancing_evens_out_a_skewed_router():
    torch.manual_seed(0)
    model = Transformer(ModelConfig(layers=2, experts=Experts(count=8, per_token=2, intermediate_size=16)))
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
    config = ModelConfig(experts=Experts(count=8, per_token=2, intermediate_size=128, shared=1))
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


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_balancing_loss_is_that_of_the_transformers_library(k):
    logits = torch.randn(200, 8, generator=torch.Generator().manual_seed(0)) + torch.linspace(0, 2, 8)
    chosen, _ = softmax_routing(logits, torch.zeros(8), k)
    expected = load_balancing_loss_func((logits,), num_experts=8, top_k=k)
    assert load_balancing_loss(logits, chosen) == pytest.approx(expected.item(), rel=1e-5)


def test_the_balancing_loss_is_k_when_balanced_and_the_number_of_experts_when_collapsed():
    even = torch.stack([torch.arange(8), (torch.arange(8) + 1) % 8], dim=1)
    assert load_balancing_loss(torch.zeros(8, 8), even).item() == pytest.approx(2.0)
    logits = torch.full((100, 8), -50.0)
    logits[:, :2] = 50.0
    assert load_balancing_loss(logits, torch.tensor([[0, 1]] * 100)).item() == pytest.approx(8.0)
    one = torch.full((100, 8), -50.0)
    one[:, 3] = 50.0
    assert load_balancing_loss(one, torch.full((100, 1), 3)).item() == pytest.approx(8.0)
    assert load_balancing_loss(torch.zeros(8, 8), torch.arange(8)[:, None]).item() == pytest.approx(1.0)


def test_the_balancing_loss_pushes_towards_experts_with_little_to_do():
    logits = torch.zeros(10, 4, requires_grad=True)
    load_balancing_loss(logits, torch.tensor([[0]] * 10)).backward()
    assert (logits.grad[:, 0] > 0).all() and (logits.grad[:, 1:] < 0).all()


def test_load_statistics_at_their_ends_and_by_hand():
    assert max_violation(torch.tensor([5, 5, 5, 5])) == 0 and load_entropy(torch.tensor([5, 5, 5, 5])) == pytest.approx(
        1
    )
    assert max_violation(torch.tensor([20, 0, 0, 0])) == 3 and load_entropy(torch.tensor([20, 0, 0, 0])) == 0
    assert max_violation(torch.tensor([6, 2])) == 0.5
    assert load_entropy(torch.tensor([6, 2])) == pytest.approx(0.811278, abs=1e-6)  # of a coin with 3/4, in bits
    for statistic in (max_violation, load_entropy):
        with pytest.raises(ValueError, match="no token was routed"):
            statistic(torch.zeros(4))


def test_renormalized_top_one_starves_the_router_of_gradient_and_switch_does_not():
    for routing, starved in ((softmax_routing, True), (sigmoid_routing, True), (switch_routing, False)):
        torch.manual_seed(0)
        router = Router(8, Experts(count=4, per_token=1), routing)
        _, weights = router(torch.randn(5, 8))
        weights.pow(2).sum().backward()
        assert bool(router.weight.grad.abs().max() < 1e-6) is starved


def test_softmax_routing_is_mixtral_s():
    logits = torch.tensor([[1.0, 3.0, 2.0, -1.0]])
    chosen, weights = softmax_routing(logits, torch.zeros(4), 2)
    assert chosen.tolist() == [[1, 2]]
    assert weights.tolist()[0] == pytest.approx([0.731059, 0.268941], abs=1e-6)
    _, weights = switch_routing(logits, torch.zeros(4), 1)
    assert weights.item() == pytest.approx(0.657233, abs=1e-6)  # e^3 / (e + e^3 + e^2 + 1/e)


def test_shuffled_tokens_give_shuffled_outputs_and_nothing_else():
    ours, _ = pair(Experts(count=8, per_token=2, intermediate_size=16))
    hidden, order = torch.randn(300, 32), torch.randperm(300)
    assert torch.allclose(ours(hidden)[order], ours(hidden[order]), atol=1e-6)


@pytest.mark.slow
def test_bias_updates_even_out_a_simulated_router_as_published():
    """8 experts, 2 a token, some far more popular; updates of .001: MaxVio 2.57, .04 after 500, .02 after 1,000."""
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(16, 8, generator=generator) / 4
    popularity = torch.tensor([2.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0, -2.0])
    bias, violations = torch.zeros(8), []
    for _ in range(1001):
        logits = torch.randn(4096, 16, generator=generator) @ weight + popularity
        chosen, _ = sigmoid_routing(logits, bias, 2)
        load = torch.bincount(chosen.flatten(), minlength=8)
        violations.append(max_violation(load))
        bias += 1e-3 * (load.float().mean() - load).sign()
    assert violations[0] == pytest.approx(2.565, abs=0.25)
    assert max(violations[500], violations[1000]) < 0.1
