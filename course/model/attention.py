"""Attention: each token gathers from those before it. Rotary positions, fewer key-value heads than query heads."""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear, scaled_dot_product_attention

from course._shapes import Complex, Float, Int


class _Normalize(torch.autograd.Function):
    """x / sqrt(mean(x^2) + eps), with its gradient written out: a third of the time of letting autograd find it."""

    @staticmethod
    def forward(ctx, hidden: Tensor, eps: float) -> Tensor:
        norm = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
        inverse = norm.square_().div_(hidden.shape[-1]).add_(eps).rsqrt_()
        normal = hidden * inverse
        ctx.save_for_backward(normal, inverse)
        return normal

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        """(g - n mean(g n)) / rms: what would only lengthen the vector is taken out of the gradient."""
        normal, inverse = ctx.saved_tensors
        along = torch.linalg.vecdot(gradient, normal).unsqueeze(-1).div_(-normal.shape[-1])
        return torch.addcmul(gradient, normal, along).mul_(inverse), None


class RMSNorm(nn.Module):
    """Divide a vector by its root mean square, then scale each entry (Zhang and Sennrich 2019)."""

    def __init__(self, hidden_size: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(hidden_size))

    def forward(self, hidden: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        """The normalized vectors."""
        return _Normalize.apply(hidden, self.eps) * self.weight


def rotary_frequencies(positions: int, head_width: int, theta: float) -> Complex[Tensor, "T half"]:
    """The angle of pair j at a position is position * theta^(-2j/d); as points on the unit circle (Su et al. 2021)."""
    frequencies = theta ** (-torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), frequencies)
    return torch.polar(torch.ones_like(angles), angles)


def rotate(heads: Float[Tensor, "B T H d"], rotary: Complex[Tensor, "... T 1 half"]) -> Float[Tensor, "B T H d"]:
    """Rotate each pair (2j, 2j + 1) of a head by its position's angle, so that products depend on distance only.

    A pair read as a complex number is rotated by one multiplication. Pairs are neighbors, as in the paper; the
    Transformers library pairs (j, j + d/2), so loading and saving reorder the rows of the query and key matrices.
    """
    pairs = torch.view_as_complex(heads.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * rotary).flatten(-2)


class Attention(nn.Module):
    """Grouped-query attention (Ainslie et al. 2023): H query heads share K < H heads of keys and values."""

    def __init__(self, hidden_size: int, heads: int, kv_heads: int):
        super().__init__()
        self.heads, self.kv_heads, self.head_width = heads, kv_heads, hidden_size // heads
        self.qkv = nn.Linear(hidden_size, (heads + 2 * kv_heads) * self.head_width, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(
        self,
        hidden: Float[Tensor, "B T D"],
        rotary: Complex[Tensor, "... T 1 half"],
        mask: Float[Tensor, "B 1 T S"] | None = None,
        past: "LayerCache | None" = None,
    ) -> Float[Tensor, "B T D"]:
        """What each token gathers. `mask` is added to the scores; without one, attention is causal."""
        batch, length, hidden_size = hidden.shape
        query, key, value = self._project(hidden, rotary)
        if past is not None:
            key, value = past.extend(key, value)
        if length == 1:  # the query heads of a group stand in for tokens: keys and values are read once
            query = query.reshape(batch, self.kv_heads, -1, self.head_width)
            gathered = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        else:
            gathered = scaled_dot_product_attention(
                query, key, value, attn_mask=mask, is_causal=mask is None, enable_gqa=self.kv_heads < self.heads
            ).transpose(1, 2)  # (B, T, H, d)
        return linear(gathered.reshape(batch, length, hidden_size), self.out.weight)

    def weights(
        self, hidden: Float[Tensor, "B T D"], rotary: Complex[Tensor, "... T 1 half"]
    ) -> Float[Tensor, "B H T T"]:
        """How much each token takes from each one before it and from itself: softmax(Q K^T / sqrt(d)), to look at.

        A row adds up to 1. `forward` does not come by here: a fused kernel never writes these down.
        """
        query, key, _ = self._project(hidden, rotary)
        scores = query @ key.repeat_interleave(self.heads // self.kv_heads, dim=1).transpose(-1, -2)
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        return (scores / self.head_width**0.5).masked_fill(later, float("-inf")).softmax(-1)

    def _project(self, hidden: Tensor, rotary: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, T, d), keys and values (B, K, T, d); queries and keys are rotated."""
        heads = linear(hidden, self.qkv.weight).view(*hidden.shape[:2], -1, self.head_width)
        rotated = rotate(heads[:, :, : -self.kv_heads], rotary).transpose(1, 2)
        return rotated[:, : self.heads], rotated[:, self.heads :], heads[:, :, -self.kv_heads :].transpose(1, 2)


class LayerCache:
    """The keys and values one layer has seen: buffers of (B, K, room, d), of which the first `length` tokens count."""

    def __init__(self) -> None:
        self.length = 0
        self.buffers: list[Tensor] = []

    def extend(self, key: Float[Tensor, "B K T d"], value: Float[Tensor, "B K T d"]) -> tuple[Tensor, Tensor]:
        """Write new tokens behind the old ones, making room where there is none, and return all of them."""
        end = self.length + key.shape[2]
        if not self.buffers or end > self.buffers[0].shape[2]:
            self.reserve(key, 2 * end)
        for buffer, new in zip(self.buffers, (key, value), strict=True):
            buffer[:, :, self.length : end] = new
        self.length = end
        return self.buffers[0][:, :, :end], self.buffers[1][:, :, :end]

    def reserve(self, like: Tensor, room: int) -> None:
        """Move to larger buffers for `room` tokens, of the kind of `like`."""
        batch, kv_heads, _, head_width = like.shape
        larger = [like.new_empty(batch, kv_heads, room, head_width) for _ in range(2)]
        for new, old in zip(larger, self.buffers, strict=False):
            new[:, :, : self.length] = old[:, :, : self.length]
        self.buffers = larger

    def select(self, rows: Int[Tensor, "R"]) -> None:
        """Keep these rows, in this order; a row may come several times."""
        self.buffers = [buffer.index_select(0, rows) for buffer in self.buffers]


def padded_causal_mask(attention_mask: Int[Tensor, "B S"], new: int) -> Float[Tensor, "B 1 T S"]:
    """The mask for the last `new` tokens of rows padded on the left: 0 for earlier tokens and oneself, else -inf.

    A padding token attends to itself, so that no row is empty: a softmax over nothing is NaN, and not every kernel of
    attention forgives it. No other token attends to padding.
    """
    real = attention_mask.bool()[:, None, None, :]
    if new > 1:
        places = torch.arange(attention_mask.shape[1], device=attention_mask.device)
        querying = places[-new:, None]
        real = ((places <= querying) & real) | (places == querying)  # (B, 1, T, S)
    return torch.zeros(real.shape, device=real.device).masked_fill_(~real, float("-inf"))
