"""How many parameters, how many of them a token uses, and what reading and training cost.

Counted is every weight once: the table of tokens, the output head (the same matrix if they are tied), attention, norms,
routers, experts. *Active* is what one token is multiplied with: of the routed experts the chosen ones, everything else
as it is, tables included. Not counted: buffers, such as a router's selection bias, and heads for predicting several
tokens at once.

FLOPs are 2 for each active weight and token going forward, the output head included, and 4 more going backward;
attention adds 4 times the width, for each layer, token and token seen (its score, and its share of what is gathered). A
token sees those before it and itself. Not counted: softmax, activations, drawing a token, the optimizer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from course.model.moe import Experts
from course.model.transformer import ModelConfig


@dataclass(frozen=True)
class Sizes:
    """What decides how many parameters a decoder has."""

    layers: int
    hidden_size: int
    vocab_size: int
    attention: int  # parameters of the attention of one layer, norms inside it included
    intermediate_size: int  # width inside a dense feed-forward layer
    experts: Experts | None = None  # None: every layer is dense
    tied: bool = False  # whether the output head is the table of tokens


@dataclass(frozen=True)
class Count:
    """Parameters of a model, and those that one token uses."""

    total: int
    active: int


def count(sizes: Sizes) -> Count:
    """Parameters in all and per token.

    >>> count(PUBLISHED["Mixtral 8x7B"])
    Count(total=46702792704, active=12879925248)
    """
    experts = sizes.experts
    dense = sizes.layers if experts is None else min(experts.dense_first, sizes.layers)
    outside = (
        sizes.vocab_size * sizes.hidden_size * (1 if sizes.tied else 2) + sizes.hidden_size
    )  # tables, and the last norm
    outside += sizes.layers * (sizes.attention + 2 * sizes.hidden_size)
    outside += dense * swiglu(sizes.hidden_size, sizes.intermediate_size)
    if experts is None:
        return Count(outside, outside)
    router, expert = sizes.hidden_size * experts.count, swiglu(sizes.hidden_size, experts.intermediate_size)
    in_all, used = (router + (number + experts.shared) * expert for number in (experts.count, experts.per_token))
    return Count(outside + (sizes.layers - dense) * in_all, outside + (sizes.layers - dense) * used)


def swiglu(hidden_size: int, intermediate_size: int) -> int:
    """Gate, up and down of one feed-forward layer or expert."""
    return 3 * hidden_size * intermediate_size


def grouped_query(hidden_size: int, heads: int, kv_heads: int, head_width: int, *, normed: bool = False) -> int:
    """Queries, keys, values and output of grouped-query attention; `normed` heads have two norms more (Qwen3)."""
    return hidden_size * (2 * heads + 2 * kv_heads) * head_width + 2 * head_width * normed


def latent(hidden_size: int, heads: int, query_rank: int, kv_rank: int, plain: int, rotated: int, value: int) -> int:
    """Multi-head latent attention (DeepSeek-V2): queries, keys and values from two narrow vectors, each with a norm.

    A head's queries and keys have `plain` entries and `rotated` ones; the rotated keys are shared by all heads.
    """
    queries = hidden_size * query_rank + query_rank + query_rank * heads * (plain + rotated)
    keys_and_values = hidden_size * (kv_rank + rotated) + kv_rank + kv_rank * heads * (plain + value)
    return queries + keys_and_values + heads * value * hidden_size


def sizes_of(config: ModelConfig) -> Sizes:
    """The sizes of a network of this course."""
    attention = grouped_query(config.hidden_size, config.heads, config.kv_heads, config.hidden_size // config.heads)
    return Sizes(
        config.layers,
        config.hidden_size,
        config.vocab_size,
        attention,
        config.intermediate_size,
        config.experts,
        tied=True,
    )


def forward_flops(config: ModelConfig, tokens: int, before: int = 0) -> float:
    """FLOPs of reading a text of `tokens` tokens behind `before` others whose keys and values are kept.

    >>> forward_flops(ModelConfig(), 1)
    1708288.0
    """
    seen = tokens * before + tokens * (tokens + 1) / 2
    return 2.0 * count(sizes_of(config)).active * tokens + 4.0 * config.layers * config.hidden_size * seen


def sampling_flops(config: ModelConfig, prompt: int, replies: Sequence[int]) -> float:
    """FLOPs of reading a prompt once and drawing replies to it, of these many tokens each.

    A reply's last token is drawn but not read; the prompt's last one is read, so a reply costs one token less.
    """
    drawn = sum(forward_flops(config, reply - 1, prompt) for reply in replies if reply > 1)
    return forward_flops(config, prompt) + drawn


def training_flops(config: ModelConfig, tokens: int) -> float:
    """FLOPs of a gradient step on one text: forward, and backward, which is twice as much."""
    return 3.0 * forward_flops(config, tokens)


def cache_bytes(config: ModelConfig) -> int:
    """Memory that one token read takes in the KV cache: its keys and values of every layer, in single precision."""
    return 2 * 4 * config.layers * config.kv_heads * (config.hidden_size // config.heads)


PUBLISHED = {  # from the configurations that came with the weights
    "DeepSeek-V3": Sizes(
        61, 7168, 129280, latent(7168, 128, 1536, 512, 128, 64, 128), 18432, Experts(256, 8, 2048, 1, dense_first=3)
    ),
    "Mixtral 8x7B": Sizes(32, 4096, 32000, grouped_query(4096, 32, 8, 128), 0, Experts(8, 2, 14336, 0, dense_first=0)),
    "Qwen3-30B-A3B": Sizes(
        48, 2048, 151936, grouped_query(2048, 32, 4, 128, normed=True), 0, Experts(128, 8, 768, 0, dense_first=0)
    ),
}
