"""Reading the small web: how `mini-base` and its relatives are made from nothing.

`course train NAME` runs this. A step's texts depend on the seed and the step alone, so a run that is killed goes
on as if nothing had happened.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from course._shapes import Int
from course.learn.progress import start_again
from course.learn.training import TrainingConfig, train
from course.model import save
from course.model.moe import Experts, balance
from course.model.transformer import ModelConfig, Transformer
from course.world.corpus import Mixture, documents
from course.world.tokenizer import load_tokenizer

THREADS = 2
PROGRESS = "progress.safetensors"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a pretrained model, but for its seed."""

    model: ModelConfig
    training: TrainingConfig
    mixture: Mixture = Mixture()


RECIPES = {
    "mini-base": Recipe(ModelConfig(), TrainingConfig()),
    "mini-student": Recipe(  # under a quarter of the active size, half the reading
        ModelConfig(hidden_size=72, layers=3, heads=3, kv_heads=1, intermediate_size=192),
        TrainingConfig(steps=2200, learning_rate=5e-3),
    ),
    "mini-moe": Recipe(ModelConfig(experts=Experts()), TrainingConfig()),  # the same active size
}


def train_model(
    name: str, seed: int = 0, folder: Path | None = None, steps: int | None = None, resume: bool = True
) -> Iterator[dict[str, float]]:
    """Pretrain the model called `name`, yielding statistics step by step; the finished model is saved in `folder`.

    The run's progress is kept in `folder` as well, and a second call goes on from there unless `resume` is False.
    `steps` shortens the run. Raises ValueError for a name without a recipe.
    """
    recipe = recipe_for(name)
    config = replace(recipe.training, seed=seed, steps=steps or recipe.training.steps)
    model = new_model(recipe.model, seed)
    batch = partial(rows, recipe.mixture, config)
    training = partial(train, model, batch, config, after_step=balance)
    yield from make_in(folder or Path(f"runs/{name}-{seed}"), model, training, resume, threads=THREADS)


def make_in(
    folder: Path, model: nn.Module, training: Callable[..., Iterator[dict]], resume: bool, *, threads: int
) -> Iterator[dict]:
    """Train a model and save it in a folder: how every recipe ends. Yields what `training(checkpoint=file)` yields.

    The progress stands in the folder beside the finished model, and a run that finds it goes on from there if it is to
    `resume`. The number of threads is part of a recipe, as another number adds up in another order; it is put back.
    """
    progress, before = Path(folder) / PROGRESS, torch.get_num_threads()
    if not resume:
        start_again(progress)
    torch.set_num_threads(threads)
    try:
        yield from training(checkpoint=progress)
    finally:
        torch.set_num_threads(before)
    save(round_to_half(model), load_tokenizer(), folder)


def recipe_for(name: str) -> Recipe:
    """The recipe of a pretrained model. Raises ValueError naming the ones there are."""
    if name not in RECIPES:
        raise ValueError(f"no recipe for {name!r}: choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def new_model(config: ModelConfig, seed: int) -> Transformer:
    """A model that has read nothing yet; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return Transformer(config)


def round_to_half(model: nn.Module) -> nn.Module:
    """Round the weights to half precision, in place, as the checkpoint will hold them."""
    with torch.no_grad():
        for value in model.state_dict().values():  # biases of routers, which are no parameters, too
            if value.is_floating_point():
                value.copy_(value.half())
    return model


def rows(mixture: Mixture, config: TrainingConfig, step: int) -> Int[Tensor, "B T"]:
    """The texts of one step, packed."""
    return pack(documents(mixture, seed=f"{config.seed}:{step}"), config.rows, config.length)


def pack(texts: Iterator[str], count: int, length: int) -> Int[Tensor, "B T"]:
    """As many rows as asked for; each starts with a text and ends wherever it is full.

    What does not fit is left out. To begin the next row with it instead would make rows begin with long documents more
    often than not, and a model that answers a first question would have learned from those.
    """
    encoder = load_tokenizer().backend_tokenizer
    packed: list[list[int]] = []
    row: list[int] = []
    while len(packed) < count:
        for text in encoder.encode_batch([next(texts) for _ in range(64)], add_special_tokens=False):
            row += text.ids
            if len(row) >= length:
                packed.append(row[:length])
                row = []
    return torch.tensor(packed[:count])
