"""The training loop of every model here: next-token loss, a warm-up and a decay, exact resume.

Departures from what large models do: one loss over all tokens of a row, questions included; documents of a row
see each other; no gradient accumulation; single precision throughout.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from course._shapes import Float, Int

Batch = Callable[[int], Int[Tensor, "B T"]]  # the rows of a step, from its number alone


@dataclass(frozen=True)
class TrainingConfig:
    """How long, how fast and on how much. A step's tokens are rows * length."""

    steps: int = 1200
    rows: int = 32
    length: int = 256  # tokens
    learning_rate: float = 3e-3  # of AdamW: embeddings, norms and routers
    matrix_learning_rate: float = 1e-2  # of Muon: every other matrix
    muon: bool = True  # False: AdamW for everything, at its own learning rate
    warmup: int = 60  # steps, linear from zero
    decay: float = 0.4  # last share of the steps, linear to zero
    weight_decay: float = 0.05
    clip: float = 1.0  # largest norm of the gradient
    seed: int = 0


def next_token_loss(model: nn.Module, rows: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Mean cross-entropy of each token given those before it in its row, in nats."""
    logits = model(rows[:, :-1]).logits  # (B, T-1, V)
    return nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


def optimizers(model: nn.Module, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers (Jordan et al. 2024), AdamW for the rest; or AdamW for everything.

    Muon orthogonalizes each matrix's momentum, so its learning rate is in units of the update's own size.
    """
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    matrices = [w for name, w in weights.items() if config.muon and w.ndim == 2 and not _is_table(name)]
    chosen = {id(w) for w in matrices}
    rest = [w for w in weights.values() if id(w) not in chosen]
    groups = [
        {"params": [w for w in rest if w.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [w for w in rest if w.ndim < 2], "weight_decay": 0.0},
    ]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95))]
    if matrices:
        found.append(torch.optim.Muon(matrices, lr=config.matrix_learning_rate, weight_decay=config.weight_decay))
    for optimizer in found:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return found


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
    checkpoint: Path | None = None,
    every: int = 100,
    after_step: Callable[[nn.Module], None] = lambda model: None,
) -> Iterator[dict[str, float]]:
    """Train in place, yielding `step`, `steps`, `loss` (nats), `tokens` and `rate` after each step.

    With a `checkpoint` file, everything needed to go on is written there every so many `every` steps, and a run
    that finds the file goes on from it; it ends with the same weights, bit for bit, as one never interrupted.
    `after_step` may change the model outside the gradient (expert balance does). Stop whenever you like: the model
    keeps what it has learnt.

    Raises ValueError if the checkpoint belongs to another run or is damaged.
    """
    running = optimizers(model, config)
    start = load_progress(checkpoint, model, running, config) if checkpoint and checkpoint.exists() else 0
    model.train()
    for step in range(start, config.steps):
        set_rate(running, schedule(step, config))
        loss = next_token_loss(model, batch(step))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        for optimizer in running:
            optimizer.step()
            optimizer.zero_grad()
        after_step(model)
        done = step + 1
        if checkpoint and (done % every == 0 or done == config.steps):
            save_progress(checkpoint, model, running, config, done)
        tokens = done * config.rows * config.length
        yield {
            "step": done,
            "steps": config.steps,
            "loss": loss.item(),
            "tokens": tokens,
            "rate": schedule(step, config),
        }
    model.eval()


def set_rate(running: list[torch.optim.Optimizer], share: float) -> None:
    """Set every learning rate to this share of its peak."""
    for optimizer in running:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share


def save_progress(path: Path, model: nn.Module, running: list, config: TrainingConfig, step: int) -> None:
    """Write weights and optimizer state to one file, whole or not at all (no pickle: safetensors)."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    for number, optimizer in enumerate(running):
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{number}/{index}/{name}": value for name, value in state.items()}
    tensors = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
    partial = path.with_suffix(".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, partial, metadata={"step": str(step), "config": json.dumps(asdict(config))})
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def load_progress(path: Path, model: nn.Module, running: list, config: TrainingConfig) -> int:
    """Put a model and its optimizers back to where a run stopped; returns the steps it had done."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        if json.loads(metadata["config"]) != asdict(config):
            raise ValueError(f"{path} belongs to a run with other settings: delete it, or use those settings again")
        model.load_state_dict(
            {name.removeprefix("model/"): t for name, t in tensors.items() if name.startswith("model/")}
        )
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged or of another model: delete it and start the run again") from error
    for number, optimizer in enumerate(running):
        state = optimizer.state_dict()
        for name, value in tensors.items():
            place = name.split("/")
            if place[0] == "optimizer" and int(place[1]) == number:
                state["state"].setdefault(int(place[2]), {})[place[3]] = value
        optimizer.load_state_dict(state)
    return int(metadata["step"])


def _is_table(name: str) -> bool:
    """Whether a weight is looked up or scored against, rather than multiplied: these stay with AdamW."""
    return "embed" in name or "router" in name or "head" in name
