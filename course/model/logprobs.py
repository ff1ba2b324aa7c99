"""Scoring: the log-prob of each token of a reply, as the sampler saw it, and with a gradient."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course._shapes import Bool, Float
from course.model.sampling import require_numbers, sampling_logprobs
from course.world.tokenizer import encode


@dataclass(frozen=True)
class Scores:
    """Rows of replies, padded on the right."""

    logprobs: Float[Tensor, "B T"]  # nats; 0 in the padding
    mask: Bool[Tensor, "B T"]  # True for tokens of the reply, its end included


@torch.inference_mode()
def next_tokens(model: nn.Module, tokenizer, prompt: str, k: int = 5) -> dict[str, float]:
    """The `k` most probable tokens after a prompt, as text, with their probabilities at temperature 1, in order.

    Raises ValueError for characters the tokenizer cannot hold, for an empty prompt, and for logits that are NaN.
    """
    ids = encode(tokenizer, prompt)
    if not ids:
        raise ValueError("the prompt is empty: give at least one character")
    logits = model(torch.tensor([ids], device=model.device)).logits[0, -1]
    shares = require_numbers(logits).float().softmax(-1)
    return {tokenizer.decode([token]): float(shares[token]) for token in shares.topk(k).indices.tolist()}


def score(
    model: nn.Module,
    prompt_ids: list[list[int]],
    completion_ids: list[list[int]],
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> Scores:
    """The log-prob of every completion token given what stands before it.

    Temperature and `top_p` must be those of sampling (0 scores at 1, as the sampler does). Padding stands on the
    right, where no token attends to it, so it needs no mask. A token that `top_p` rules out has -inf. Raises ValueError
    for an empty prompt or completion, and for a model whose logits are not numbers.
    """
    if not all(prompt_ids) or not all(completion_ids) or not completion_ids:
        raise ValueError("nothing to score: every prompt and every completion needs at least one token")
    rows = [list(prompt) + list(reply) for prompt, reply in zip(prompt_ids, completion_ids, strict=True)]
    longest = max(len(row) for row in rows)
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=model.device)
    logprobs = sampling_logprobs(model(ids[:, :-1]).logits, temperature, top_p)
    logprobs = logprobs.gather(-1, ids[:, 1:, None]).squeeze(-1)  # (B, T-1): of token t+1 at place t
    starts = torch.tensor([len(prompt) - 1 for prompt in prompt_ids], device=model.device)
    lengths = torch.tensor([len(reply) for reply in completion_ids], device=model.device)
    offsets = torch.arange(max(map(len, completion_ids)), device=model.device)
    mask = offsets < lengths[:, None]
    places = (starts[:, None] + offsets).clamp(max=longest - 2)
    return Scores(require_numbers(logprobs.gather(1, places).masked_fill(~mask, 0.0)), mask)
