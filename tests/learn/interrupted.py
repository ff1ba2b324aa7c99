"""A short run in a process of its own, to be killed: `python -m tests.learn.interrupted FOLDER [reading | reward]`.

A line a step. The finished weights are in FOLDER/done.safetensors.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from course.learn.grpo import GRPOConfig, grpo
from course.learn.pretraining import new_model, rows
from course.learn.training import TrainingConfig, train
from course.model import load
from course.model.moe import Experts, balance
from course.model.transformer import ModelConfig
from course.world.corpus import Mixture

CONFIG = TrainingConfig(steps=40, rows=2, length=48, warmup=4, seed=3)
MODEL = ModelConfig(
    hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=64, experts=Experts(count=4, intermediate_size=32)
)


REWARD = GRPOConfig(steps=16, prompts=5, group_size=4, max_new_tokens=20, seed=3)


def reading(progress: Path):
    """A small network reads: the model, and its steps."""
    model = new_model(MODEL, CONFIG.seed)
    batch = lambda step: rows(Mixture(), CONFIG, step)  # noqa: E731
    return model, train(model, batch, CONFIG, checkpoint=progress, every=7, after_step=balance)


def reward(progress: Path):
    """`mini-base` is reinforced."""
    model, tokenizer = load("mini-base")
    return model, grpo(model, tokenizer, REWARD, checkpoint=progress, every=3)


def main() -> None:
    """Train, saying each step as it is done."""
    torch.set_num_threads(1)
    folder, kind = Path(sys.argv[1]), sys.argv[2] if sys.argv[2:] else "reading"
    model, steps = {"reading": reading, "reward": reward}[kind](folder / "progress.safetensors")
    for stats in steps:
        print(stats["step"], stats["loss"], flush=True)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "done.safetensors")


if __name__ == "__main__":
    main()
