"""The training loop of every model here: a loss, a warm-up and a decay, exact resume.

Departures from what large models do: in pretraining, one loss over all tokens of a row, questions included, and
documents of a row see each other; no gradient accumulation; single precision throughout.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from course._shapes import Float, Int

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


def step_seed(seed: int, step: int) -> int:
    """The seed of everything random in one step of a run: no two steps, and no two runs, share one.

    (Up to a million steps, that is.) Every step needs its own, or problems that come again get the same samples.
    """
    return 1_000_003 * seed + step


def next_token_loss(model: nn.Module, rows: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Mean cross-entropy of each token given those before it in its row, in nats."""
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

    `loss(model, batch(step))` is what goes down.

    With a `checkpoint` file, everything needed to go on is written there every so many `every` steps, and a run
    that finds the file goes on from it; it ends with the same weights, bit for bit, as one never interrupted.
    `after_step` may change the model outside the gradient (expert balance does). Stop whenever you like: the model
    keeps what it has learnt.

    Raises ValueError if the checkpoint belongs to another run or is damaged.
    """
    optimizer = new_optimizer(model, config)
    start = load_progress(checkpoint, model, optimizer, config) if checkpoint and checkpoint.exists() else 0
    model.train()
    for step in range(start, config.steps):
        rate = schedule(step, config) * config.learning_rate
        for group in optimizer.param_groups:
            group["lr"] = rate
        value = loss(model, batch(step))
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        optimizer.zero_grad()
        after_step(model)
        done = step + 1
        if checkpoint and (done % every == 0 or done == config.steps):
            save_progress(checkpoint, model, optimizer, config, done)
        tokens = done * config.rows * config.length
        yield {"step": done, "steps": config.steps, "loss": value.item(), "tokens": tokens, "rate": rate}
    model.eval()


def save_progress(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, config: object, step: int):
    """Write weights and optimizer state to one file, whole or not at all (no pickle: safetensors)."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": value for name, value in state.items()}
    tensors = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
    partial = path.with_suffix(".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, partial, metadata={"step": str(step), "config": json.dumps(asdict(config))})
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def load_progress(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, config: object) -> int:
    """Put a model and its optimizer back to where a run stopped; returns the steps it had done."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        if json.loads(metadata["config"]) != asdict(config):
            raise ValueError(f"{path} belongs to a run with other settings: delete it, or use those settings again")
        weights = {name.removeprefix("model/"): value for name, value in tensors.items() if name.startswith("model/")}
        model.load_state_dict(weights)
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged or of another model: delete it and start the run again") from error
    found = optimizer.state_dict()
    for name, value in tensors.items():
        kind, *place = name.split("/")
        if kind == "optimizer":
            found["state"].setdefault(int(place[0]), {})[place[1]] = value
    optimizer.load_state_dict(found)
    return int(metadata["step"])
