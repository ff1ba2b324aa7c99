"""Facts about the parts: expected values from the papers, or from torch's and Transformers' own layers."""

import pytest
import torch
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from course.model.attention import Attention, LayerCache, RMSNorm, rotary_frequencies, rotate

torch.set_default_dtype(torch.float32)


def turned(vector, position):
    """A single vector as it stands at a position."""
    return rotate(
        vector.view(1, 1, 1, -1), rotary_frequencies(64, len(vector), 10000.0)[position, None, None]
    ).flatten()


@pytest.mark.parametrize("shift", [1, 9, 40])
def test_scores_depend_on_the_distance_of_two_positions_only(shift):
    query, key = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    near = turned(query, 7) @ turned(key, 3)
    far = turned(query, 7 + shift) @ turned(key, 3 + shift)
    assert near.item() == pytest.approx(far.item(), abs=1e-5)
    assert near.item() != pytest.approx((turned(query, 8) @ turned(key, 3)).item(), abs=1e-3)


def test_the_first_pair_turns_by_one_radian_a_position():
    assert torch.allclose(turned(torch.tensor([1.0, 0, 0, 0]), 1)[:2], torch.tensor([0.540302, 0.841471]), atol=1e-6)


def test_neighboring_pairs_equal_the_transformers_halves_after_reordering():
    vector = torch.randn(8, generator=torch.Generator().manual_seed(1))
    halves = vector[[0, 2, 4, 6, 1, 3, 5, 7]].view(1, 1, 1, 8)
    angles = 7 * 10000.0 ** (-torch.arange(0, 8, 2) / 8)
    cos, sin = (f(torch.cat((angles, angles))).view(1, 1, 8) for f in (torch.cos, torch.sin))
    expected = apply_rotary_pos_emb(halves, halves, cos, sin)[0].flatten()
    assert torch.allclose(turned(vector, 7)[[0, 2, 4, 6, 1, 3, 5, 7]], expected, atol=1e-6)


def test_norm_and_its_gradients_equal_those_of_torch():
    hidden = torch.randn(3, 5, 16, dtype=torch.float64, requires_grad=True)
    layer = RMSNorm(16, 1e-6).double()
    with torch.no_grad():
        layer.weight.normal_()
    assert torch.autograd.gradcheck(layer, (hidden,))
    expected = torch.nn.functional.rms_norm(hidden, (16,), layer.weight, 1e-6)
    assert torch.allclose(layer(hidden), expected, atol=1e-12)
    ours = torch.autograd.grad(layer(hidden).sin().sum(), (hidden, layer.weight))
    for mine, torchs in zip(ours, torch.autograd.grad(expected.sin().sum(), (hidden, layer.weight)), strict=True):
        assert torch.allclose(mine, torchs, atol=1e-12)


def test_a_group_of_query_heads_reads_the_same_keys_and_values():
    torch.manual_seed(0)
    grouped, full = Attention(32, 4, 2), Attention(32, 4, 4)
    query, key, value = grouped.qkv.weight.detach().split([32, 16, 16])
    repeated = [part.view(2, 8, 32).repeat_interleave(2, dim=0).reshape(32, 32) for part in (key, value)]
    full.qkv.weight.data = torch.cat((query, *repeated))
    full.out.weight.data = grouped.out.weight.data
    hidden, rotary = torch.randn(2, 6, 32), rotary_frequencies(6, 8, 10000.0)[:, None]
    assert torch.allclose(grouped(hidden, rotary), full(hidden, rotary), atol=1e-6)


def test_the_cache_of_grouped_heads_holds_two_numbers_per_layer_key_head_and_entry():
    cache, layer = LayerCache(), Attention(128, 4, 2)
    layer(torch.randn(1, 10, 128), rotary_frequencies(10, 32, 10000.0)[:, None], past=cache)
    assert sum(buffer[:, :, : cache.length].numel() for buffer in cache.buffers) == 2 * 10 * 2 * 32


def test_no_token_sees_a_later_one():
    torch.manual_seed(0)
    layer, rotary = Attention(32, 4, 2), rotary_frequencies(6, 8, 10000.0)[:, None]
    hidden = torch.randn(1, 6, 32)
    changed = hidden.clone()
    changed[:, 4:] = 0
    before, after = layer(hidden, rotary), layer(changed, rotary)
    assert torch.allclose(before[:, :4], after[:, :4], atol=1e-6)
    assert not torch.allclose(before[:, 4:], after[:, 4:], atol=1e-3)
