"""A short training run in a process of its own, to be killed: `python -m tests.learn.interrupted FOLDER`.

A line a step. The finished weights are in FOLDER/done.safetensors.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from course.learn.pretraining import new_model, rows
from course.learn.training import TrainingConfig, train
from course.model.moe import Experts, balance
from course.model.transformer import ModelConfig
from course.world.corpus import Mixture

CONFIG = TrainingConfig(steps=40, rows=2, length=48, warmup=4, seed=3)
MODEL = ModelConfig(width=32, layers=2, heads=2, kv_heads=1, hidden=64, experts=Experts(count=4, hidden=32))


def main() -> None:
    """Train, saying each step as it is done."""
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    model = new_model(MODEL, CONFIG.seed)
    progress = folder / "progress.safetensors"
    batch = lambda step: rows(Mixture(), CONFIG, step)  # noqa: E731
    for stats in train(model, batch, CONFIG, checkpoint=progress, every=7, after_step=balance):
        print(stats["step"], stats["loss"], flush=True)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "done.safetensors")


if __name__ == "__main__":
    main()
