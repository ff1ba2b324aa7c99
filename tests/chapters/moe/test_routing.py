"""Who serves what: routes are those of the layer itself, shares add up, and a knocked-out expert is really gone."""

from types import SimpleNamespace

import pytest
import torch

from course.chapters.moe import routing
from course.model.moe import Experts, expert_layers
from course.model.transformer import ModelConfig, Transformer
from course.world.tokenizer import encode, load_tokenizer

TEXTS = {
    "sums": [("<user>What is 2+2?<assistant>", "4<eos>"), ("<user>What is 12+7?<assistant>", "19<eos>")],
    "letters": [("<user>Spell bee.<assistant>", "b-e-e<eos>")],
}


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = ModelConfig(
        hidden_size=32, layers=3, heads=2, kv_heads=1, intermediate_size=32, experts=Experts(4, 2, 16, 1)
    )
    return Transformer(config).eval()


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


def test_routes_are_what_the_layers_chose_strongest_first_and_weights_add_up_to_one(model, tokenizer):
    found = routing.routes(model, tokenizer, "What is 2+2?")
    ids = torch.tensor([encode(tokenizer, "What is 2+2?")])
    with torch.no_grad():
        model(ids)
    for mine, layer in zip(found.chosen, expert_layers(model), strict=True):
        assert torch.equal(mine.sort(-1).values, layer.chosen.sort(-1).values)
    assert torch.allclose(found.weights.sum(-1), torch.ones(2, ids.shape[1]))
    assert (found.weights[..., 0] >= found.weights[..., 1]).all()
    assert "".join(found.pieces) == "what is 2+2?" and found.layers == (2, 3) and found.experts == 4


def test_looking_leaves_nothing_behind(model, tokenizer):
    routing.routes(model, tokenizer, "2+2")
    assert all(layer.router.logits is None and not layer.router.watched for layer in expert_layers(model))


def test_shares_of_a_layer_add_up_to_one_for_every_kind(model, tokenizer):
    for kind, names in ((routing.by_family, {"sums", "letters"}), (routing.by_digit, set("12479"))):
        found = routing.expert_load(model, tokenizer, TEXTS, kind)
        assert set(found) == names
        assert all(torch.allclose(each.sum(-1), torch.ones(2)) for each in found.values())
    assert {"b", "e"} <= set(routing.expert_load(model, tokenizer, TEXTS, routing.by_letter))


def test_shares_are_counted_by_hand(model, tokenizer):
    found = routing.expert_load(model, tokenizer, {"sums": [("7", "7")]}, routing.by_digit)
    first, second = routing.routes(model, tokenizer, "77").chosen.unbind(1)
    counts = torch.zeros(2, 4)
    for chosen in (first, second):
        for layer in range(2):
            counts[layer, chosen[layer]] += 1
    assert torch.equal(found["7"], counts / 4)


def test_an_expert_that_is_knocked_out_serves_nobody_and_comes_back(model, tokenizer):
    before = [layer.router.bias.clone() for layer in expert_layers(model)]
    with routing.without_expert(model, 3, 1):
        shares = routing.expert_load(model, tokenizer, TEXTS)
        assert all(each[1, 1] == 0 for each in shares.values())
    assert all(torch.equal(one, layer.router.bias) for one, layer in zip(before, expert_layers(model), strict=True))
    assert any(each[1, 1] > 0 for each in routing.expert_load(model, tokenizer, TEXTS).values())


def test_the_loss_of_replies_is_the_mean_cross_entropy_of_their_tokens(model, tokenizer):
    found = routing.reply_losses(model, tokenizer, TEXTS)["sums"]
    losses = []
    for prompt, reply in TEXTS["sums"]:
        ids = torch.tensor([encode(tokenizer, prompt + reply)])
        with torch.no_grad():
            each = torch.nn.functional.cross_entropy(model(ids).logits[0, :-1], ids[0, 1:], reduction="none")
        losses += each[len(encode(tokenizer, prompt)) - 1 :].tolist()
    assert found == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_knocking_out_an_expert_that_serves_nobody_costs_nothing_and_others_something(model, tokenizer):
    model.blocks[1].feed_forward.router.bias[2] = -9.0  # never chosen
    for layer in expert_layers(model):
        torch.nn.init.normal_(layer.down, std=1.0)
    lost = routing.knock_out(model, tokenizer, TEXTS)
    assert set(lost) == {(layer, expert) for layer in (2, 3) for expert in range(4)}
    assert all(change == 0 for change in lost[2, 2].values())
    assert any(abs(change) > 1e-3 for change in lost[2, 0].values())


def test_what_cannot_be_looked_at_is_an_error_that_says_so(model, tokenizer):
    with (
        pytest.raises(ValueError, match="layer 1 has no experts: choose one of 2, 3"),
        routing.without_expert(model, 1, 0),
    ):
        pass
    with pytest.raises(ValueError, match="no expert 4 in layer 2"), routing.without_expert(model, 2, 4):
        pass
    with pytest.raises(ValueError, match="text is empty"):
        routing.routes(model, tokenizer, "")
    dense = Transformer(ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32))
    with pytest.raises(ValueError, match="has no experts"):
        routing.routes(dense, SimpleNamespace(), "x")
