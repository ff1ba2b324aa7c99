"""Rows that are decoded together: their prompts read, their cache, one more token in each."""

import inspect

import torch
from torch import Tensor, nn

from course._shapes import Float, Int
from course.model.attention import LayerCache
from course.model.transformer import Transformer

PROMPTS_AT_ONCE = 32  # prompts that are read together


def read_together(model: nn.Module, prompt_ids: list[list[int]], samples: int, steps: int) -> "OwnBatch | HubBatch":
    """The prompts, read, and room for `steps` more tokens."""
    return (OwnBatch if isinstance(model, Transformer) else HubBatch)(model, prompt_ids, samples, steps)


class OwnBatch:
    """Rows of the course's network: prompts read in groups of like length, then one shared cache."""

    def __init__(self, model: Transformer, prompt_ids: list[list[int]], samples: int, steps: int):
        self.model = model
        longest = max(len(ids) for ids in prompt_ids)
        self.length = longest
        self.mask = torch.zeros(len(prompt_ids), longest + steps, dtype=torch.long, device=model.device)
        self.cache = model.new_cache()
        self.logits = self._read(prompt_ids, longest + steps)
        self.mask[:, longest:] = 1
        if samples > 1:
            self.select(torch.arange(len(prompt_ids), device=model.device).repeat_interleave(samples))
            self.logits = self.logits.repeat_interleave(samples, dim=0)

    def _read(self, prompt_ids: list[list[int]], room: int) -> Float[Tensor, "P V"]:
        logits = []
        for start in range(0, len(prompt_ids), PROMPTS_AT_ONCE):
            ids, mask = pad_left(prompt_ids[start : start + PROMPTS_AT_ONCE], self.model.device)
            part = self.model.new_cache()
            padded = None if mask.all() else mask
            logits.append(self.model(ids, padded, part, logits_to_keep=1).logits[:, -1])
            rows, first = slice(start, start + len(ids)), self.length - ids.shape[1]
            self.mask[rows, first : self.length] = mask
            for layer, piece in zip(self.cache, part, strict=True):
                _copy_in(layer, piece, len(prompt_ids), rows, first, room)
        for layer in self.cache:
            layer.length = self.length
        return torch.cat(logits)

    def step(self, tokens: Int[Tensor, "B"]) -> Float[Tensor, "B V"]:
        """Read one more token in every row; the logits after it."""
        self.length += 1
        return self.model(tokens[:, None], self.mask[:, : self.length], self.cache, logits_to_keep=1).logits[:, -1]

    def select(self, rows: Int[Tensor, "B"]) -> None:
        """Keep these rows."""
        self.mask = self.mask[rows]
        for layer in self.cache:
            layer.select(rows)


def _copy_in(layer: LayerCache, piece: LayerCache, batch: int, rows: slice, first: int, room: int) -> None:
    """Put a group's keys and values where they belong in the buffers of the whole batch."""
    if not layer.buffers:
        _, kv_heads, _, head_width = piece.buffers[0].shape
        layer.buffers = [piece.buffers[0].new_zeros(batch, kv_heads, room, head_width) for _ in range(2)]
    for buffer, read in zip(layer.buffers, piece.buffers, strict=True):
        buffer[rows, :, first : first + piece.length] = read[:, :, : piece.length]


class HubBatch:
    """Rows of a model of the Transformers library."""

    def __init__(self, model: nn.Module, prompt_ids: list[list[int]], samples: int, steps: int):
        self.model = model
        ids, mask = pad_left(prompt_ids, model.device)
        keep = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
        output = model(input_ids=ids, attention_mask=mask, position_ids=_places(mask), use_cache=True, **keep)
        self.cache, self.mask, self.logits = output.past_key_values, mask, output.logits[:, -1]
        if samples > 1:
            self.cache.batch_repeat_interleave(samples)
            self.mask, self.logits = (part.repeat_interleave(samples, dim=0) for part in (self.mask, self.logits))

    def step(self, tokens: Int[Tensor, "B"]) -> Float[Tensor, "B V"]:
        """Read one more token in every row; the logits after it."""
        self.mask = torch.cat((self.mask, torch.ones_like(self.mask[:, :1])), dim=1)
        output = self.model(
            input_ids=tokens[:, None],
            attention_mask=self.mask,
            position_ids=_places(self.mask)[:, -1:],
            past_key_values=self.cache,
            use_cache=True,
        )
        return output.logits[:, -1]

    def select(self, rows: Int[Tensor, "B"]) -> None:
        """Keep these rows."""
        self.mask = self.mask[rows]
        self.cache.batch_select_indices(rows)


def pad_left(token_ids: list[list[int]], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Token ids with zeros before the shorter rows, and the attention mask, both (B, T)."""
    longest = max(len(ids) for ids in token_ids)
    padded = torch.tensor([[0] * (longest - len(ids)) + ids for ids in token_ids], device=device)
    mask = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in token_ids], device=device)
    return padded, mask


def _places(mask: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    return (mask.cumsum(-1) - 1).clamp(min=0)
