"""Reading the small web: how `mini-base` and its relatives are made from nothing.

`course train NAME` runs this. A step's texts depend on the seed and the step alone, so a run that is killed goes
on as if nothing had happened.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from course._shapes import Int
from course.learn.training import TrainingConfig, train
from course.model import save
from course.model.moe import Experts, balance
from course.model.transformer import ModelConfig, Transformer
from course.world.corpus import Mixture, documents
from course.world.tokenizer import load_tokenizer

THREADS = 2  # part of the recipe: another number of threads adds up in another order


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
    folder = Path(folder or f"runs/{name}-{seed}")
    config = replace(recipe.training, seed=seed, steps=steps or recipe.training.steps)
    progress = folder / "progress.safetensors"
    if not resume:
        progress.unlink(missing_ok=True)
    torch.set_num_threads(THREADS)
    model = new_model(recipe.model, seed)
    batch = partial(rows, recipe.mixture, config)
    yield from train(model, batch, config, checkpoint=progress, after_step=balance)
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
        for weight in model.parameters():
            weight.copy_(weight.half().float())
    return model


def rows(mixture: Mixture, config: TrainingConfig, step: int) -> Int[Tensor, "B T"]:
    """The texts of one step, packed."""
    return pack(documents(mixture, seed=f"{config.seed}:{step}"), config.rows, config.length)


def pack(texts: Iterator[str], count: int, length: int) -> Int[Tensor, "B T"]:
    """As many rows as asked for; each starts with a text and ends wherever it is full.

    What does not fit is left out. To begin the next row with it instead would make rows begin with long documents more
    often than not, and a model that answers a first question would have learnt from those.
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
