"""The network: a decoder of a million parameters, dense or with experts.

Tokens become vectors, a few layers of attention and feed-forward add to them, and the same table that turned tokens
into vectors scores the next one. Written from scratch; `pretrained` maps it to the Transformers library's layout.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from course._shapes import Float, Int
from course.model.attention import Attention, LayerCache, RMSNorm, padded_causal_mask, rotary_frequencies
from course.model.feed_forward import FeedForward
from course.model.moe import Experts, MixtureOfExperts


@dataclass(frozen=True)
class ModelConfig:
    """The sizes of a network. A head's width is hidden_size / heads."""

    vocab_size: int = 512
    hidden_size: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    intermediate_size: int = 384  # width inside a dense feed-forward layer
    context: int = 512  # tokens
    rope_theta: float = 10000.0
    norm_eps: float = 1e-6
    experts: Experts | None = None  # None: every layer is dense


@dataclass
class Output:
    """What a forward pass returns; the same field as in the Transformers library."""

    logits: Float[Tensor, "B T V"]


class Block(nn.Module):
    """One layer: attention, then feed-forward, each reading a normalized copy and adding to the stream."""

    def __init__(self, config: ModelConfig, number: int):
        super().__init__()
        self.attention_norm = RMSNorm(config.hidden_size, config.norm_eps)
        self.attention = Attention(config.hidden_size, config.heads, config.kv_heads)
        self.feed_forward_norm = RMSNorm(config.hidden_size, config.norm_eps)
        dense = config.experts is None or number < config.experts.dense_first
        self.feed_forward = (
            FeedForward(config.hidden_size, config.intermediate_size)
            if dense
            else MixtureOfExperts(config.hidden_size, config.experts)
        )

    def forward(self, hidden: Tensor, rotary: Tensor, mask: Tensor | None, past: LayerCache | None) -> Tensor:
        """The stream after this layer, shape (B, T, D)."""
        hidden = hidden + self.attention(self.attention_norm(hidden), rotary, mask, past)
        return hidden + self.feed_forward(self.feed_forward_norm(hidden))


class Transformer(nn.Module):
    """The whole network. `new_model(config, seed)` of `course.learn.pretraining` makes a fresh one."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.blocks = nn.ModuleList(Block(config, number) for number in range(config.layers))
        self.norm = RMSNorm(config.hidden_size, config.norm_eps)
        rotary = rotary_frequencies(config.context, config.hidden_size // config.heads, config.rope_theta)
        self.register_buffer("rotary", rotary[:, None], persistent=False)  # (T, 1, d/2)
        self.apply(self._start_small)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embedding.weight.device

    def forward(
        self,
        input_ids: Int[Tensor, "B T"],
        attention_mask: Int[Tensor, "B S"] | Float[Tensor, "B 1 T T"] | None = None,
        cache: list[LayerCache] | None = None,
        logits_to_keep: int = 0,
    ) -> Output:
        """Score the next token at every place, or at the last `logits_to_keep` places; the rest is as in `hidden`."""
        hidden = self.hidden(input_ids, attention_mask, cache)
        return Output(linear(self.norm(hidden[:, -logits_to_keep:]), self.embedding.weight))

    def hidden(
        self,
        input_ids: Int[Tensor, "B T"],
        attention_mask: Int[Tensor, "B S"] | Float[Tensor, "B 1 T T"] | None = None,
        cache: list[LayerCache] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """The stream above the last layer, not yet normalized: what the next token, or anything else, is read from.

        `attention_mask` is 1 for tokens and 0 for padding on the left, for cached and new tokens together; or it is
        what is added to the attention scores, -inf where a token must not attend (the Transformers library takes
        either). With a `cache` from `new_cache`, `input_ids` are the new tokens only. Raises ValueError beyond the
        context.
        """
        new = input_ids.shape[1]
        seen = cache[0].length if cache else 0
        mask = None
        if attention_mask is not None and attention_mask.ndim == 4:
            attention_mask, mask = None, attention_mask  # places may count on: only distances matter to attention
        longest = seen + new if attention_mask is None else int(attention_mask.sum(-1).max())
        if longest > self.config.context:
            raise ValueError(f"{longest} tokens do not fit a context of {self.config.context}: shorten the text")
        if attention_mask is None and seen and new > 1:
            attention_mask = input_ids.new_ones(input_ids.shape[0], seen + new)
        if attention_mask is None:
            rotary = self.rotary[seen : seen + new]
        else:
            places = attention_mask.cumsum(-1)[:, seen:] if new > 1 else attention_mask.sum(-1, keepdim=True)
            places = (places - 1).clamp(min=0)  # (B, T)
            rotary, mask = self.rotary[places], padded_causal_mask(attention_mask, new)
        hidden = self.embedding(input_ids)  # (B, T, D)
        for number, block in enumerate(self.blocks):
            hidden = block(hidden, rotary, mask, cache[number] if cache else None)
        return hidden

    def new_cache(self) -> list[LayerCache]:
        """An empty KV cache: for each layer, room for the keys and values of some rows."""
        return [LayerCache() for _ in self.blocks]

    def _start_small(self, module: nn.Module) -> None:
        for weight in module.parameters(recurse=False):
            if weight.ndim >= 2:
                nn.init.normal_(weight, std=0.05)


@torch.inference_mode()
def attention_maps(model: Transformer, input_ids: Int[Tensor, "T"]) -> Float[Tensor, "L H T T"]:
    """The attention weights of one text: for each layer and head, how much each token (row) attends to each (column).

    Raises ValueError for a text longer than the context.
    """
    length = len(input_ids)
    if not 0 < length <= model.config.context:
        raise ValueError(f"a text of 1 to {model.config.context} tokens can be looked at, not of {length}")
    hidden, rotary = model.embedding(input_ids[None]), model.rotary[:length]
    maps = []
    for block in model.blocks:
        maps.append(block.attention.weights(block.attention_norm(hidden), rotary)[0])
        hidden = block(hidden, rotary, None, None)
    return torch.stack(maps)


def parameter_count(model: nn.Module, *, active: bool = False) -> int:
    """How many parameters a model has; with `active`, only those one token uses.

    The embedding table is counted once, of the experts only the chosen and shared ones.
    """
    total = sum(weight.numel() for weight in model.parameters())
    if not active:
        return total
    layers = [layer for layer in model.modules() if isinstance(layer, MixtureOfExperts)]
    idle = [1 - layer.router.experts.per_token / layer.router.experts.count for layer in layers]
    routed = [layer.gate_up.numel() + layer.down.numel() for layer in layers]
    return round(total - sum(share * size for share, size in zip(idle, routed, strict=True)))
