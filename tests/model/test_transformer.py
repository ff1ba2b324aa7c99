"""The whole network against the Transformers library's, on the same checkpoint."""

import pytest
import torch

from course.model import load
from course.model.batches import pad_left
from course.model.transformer import ModelConfig, Transformer, attention_maps
from course.world.tokenizer import encode

CLOSE = 1e-4  # largest difference of a logit


@pytest.fixture
def ids():
    return torch.randint(6, 512, (5, 40), generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def test_logits_equal_those_of_transformers(model, theirs, ids):
    assert (model(ids).logits - theirs(ids).logits).abs().max() <= CLOSE


@torch.no_grad()
def test_logits_with_a_cache_equal_those_of_transformers(model, theirs, ids):
    cache = model.new_cache()
    parts = [model(ids[:, :10], None, cache).logits]
    parts += [model(ids[:, place : place + 1], None, cache).logits for place in range(10, 30)]
    parts.append(model(ids[:, 30:], None, cache).logits)
    assert (torch.cat(parts, dim=1) - theirs(ids).logits).abs().max() <= CLOSE


@torch.no_grad()
def test_logits_with_left_padding_equal_those_of_transformers(model, theirs):
    ids, mask = pad_left([list(range(10, 10 + length)) for length in (3, 9, 20)])
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    expected = theirs(input_ids=ids, attention_mask=mask, position_ids=places).logits
    assert ((model(ids, mask).logits - expected) * mask[:, :, None]).abs().max() <= CLOSE


@torch.no_grad()
def test_left_padding_changes_no_logit_with_a_cache(model):
    ids, mask = pad_left([[9, 8, 7], list(range(10, 30))])
    cache = model.new_cache()
    model(ids, mask, cache)
    step = model(torch.tensor([[50], [60]]), torch.cat((mask, mask.new_ones(2, 1)), dim=1), cache).logits[:, 0]
    alone = model(torch.tensor([[9, 8, 7, 50]])).logits[0, -1]
    assert (step[0] - alone).abs().max() <= CLOSE


def test_gradients_equal_those_of_transformers(model, theirs, ids):
    loss = torch.nn.functional.cross_entropy
    ours, peer = (loss(net(ids[:, :-1]).logits.flatten(0, 1), ids[:, 1:].flatten()) for net in (model, theirs))
    mine = torch.autograd.grad(ours, (model.embedding.weight, model.blocks[0].attention.out.weight))
    layer = theirs.model.layers[0]
    expected = torch.autograd.grad(peer, (theirs.model.embed_tokens.weight, layer.self_attn.o_proj.weight))
    for one, other in zip(mine, expected, strict=True):
        assert (one - other).abs().max() <= 1e-3 * other.abs().max()


def test_the_same_seed_makes_the_same_network():
    networks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        networks.append(Transformer(ModelConfig(layers=1)).embedding.weight)
    assert torch.equal(networks[0], networks[1])
    assert not torch.equal(networks[0], networks[2])


def test_more_tokens_than_the_context_is_an_error_that_says_so():
    model = Transformer(ModelConfig(layers=1, context=8))
    with pytest.raises(ValueError, match="9 tokens do not fit a context of 8: shorten"):
        model(torch.zeros(1, 9, dtype=torch.long))


def test_a_text_beside_padding_may_fill_the_context_to_its_last_place():
    model = Transformer(ModelConfig(layers=1, context=8))
    ids, mask = pad_left([[7] * 8, [7] * 3])
    alone = model(ids[:1]).logits
    assert torch.allclose(model(ids, mask).logits[:1], alone, atol=1e-5)


def test_attention_maps_are_those_of_the_transformers_library(folder, tokenizer):
    """Layer by layer and head by head, for random networks of both kinds and for what ships."""
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    ids = torch.tensor(encode(tokenizer, "<user>How many r's are in berry?<assistant><think>r?\nb 0\n"))
    ours = attention_maps(load(str(folder))[0], ids)
    with torch.no_grad():
        expected = torch.cat(theirs(ids[None], output_attentions=True).attentions)
    assert ours.shape == expected.shape
    assert (ours - expected).abs().max() < 1e-4
    assert ours.sum(-1).allclose(torch.ones(()), atol=1e-5) and ours.triu(1).abs().max() == 0


@pytest.mark.parametrize("length", [0, 513])
def test_what_does_not_fit_the_context_cannot_be_looked_at(length):
    with pytest.raises(ValueError, match="1 to 512 tokens"):
        attention_maps(Transformer(ModelConfig(layers=1)), torch.zeros(length, dtype=torch.long))


def test_the_only_token_of_a_text_attends_to_itself():
    assert (attention_maps(Transformer(ModelConfig(layers=1)), torch.tensor([5])) == 1).all()
