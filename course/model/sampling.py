"""Drawing replies: one pass over each prompt, then token by token for all rows at once.

`generate` takes prompts already rendered (`course.think.prompting` does that). Where time goes, and what is done
about it: prompts of like length are read together, so that little is spent on padding; keys and values are written in
place; finished rows leave the batch when a quarter of it is idle; one uniform number draws a token; a step too small
for a second thread to be worth waking is taken on one.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course._shapes import Float, Int
from course.model.batches import read_together
from course.model.transformer import Transformer
from course.world.tokenizer import encode

ROWS_AT_ONCE = 512  # rows that are decoded together
IDLE = 0.25  # share of finished rows at which the batch is made smaller
UNFINISHED = "\ufffd"  # what tokenizers of bytes give for the first bytes of a character
WORTH_WAKING = 1e7  # weights times tokens read in one step, from which more than one thread pays


@dataclass(frozen=True)
class Completion:
    """One reply as it was drawn."""

    text: str  # special tokens included, but for the end
    token_ids: list[int]  # the end (`<eos>`) included if it came
    logprobs: list[float]  # of each token as sampled, in nats: after temperature and truncation
    finished: bool  # whether it ended by itself


def generate(
    model: nn.Module,
    tokenizer,
    prompts: Sequence[str],
    samples: int = 1,
    max_new_tokens: int = 160,
    temperature: float = 1.0,
    top_p: float = 1.0,
    *,
    seed: int,
) -> list[list[Completion]]:
    """Draw `samples` replies to each prompt: a list per prompt.

    Works with the course's models and any causal model of the Transformers library. Temperature 0 is greedy; its
    log-probs are those at temperature 1. A row's draws depend on the seed and its place among the prompts, not on
    what else is in the batch; log-probs agree in all but their last digits, whatever the number of threads. Raises
    ValueError for an empty prompt, one that leaves no room in the context, a tokenizer without a token that ends a
    reply, and a model whose logits are not numbers.
    """
    require_settings(tokenizer, samples, max_new_tokens, temperature, top_p)
    prompt_ids = [_readable(model, tokenizer, prompt) for prompt in prompts]
    generator = torch.Generator().manual_seed(seed)  # of the CPU wherever the model is: the same draws on every device
    uniform = torch.rand(len(prompts), samples, max_new_tokens, generator=generator, device="cpu")
    order = sorted(range(len(prompts)), key=lambda place: len(prompt_ids[place]))
    completions: list[list[Completion]] = [[] for _ in prompts]
    per_batch = max(1, ROWS_AT_ONCE // samples)
    with torch.inference_mode():
        for start in range(0, len(order), per_batch):
            places = order[start : start + per_batch]
            ids = [prompt_ids[place] for place in places]
            drawn = _decode(model, ids, uniform[places], tokenizer.eos_token_id, temperature, top_p)
            texts = _completions(tokenizer, *drawn)
            for place in places:
                completions[place] = [next(texts) for _ in range(samples)]
    return completions


def stream(
    model: nn.Module,
    tokenizer,
    prompt: str,
    max_new_tokens: int = 160,
    temperature: float = 1.0,
    top_p: float = 1.0,
    *,
    seed: int,
) -> Generator[str, None, bool]:
    """The reply that `generate` draws with the same settings, as it is drawn, and then whether it ended by itself.

    A piece is the text of one token, of several where a character takes several. `yield from` gives whether the end
    came, which is no piece. Raises ValueError as `generate` does.
    """
    require_settings(tokenizer, 1, max_new_tokens, temperature, top_p)
    ids = _readable(model, tokenizer, prompt)
    uniform = torch.rand(max_new_tokens, generator=torch.Generator().manual_seed(seed), device="cpu")
    reply, told = [], 0
    with torch.inference_mode():
        steps = min(max_new_tokens, _context(model) - len(ids))
        batch = read_together(model, [ids], 1, steps)
        for step in range(steps):
            choices = sampling_logprobs(require_numbers(batch.logits), temperature, top_p)
            drawn = draw(choices, uniform[step : step + 1].to(model.device)) if temperature else choices.argmax(-1)
            ends = int(drawn) == tokenizer.eos_token_id
            reply += [] if ends else drawn.tolist()
            text = tokenizer.decode(reply)
            if len(text) > told and (ends or step == steps - 1 or not text.endswith(UNFINISHED)):
                yield text[told:]
                told = len(text)
            if ends or step == steps - 1:
                return ends
            batch.logits = batch.step(drawn)


def require_settings(tokenizer, samples: int, max_new_tokens: int, temperature: float, top_p: float) -> None:
    """Raise ValueError unless replies can be drawn in this way."""
    if samples < 1 or max_new_tokens < 1 or not 0 <= temperature < float("inf") or not 0 < top_p <= 1:
        raise ValueError("samples and max_new_tokens start at 1, temperature at 0, and top_p lies in (0, 1]")
    if tokenizer.eos_token_id is None:
        raise ValueError("the tokenizer names no token that ends a reply: set its eos_token")


def sampling_logprobs(
    logits: Float[Tensor, "... V"], temperature: float = 1.0, top_p: float = 1.0
) -> Float[Tensor, "... V"]:
    """The log-probs tokens are drawn from: softmax(logits / temperature), cut to the nucleus and renormalized.

    The nucleus is the smallest set of most likely tokens whose probability reaches `top_p` (Holtzman et al. 2020).
    Where rounding decides whether a token belongs, two ways to the same logits may disagree about it.
    """
    logprobs = torch.log_softmax(logits.float() / (temperature or 1.0), dim=-1)
    if top_p >= 1:
        return logprobs
    ordered, places = logprobs.exp().sort(dim=-1, descending=True)
    outside = ordered.cumsum(-1) - ordered >= top_p  # what stands before a token already reaches top_p
    outside = torch.zeros_like(outside).scatter(-1, places, outside)
    return torch.log_softmax(logprobs.masked_fill(outside, float("-inf")), dim=-1)


def draw(logprobs: Float[Tensor, "B V"], uniform: Float[Tensor, "B"]) -> Int[Tensor, "B"]:
    """The token at which the cumulative probability passes each uniform number."""
    reached = logprobs.exp().cumsum(-1)  # (B, V)
    tokens = torch.searchsorted(reached, (uniform * reached[:, -1])[:, None], right=True).squeeze(1)
    return tokens.clamp_(max=logprobs.shape[-1] - 1)


def _decode(model, prompt_ids, uniform: Float[Tensor, "P G T"], eos: int, temperature: float, top_p: float):
    """Token ids, -1 behind a row's last, and log-probs, each (P * G, T)."""
    samples, steps = uniform.shape[1:]
    rooms = [_context(model) - len(ids) for ids in prompt_ids]
    steps = min(steps, max(rooms))
    room = torch.tensor(rooms, device=model.device).repeat_interleave(samples)
    uniform = uniform[:, :, :steps].flatten(0, 1).to(model.device)
    with _threads(model) as use_threads_for:
        use_threads_for(sum(map(len, prompt_ids)))
        batch = read_together(model, prompt_ids, samples, steps)
        return _draw_rows(batch, uniform, room, eos, temperature, top_p, use_threads_for)


@contextmanager
def _threads(model: nn.Module) -> Iterator[Callable[[int], None]]:
    """A function that chooses threads by how many tokens a step reads; those there were before come back at the end.

    A thread that sleeps takes longer to wake than a small step takes.
    """
    before, weights = torch.get_num_threads(), sum(weight.numel() for weight in model.parameters())
    try:
        yield lambda tokens: torch.set_num_threads(before if weights * tokens >= WORTH_WAKING else 1)
    finally:
        torch.set_num_threads(before)


def _draw_rows(batch, uniform, room, eos: int, temperature: float, top_p: float, use_threads_for):
    """Token by token for all rows until each has ended, used up its `room`, or its uniform numbers."""
    steps, logits = uniform.shape[1], require_numbers(batch.logits)
    rows = torch.arange(len(uniform), device=uniform.device)
    running = torch.ones_like(rows, dtype=torch.bool)
    tokens, logprobs = torch.full_like(uniform, -1, dtype=torch.long), torch.zeros_like(uniform)
    use_threads_for(len(rows))
    for step in range(steps):
        choices = sampling_logprobs(logits, temperature, top_p)
        drawn = draw(choices, uniform[rows, step]) if temperature else choices.argmax(-1)
        live = rows[running]
        tokens[live, step] = drawn[running]
        logprobs[live, step] = choices.gather(-1, drawn[:, None]).squeeze(1)[running]
        running &= (drawn != eos) & (room[rows] > step + 1)
        left = int(running.sum())
        if left == 0 or step == steps - 1:
            break
        if left <= (1 - IDLE) * len(rows):
            keep = running.nonzero().squeeze(1)
            batch.select(keep)
            rows, drawn, running = rows[keep], drawn[keep], running[keep]
            use_threads_for(len(rows))
        logits = batch.step(drawn)
    return tokens, require_numbers(logprobs)


def require_numbers(values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The same values. Raises ValueError if one of them is NaN, as in a model that training has broken."""
    if values.isnan().any():
        raise ValueError("the model's logits are not numbers (NaN): training went wrong, or the weights are damaged")
    return values


def _context(model: nn.Module) -> int:
    return model.config.context if isinstance(model, Transformer) else model.config.max_position_embeddings


def _readable(model: nn.Module, tokenizer, prompt: str) -> list[int]:
    ids = encode(tokenizer, prompt)
    if not ids:
        raise ValueError("a prompt is empty: give the model something to read, such as direct('What is 2+3?')")
    if len(ids) >= _context(model):
        raise ValueError(f"a prompt of {len(ids)} tokens leaves no room in a context of {_context(model)}: shorten it")
    return ids


def _completions(tokenizer, tokens: Tensor, logprobs: Tensor) -> Iterator[Completion]:
    ids = [[token for token in row if token >= 0] for row in tokens.tolist()]
    ends = [row[-1] == tokenizer.eos_token_id for row in ids]
    texts = tokenizer.batch_decode([row[:-1] if end else row for row, end in zip(ids, ends, strict=True)])
    for row, text, values, end in zip(ids, texts, logprobs.tolist(), ends, strict=True):
        yield Completion(text, row, values[: len(row)], end)
