"""Continuous batching: replies that begin and end at different times, decoded together.

`generate` takes all its prompts at once. A server cannot: requests arrive one by one. Here every row has a place of its
own in the cache, a new row joins between two steps, and one that ends makes room at once (Yu et al. 2022, Orca). A row
draws the same uniform numbers whatever runs beside it, so that its reply does not depend on its neighbors, except
where rounding decides between two tokens.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from course._shapes import Float
from course.model.attention import LayerCache
from course.model.batches import pad_left
from course.model.sampling import draw, require_numbers, sampling_logprobs
from course.model.transformer import Transformer


@dataclass(eq=False)
class Row:
    """A reply being drawn: what it goes on from, how, and what is drawn so far."""

    prompt_ids: list[int]
    uniform: list[float]  # a number in [0, 1) for each token it may have
    temperature: float = 1.0
    top_p: float = 1.0
    barred: tuple[int, ...] = ()  # tokens that it never draws
    forced: Callable[[list[int]], int | None] | None = None  # from its tokens so far to the next, where that is decided
    top: int | None = None  # how many of the most probable tokens to report at each place; None for no log-probs
    token_ids: list[int] = field(default_factory=list)
    ended: str | None = None  # "stop" at its own end, "length" where no room is left


@dataclass(frozen=True)
class Drawn:
    """One more token of a row."""

    row: Row
    token: int
    logprob: float | None = None  # under the model at temperature 1, in nats, where the row asks for it
    top: tuple[tuple[int, float], ...] = ()  # the most probable tokens there and their log-probs


class Batch:
    """Rows of one model, at most `places` at a time; the others wait in the order in which they came.

    `add` and `drop` may be called from another thread while `step` runs; they count from the next step on.
    """

    def __init__(self, model: Transformer, eos: int, places: int = 32):
        self.model, self.eos, self.places = model, eos, places
        self.waiting: deque[Row] = deque()
        self.rows: list[Row] = []  # row i has place i of the cache: those in use come first
        self.cache = [_Places(places, model.config.context) for _ in model.blocks]
        self.logits = torch.zeros(places, model.config.vocab_size, device=model.device)
        self._dropped: deque[Row] = deque()

    @property
    def busy(self) -> bool:
        """Whether a row is running or waits."""
        return bool(self.rows or self.waiting)

    def add(self, row: Row) -> None:
        """Let a row in as soon as there is a place. Raises ValueError if it leaves no room for a token."""
        if not 0 < len(row.prompt_ids) < self.model.config.context or not row.uniform:
            raise ValueError(f"a prompt of 1 to {self.model.config.context - 1} tokens and at least one token to draw")
        self.waiting.append(row)

    def drop(self, row: Row) -> None:
        """Take a row out, wherever it is; one that has ended already is left as it is."""
        self._dropped.append(row)

    @torch.inference_mode()
    def step(self) -> list[Drawn]:
        """Let waiting rows in, then draw one token in every row.

        Raises ValueError if the model's logits are not numbers; the rows are then all out.
        """
        self._take_out()
        running = len(self.rows)
        try:
            if running:
                self.logits[:running] = self._read_on()
            self._let_in()
            drawn = self._draw()
        except Exception:
            self.rows.clear()
            for layer in self.cache:
                layer.buffers.clear()  # NaN stays NaN, even where attention gives it no weight
            raise
        for place in reversed(range(len(self.rows))):
            if self.rows[place].ended:
                self._free(place)
        return drawn

    def _read_on(self) -> Float[Tensor, "B V"]:
        """The logits after the last token of every row, which is read only now."""
        last = torch.tensor([row.token_ids[-1] for row in self.rows])
        lengths = torch.tensor([len(row.prompt_ids) + len(row.token_ids) - 1 for row in self.rows])
        longest = int(lengths.max())
        for layer in self.cache:
            layer.length, layer.ends = longest, (torch.arange(len(self.rows)), lengths)
        mask = (torch.arange(longest + 1) <= lengths[:, None]).long()
        return self.model(last[:, None], mask, self.cache, logits_to_keep=1).logits[:, -1]

    def _take_out(self) -> None:
        while self._dropped:
            row = self._dropped.popleft()
            if row in self.rows:
                self._free(self.rows.index(row))
            elif row in self.waiting:
                self.waiting.remove(row)

    def _free(self, place: int) -> None:
        """The last row moves into the place that became free."""
        last = len(self.rows) - 1
        if place != last:
            length = len(self.rows[last].prompt_ids) + len(self.rows[last].token_ids)
            for layer in self.cache:
                layer.move(last, place, length)
        self.rows[place] = self.rows[last]
        self.rows.pop()

    def _let_in(self) -> None:
        """Read the prompts of rows that find a place: together, and one that several rows share only once."""
        new = [self.waiting.popleft() for _ in range(min(len(self.waiting), self.places - len(self.rows)))]
        if not new:
            return
        prompts = list(dict.fromkeys(tuple(row.prompt_ids) for row in new))
        ids, mask = pad_left([list(prompt) for prompt in prompts], self.model.device)
        read = self.model.new_cache()
        logits = self.model(ids, None if mask.all() else mask, read, logits_to_keep=1).logits[:, -1]
        for row in new:
            place, source = len(self.rows), prompts.index(tuple(row.prompt_ids))
            for layer, piece in zip(self.cache, read, strict=True):
                layer.put(place, piece, source, len(row.prompt_ids))
            self.logits[place] = logits[source]
            self.rows.append(row)

    def _draw(self) -> list[Drawn]:
        logits = require_numbers(self.logits[: len(self.rows)])
        tokens = self._tokens(logits)
        drawn = []
        for place, (row, token) in enumerate(zip(self.rows, tokens, strict=True)):
            logprob, top = None, ()
            if row.top is not None:
                logprobs = logits[place].log_softmax(-1)
                values, ids = logprobs.topk(row.top)
                logprob, top = float(logprobs[token]), tuple(zip(ids.tolist(), values.tolist(), strict=True))
            row.token_ids.append(token)
            if token == self.eos:
                row.ended = "stop"
            elif len(row.token_ids) == min(len(row.uniform), self.model.config.context - len(row.prompt_ids)):
                row.ended = "length"
            drawn.append(Drawn(row, token, logprob, top))
        return drawn

    def _tokens(self, logits: Float[Tensor, "B V"]) -> list[int]:
        """A token for every row: rows that are drawn in the same way are drawn together."""
        alike: dict[tuple[float, float], list[int]] = {}
        for place, row in enumerate(self.rows):
            alike.setdefault((row.temperature, row.top_p), []).append(place)
        tokens = [0] * len(self.rows)
        for (temperature, top_p), places in alike.items():
            rows = [self.rows[place] for place in places]
            scores = logits[places]
            for number, row in enumerate(rows):
                if row.barred:
                    scores[number, list(row.barred)] = float("-inf")
            choices = sampling_logprobs(scores, temperature, top_p)
            uniform = torch.tensor([row.uniform[len(row.token_ids)] for row in rows], device=logits.device)
            drawn = draw(choices, uniform) if temperature else choices.argmax(-1)
            for place, row, token in zip(places, rows, drawn.tolist(), strict=True):
                decided = row.forced(row.token_ids) if row.forced else None
                tokens[place] = token if decided is None else decided
        return tokens


class _Places(LayerCache):
    """The keys and values of one layer. Token t of a row is at index t, so that rows end at different indices."""

    def __init__(self, places: int, context: int):
        super().__init__()
        self.places, self.context = places, context
        self.ends: tuple[Tensor, Tensor] | None = None  # the rows of the next step, and where their next token belongs

    def extend(self, key: Float[Tensor, "B K 1 d"], value: Float[Tensor, "B K 1 d"]) -> tuple[Tensor, Tensor]:
        """Write one more token behind those of each row, and return all."""
        rows, ends = self.ends
        for buffer, new in zip(self.buffers, (key, value), strict=True):
            buffer[rows, :, ends] = new[:, :, 0]
        return self.buffers[0][: len(rows), :, : self.length + 1], self.buffers[1][: len(rows), :, : self.length + 1]

    def put(self, place: int, piece: LayerCache, source: int, length: int) -> None:
        """Take over the `length` tokens that row `source` of another cache has at its end."""
        if not self.buffers:
            _, kv_heads, _, head_width = piece.buffers[0].shape
            self.buffers = [
                piece.buffers[0].new_zeros(self.places, kv_heads, self.context, head_width) for _ in range(2)
            ]
        for buffer, read in zip(self.buffers, piece.buffers, strict=True):
            buffer[place, :, :length] = read[source, :, piece.length - length : piece.length]

    def move(self, source: int, place: int, length: int) -> None:
        """Put the first `length` tokens of one row where another was."""
        for buffer in self.buffers:
            buffer[place, :, :length] = buffer[source, :, :length]
