"""The training loop of every model here: a loss, a warm-up and a decay, exact resume.

Departures from what large models do: in pretraining, one loss over all tokens of a row, questions included, and
documents of a row see each other; no gradient accumulation; single precision throughout.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course._shapes import Float, Int
from course.learn.progress import Progress
from course.learn.settings import between, whole

LARGEST = 3e38  # of single precision
Batch = Callable[[int], Any]  # what a step learns from, by its number: rows of tokens, or what a loss takes instead


@dataclass(frozen=True)
class TrainingConfig:
    """How long, how fast and on how much. A step's tokens are rows * length."""

    steps: int = 4400
    rows: int = 10
    length: int = 384  # tokens
    learning_rate: float = 4e-3
    warmup: int = 100  # steps, linear from zero
    decay: float = 0.7  # last share of the steps, linear to zero
    weight_decay: float = 0.05  # of matrices; vectors have none
    clip: float = 1.0  # largest norm of the gradient
    seed: int = 0

    def __post_init__(self) -> None:
        whole(self, 1, "steps", "rows")
        whole(self, 2, "length")
        whole(self, 0, "warmup", "seed")
        between(self, 0, 1, "decay")
        between(self, 0, LARGEST, "learning_rate", "weight_decay")
        between(self, 0, math.inf, "clip", least_too=False)


def step_seed(seed: int, step: int) -> int:
    """The seed of everything random in one step of a run: no two steps, and no two runs, share one.

    (Up to a million steps, that is.) Every step needs its own, or problems that come again get the same samples.
    """
    return 1_000_003 * seed + step


def next_token_loss(model: nn.Module, rows: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Mean cross-entropy of each token given those before it in its row, in nats; rows may lie elsewhere."""
    rows = rows.to(next(model.parameters()).device)
    logits = model(rows[:, :-1]).logits  # (B, T-1, V)
    return nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


def new_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019), with the second beta that language models use."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [weight for weight in weights if weight.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95))


def schedule(step: int, config: TrainingConfig) -> float:
    """The learning rate at a step as a share of its peak: up, level, down to zero."""
    warm = min(1.0, (step + 1) / max(config.warmup, 1))
    left = (config.steps - step) / max(config.decay * config.steps, 1)
    return min(warm, left, 1.0)


def train(
    model: nn.Module,
    batch: Batch,
    config: TrainingConfig,
    *,
    loss: Callable[[nn.Module, Any], Tensor] = next_token_loss,
    checkpoint: Path | None = None,
    every: int = 100,
    after_step: Callable[[nn.Module], None] = lambda model: None,
) -> Iterator[dict[str, float]]:
    """Train in place, yielding `step`, `steps`, `loss` (nats), `tokens` and `rate` after each step.

    `loss(model, batch(step))` is what goes down. `tokens` counts rows * length a step: what was read where rows are
    full, as in pretraining, and otherwise the most it can have been.

    With a `checkpoint` file, everything needed to go on is written there every so many `every` steps and when the run
    is interrupted, and a run that finds the file goes on from it; it ends with the same weights, bit for bit, as one
    never interrupted. `after_step` may change the model outside the gradient (expert balance does). Stop whenever you
    like: the model keeps what it has learned.

    Raises ValueError if the checkpoint belongs to another run or is damaged, and before a loss or gradient that is not
    finite reaches the weights; BlockingIOError if another process trains with the checkpoint.
    """
    optimizer = new_optimizer(model, config)
    pieces = {"batch": batch, "loss": loss, "after_step": after_step}
    try:
        with Progress(checkpoint, model, optimizer, config, every, **pieces) as progress:
            model.train()
            for step in range(progress.done, config.steps):
                rate = schedule(step, config) * config.learning_rate
                for group in optimizer.param_groups:
                    group["lr"] = rate
                optimizer.zero_grad()  # whatever a step left behind that was interrupted
                value = loss(model, batch(step))
                value.backward()
                norm = nn.utils.clip_grad_norm_(model.parameters(), config.clip)
                done, found = step + 1, value.item()
                stop_unless_finite(done, loss=found, gradient=float(norm))
                optimizer.step()
                optimizer.zero_grad()
                after_step(model)
                progress.step_done(last=done == config.steps)
                tokens = done * config.rows * config.length
                yield {"step": done, "steps": config.steps, "loss": found, "tokens": tokens, "rate": rate}
    finally:
        model.eval()


@contextmanager
def naming_step(step: int) -> Iterator[None]:
    """Say of which step an error is: a ValueError in the block is raised again with the step before its message."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"step {step}: {error}") from error


def stop_unless_finite(step: int, **numbers: float) -> None:
    """End a run before a number that is not finite reaches its weights. Raises ValueError naming step and number."""
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise ValueError(f"step {step}: the {name} is {number}, so the weights stay as they were before this step")
