"""Imitation: supervised fine-tuning on replies somebody wrote, with nothing to be learned from the questions.

The loss counts tokens of replies only (the prompt is masked). Several examples share a row, and none sees another: a
token's attention ends at the beginning of its own example. Rotary positions may count on along the row, as attention
only knows distances. The loop is `course.learn.training.train` with `imitation_loss`.

Which tokens are learned is a function that is passed in: `of_replies`, as everybody does, or `of_everything`, questions
too: `train(..., loss=partial(imitation_loss, learned=of_everything))`.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course._shapes import Bool, Float, Int


@dataclass(frozen=True)
class TrainingExample:
    """A prompt to read and a reply to learn, as tokens."""

    prompt: tuple[int, ...]
    reply: tuple[int, ...]  # the end included, or the model never learns to stop

    def __post_init__(self) -> None:
        if not self.prompt or not self.reply:
            raise ValueError("a training example needs a prompt and a reply of at least one token each")

    def __len__(self) -> int:
        return len(self.prompt) + len(self.reply)


@dataclass(frozen=True)
class Packed:
    """Examples side by side in rows, padded on the right."""

    ids: Int[Tensor, "B T"]
    examples: Int[Tensor, "B T"]  # the number of the example a token belongs to; -1 in the padding
    is_reply: Bool[Tensor, "B T"]  # True for tokens of replies

    def to(self, device: torch.device | str) -> "Packed":
        """The same on a device."""
        return Packed(self.ids.to(device), self.examples.to(device), self.is_reply.to(device))

    @property
    def lengths(self) -> list[int]:
        """The tokens of each example."""
        return self.examples[self.examples >= 0].unique(return_counts=True)[1].tolist()

    @property
    def replies(self) -> list[int]:
        """The tokens of each example's reply."""
        return self.examples[self.is_reply].unique(return_counts=True)[1].tolist()


def pack(examples: Sequence[TrainingExample], length: int) -> list[list[TrainingExample]]:
    """Examples shared out among rows of at most `length` tokens: the longest first, each where least room is left over.

    (Best fit decreasing, as TRL packs.) Raises ValueError for an example longer than a row.
    """
    rows: list[list[TrainingExample]] = []
    by_room: dict[int, list[list[TrainingExample]]] = {}
    for example in sorted(examples, key=len, reverse=True):
        if len(example) > length:
            raise ValueError(f"an example of {len(example)} tokens does not fit a row of {length}: make rows longer")
        room = next((room for room in range(len(example), length + 1) if by_room.get(room)), None)
        row = by_room[room].pop() if room is not None else []
        if room is None:
            rows.append(row)
        row.append(example)
        by_room.setdefault((length if room is None else room) - len(example), []).append(row)
    return rows


def stack(rows: Sequence[Sequence[TrainingExample]]) -> Packed:
    """Rows of examples as tensors, as wide as the longest row."""
    width = max(sum(map(len, row)) for row in rows)
    ids, owners = torch.zeros(2, len(rows), width, dtype=torch.long)
    owners -= 1
    is_reply = torch.zeros(len(rows), width, dtype=torch.bool)
    number = 0
    for place, row in enumerate(rows):
        start = 0
        for example in row:
            end = start + len(example)
            ids[place, start:end] = torch.tensor(example.prompt + example.reply)
            owners[place, start:end] = number
            is_reply[place, start + len(example.prompt) : end] = True
            start, number = end, number + 1
    return Packed(ids, owners, is_reply)


def block_causal_mask(examples: Int[Tensor, "B T"]) -> Float[Tensor, "B 1 T T"]:
    """What is added to scores in packed rows: 0 for what stands before in the same example, -inf for the rest."""
    same = examples[:, None, :, None] == examples[:, None, None, :]  # (B, 1, T, T)
    return torch.zeros(same.shape, device=same.device).masked_fill_(~same.tril(), float("-inf"))


Learned = Callable[[Packed], Tensor]  # True for the tokens of a batch that are learned, (B, T)


def of_replies(batch: Packed) -> Bool[Tensor, "B T"]:
    """The tokens of replies, the end included: loss masking, as in supervised fine-tuning."""
    return batch.is_reply


def of_everything(batch: Packed) -> Bool[Tensor, "B T"]:
    """All tokens of all examples but the first of each, before which nothing stands, and the padding."""
    own = batch.examples >= 0
    follows = batch.examples[:, 1:] == batch.examples[:, :-1]
    return own & nn.functional.pad(follows, (1, 0))


def reply_logits(
    model: nn.Module, batch: Packed, learned: Learned = of_replies
) -> tuple[Float[Tensor, "N V"], Int[Tensor, "N"]]:
    """What the model expects at each token that is learned, and the token that stands there, for all N of a batch.

    The token at place t is expected at t - 1: the shift happens here and nowhere else. The batch may lie elsewhere than
    the model, where it is brought.
    """
    batch = batch.to(next(model.parameters()).device)
    logits = model(batch.ids[:, :-1], attention_mask=block_causal_mask(batch.examples[:, :-1])).logits  # (B, T-1, V)
    wanted = learned(batch)[:, 1:]
    return logits[wanted], batch.ids[:, 1:][wanted]


def imitation_loss(model: nn.Module, batch: Packed, learned: Learned = of_replies) -> Float[Tensor, ""]:
    """Mean cross-entropy of the tokens that are learned, in nats: every one of the batch counts alike.

    Raises ValueError if there are none.
    """
    logits, tokens = reply_logits(model, batch, learned)
    if not len(tokens):
        raise ValueError("no token of this batch is learned: its mean loss does not exist")
    return nn.functional.cross_entropy(logits, tokens)


def shuffled_batches(
    examples: Sequence[TrainingExample], rows: int, length: int, seed: int = 0
) -> Callable[[int], Packed]:
    """The batch of each step: `rows` rows of packed examples, again and again in another order.

    A step's batch depends on its number alone, so that a run can be taken up again. Raises ValueError if there are too
    few examples to fill one step, and for less than one row.
    """
    if rows < 1:
        raise ValueError(f"a step needs at least one row: found rows={rows}")
    packed = pack(examples, length)
    steps = len(packed) // rows
    if not steps:
        raise ValueError(f"{len(examples)} examples fill {len(packed)} rows, and a step needs {rows}: collect more")

    def batch(step: int) -> Packed:
        epoch, turn = divmod(step, steps)
        order = random.Random(f"{seed}:{epoch}").sample(range(len(packed)), len(packed))
        return stack([packed[place] for place in order[turn * rows : (turn + 1) * rows]])

    return batch
