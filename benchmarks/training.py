"""Share of the machine's own matrix-multiply speed that a training step reaches, dense and with experts.

The machine's speed is the best single-precision product of square matrices over several sizes, in the same run and
with as many threads. A step's FLOPs are 6 per weight and token (of experts, those a token uses; the embedding table
counts once, as the output head) plus 12 per layer, token, position seen on average, and width for attention. The
median of the steps. `python benchmarks/training.py`.
"""

import course  # noqa: F401, I001 (before PyTorch: it decides how waiting threads wait)

import statistics
import time

import torch

from course.learn.pretraining import RECIPES, new_model, rows
from course.learn.training import new_optimizer, next_token_loss
from course.model.moe import Experts
from course.model.transformer import ModelConfig, parameter_count

STEPS = 12
THREADS = (1, 2)
TARGETS = {"dense": 0.75, "mixture of experts": 0.50}
CONFIGS = {"dense": ModelConfig(), "mixture of experts": ModelConfig(experts=Experts())}


def machine_speed() -> float:
    """FLOPs per second of the fastest square matrix product."""
    best = 0.0
    for size in (256, 512, 1024, 2048):
        one, other = torch.randn(size, size), torch.randn(size, size)
        for _ in range(6):
            start = time.perf_counter()
            one @ other
            best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def step_speed(config: ModelConfig) -> float:
    """FLOPs per second of a whole training step on the small web: forward, backward, clipping, AdamW."""
    recipe = RECIPES["mini-base"]
    model = new_model(config, 0)
    optimizer = new_optimizer(model, recipe.training)
    batches = [rows(recipe.mixture, recipe.training, step) for step in range(3)]
    seconds = []
    for step in range(STEPS):
        start = time.perf_counter()
        next_token_loss(model, batches[step % 3]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
    length = recipe.training.length - 1
    per_token = 6 * parameter_count(model, active=True) + 12 * config.layers * config.hidden_size * length / 2
    return per_token * recipe.training.rows * length / statistics.median(seconds[2:])


def main() -> None:
    """Print the shares."""
    for threads in THREADS:
        torch.set_num_threads(threads)
        machine = machine_speed()
        print(f"{threads} threads: the machine multiplies matrices at {machine / 1e9:.0f} GFLOP/s")
        for name, config in CONFIGS.items():
            reached = step_speed(config)
            share = reached / max(machine, machine_speed())
            print(f"  {name}: {reached / 1e9:.0f} GFLOP/s, {share:.0%} of it (target {TARGETS[name]:.0%})")


if __name__ == "__main__":
    main()
