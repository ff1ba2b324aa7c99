"""Which tokens each expert of a mixture of experts processes, and how much the loss rises without an expert."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course._shapes import Float, Int
from course.model.logprobs import score
from course.model.moe import MixtureOfExperts, expert_layers
from course.world.tokenizer import encode

Texts = Mapping[str, Sequence[tuple[str, str]]]  # by family: prompts, each with the reply that follows
Kind = Callable[[str, str], str | None]  # from a family and a token's text to what it is counted as; None: not at all


@dataclass(frozen=True)
class Routes:
    """The experts that each token of a text uses, layer by layer, largest weight first."""

    pieces: tuple[str, ...]
    layers: tuple[int, ...]  # numbers of the expert layers, from 1
    experts: int  # of each layer
    chosen: Int[Tensor, "L T k"]
    weights: Float[Tensor, "L T k"]


@torch.inference_mode()
def routes(model: nn.Module, tokenizer, text: str) -> Routes:
    """Which experts each token of a text uses, and with which weights.

    Raises ValueError for a model without experts, an empty text, and characters the tokenizer cannot hold.
    """
    layers = _layers(model)
    ids = encode(tokenizer, text)
    if not ids:
        raise ValueError("the text is empty: give at least one character")
    with _watched(layers):
        model(torch.tensor([ids], device=model.device))
        found = [layer.router.pick(layer.router.logits) for layer in layers]
    order = [weights.argsort(dim=-1, descending=True) for _, weights in found]
    chosen = torch.stack([one.gather(-1, by) for (one, _), by in zip(found, order, strict=True)])
    weights = torch.stack([one.gather(-1, by) for (_, one), by in zip(found, order, strict=True)])
    pieces = tuple(tokenizer.decode([number]) for number in ids)
    return Routes(pieces, numbers(model), layers[0].router.experts.count, chosen.cpu(), weights.cpu())


def numbers(model: nn.Module) -> tuple[int, ...]:
    """The numbers of the layers that have experts, counted from 1."""
    return tuple(n for n, block in enumerate(model.blocks, 1) if isinstance(block.feed_forward, MixtureOfExperts))


def by_family(family: str, piece: str) -> str:
    """Count every token under its family."""
    return family


def by_digit(family: str, piece: str) -> str | None:
    """Count digits, each under itself; other tokens are left out."""
    return piece if len(piece) == 1 and piece in "0123456789" else None


def by_letter(family: str, piece: str) -> str | None:
    """Count tokens of a single letter, each under itself; other tokens are left out."""
    return piece if len(piece) == 1 and piece.isalpha() else None


def expert_load(model: nn.Module, tokenizer, texts: Texts, kind: Kind = by_family) -> dict[str, Float[Tensor, "L E"]]:
    """For each kind of token, the share of its choices that falls on each expert; shares add up to 1 in each layer.

    Families keep their order, other kinds are sorted; kinds that do not occur are left out. Raises ValueError for a
    model without experts.
    """
    counts: dict[str, Tensor] = {}
    for family, several in texts.items():
        for prompt, reply in several:
            found = routes(model, tokenizer, prompt + reply)
            for place, piece in enumerate(found.pieces):
                if (name := kind(family, piece)) is not None:
                    empty = torch.zeros(len(found.layers), found.experts)
                    counts.setdefault(name, empty).scatter_add_(
                        1, found.chosen[:, place], torch.ones_like(found.weights[:, place])
                    )
    order = sorted(counts, key=lambda name: (list(texts).index(name) if name in texts else -1, name))
    return {name: counts[name] / counts[name].sum(-1, keepdim=True) for name in order}


@contextmanager
def without_expert(model: nn.Module, layer: int, expert: int) -> Iterator[nn.Module]:
    """The model with one expert disabled: tokens that would choose it use the next best expert instead.

    Its selection bias is minus infinity inside the `with` block. `layer` counts from 1, as in `numbers`. Raises
    ValueError for a layer without experts and for an expert that does not exist.
    """
    if layer not in numbers(model):
        raise ValueError(f"layer {layer} has no experts: choose one of {', '.join(map(str, numbers(model)))}")
    bias = model.blocks[layer - 1].feed_forward.router.bias
    if not 0 <= expert < len(bias):
        raise ValueError(f"no expert {expert} in layer {layer}: there are 0 to {len(bias) - 1}")
    kept = bias[expert].clone()
    bias[expert] = float("-inf")
    try:
        yield model
    finally:
        bias[expert] = kept


@torch.inference_mode()
def reply_losses(model: nn.Module, tokenizer, texts: Texts) -> dict[str, float]:
    """The mean loss of the replies' tokens by family, in nats; the tokens of prompts are not counted."""
    losses = {}
    for family, several in texts.items():
        prompts, replies = zip(*((encode(tokenizer, p), encode(tokenizer, r)) for p, r in several), strict=True)
        found = score(model, list(prompts), list(replies))
        losses[family] = float(-found.logprobs.sum() / found.mask.sum())
    return losses


def knock_out(model: nn.Module, tokenizer, texts: Texts) -> dict[tuple[int, int], dict[str, float]]:
    """By layer and expert, how much each family's loss rises, in nats, when that expert is disabled."""
    before = reply_losses(model, tokenizer, texts)
    lost = {}
    for layer in numbers(model):
        for expert in range(_layers(model)[0].router.experts.count):
            with without_expert(model, layer, expert):
                after = reply_losses(model, tokenizer, texts)
            lost[layer, expert] = {family: after[family] - before[family] for family in texts}
    return lost


def _layers(model: nn.Module) -> list[MixtureOfExperts]:
    layers = expert_layers(model)
    if not layers:
        raise ValueError("this model has no experts: pass one that has, such as mini-moe")
    return layers


@contextmanager
def _watched(layers: Sequence[MixtureOfExperts]) -> Iterator[None]:
    """Let routers keep the logits of the last pass."""
    for layer in layers:
        layer.router.watched = True
    try:
        yield
    finally:
        for layer in layers:
            layer.router.watched, layer.router.logits = False, None
