"""How each model of the course is made: what stands behind `course train NAME`."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from course.learn import pretraining
from course.learn.distillation import as_examples, collect_traces
from course.learn.grpo import GRPOConfig, grpo
from course.learn.pretraining import round_to_half
from course.learn.sft import imitation_loss, shuffled_batches
from course.learn.training import TrainingConfig, train
from course.model import load, save
from course.world import FAMILIES, draw_problems
from course.world.tokenizer import load_tokenizer

Maker = Callable[[int, Path, int | None, bool], Iterator[dict]]  # seed, folder, steps, resume: statistics by step


def make(
    name: str, seed: int = 0, folder: Path | None = None, steps: int | None = None, resume: bool = True
) -> Iterator[dict]:
    """Make the model called `name`, yielding statistics step by step; the finished model is saved in `folder`.

    The run's progress is kept in `folder` as well, and a second call goes on from there unless `resume` is False.
    `steps` shortens or lengthens the run. Raises ValueError naming the models there are.
    """
    folder = Path(folder or f"runs/{name}-{seed}")
    if name in MAKERS:
        yield from MAKERS[name](seed, folder, steps, resume)
    elif name in pretraining.RECIPES:
        yield from pretraining.train_model(name, seed, folder, steps, resume)
    else:
        raise ValueError(f"no recipe for {name!r}: choose one of {', '.join((*pretraining.RECIPES, *MAKERS))}")


def zero(seed: int, folder: Path, steps: int | None, resume: bool) -> Iterator[dict]:
    """`mini-zero`: `mini-base`, rewarded for right answers and nothing else."""
    torch.set_num_threads(1)  # part of the recipe, as in the experiment `zero`, whose first seed is the one that ships
    model, tokenizer = load("mini-base")
    config = GRPOConfig(seed=seed)
    progress = folder / "progress.safetensors"
    if not resume:
        progress.unlink(missing_ok=True)
    yield from grpo(model, tokenizer, replace(config, steps=steps or config.steps), checkpoint=progress)
    save(round_to_half(model), load_tokenizer(), folder)


def distilled(seed: int, folder: Path, steps: int | None, resume: bool) -> Iterator[dict]:
    """`mini-distill`: `mini-student`, taught by those traces of `mini-zero` that end right."""
    torch.set_num_threads(1)  # part of the recipe
    (student, tokenizer), teacher = load("mini-student"), load("mini-zero")[0]
    problems = [one for name in FAMILIES for one in draw_problems(name, 4000, split="train", seed=seed)]
    examples = as_examples(tokenizer, collect_traces(teacher, tokenizer, problems, seed=seed))
    config = TrainingConfig(steps=steps or 3500, length=320, learning_rate=5e-3, warmup=20, seed=seed)
    progress = folder / "progress.safetensors"
    if not resume:
        progress.unlink(missing_ok=True)
    batch = shuffled_batches(examples, config.rows, config.length, seed)
    yield from train(student, batch, config, loss=imitation_loss, checkpoint=progress)
    save(round_to_half(student), load_tokenizer(), folder)


MAKERS: dict[str, Maker] = {"mini-zero": zero, "mini-distill": distilled}
