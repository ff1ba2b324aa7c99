"""How each model of the course is made: what stands behind `course train NAME`."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from course.learn import curriculum, pretraining
from course.learn.distillation import as_examples, collect_traces
from course.learn.grpo import GRPOConfig, grpo
from course.learn.pretraining import make_in
from course.learn.sft import imitation_loss, shuffled_batches
from course.learn.training import TrainingConfig, train
from course.model import load
from course.world import FAMILIES, draw_problems

Maker = Callable[[int, Path, int | None, bool], Iterator[dict]]  # seed, folder, steps, resume: statistics by step


def make(
    name: str, seed: int = 0, folder: Path | None = None, steps: int | None = None, resume: bool = True
) -> Iterator[dict]:
    """Make the model called `name`, yielding statistics step by step; the finished model is saved in `folder`.

    The run's progress is kept in `folder` as well, and a second call goes on from there unless `resume` is False.
    `steps` shortens or lengthens the run. Raises ValueError naming the models there are.
    """
    require_recipe(name)
    folder = Path(folder or f"runs/{name}-{seed}")
    maker = MAKERS.get(name) or partial(pretraining.train_model, name)
    yield from maker(seed, folder, steps, resume)


def require_recipe(name: str) -> None:
    """Raise ValueError naming the models that can be made, unless `name` is one of them."""
    if name not in (*pretraining.RECIPES, *MAKERS):
        raise ValueError(f"no recipe for {name!r}: choose one of {', '.join((*pretraining.RECIPES, *MAKERS))}")


def zero(seed: int, folder: Path, steps: int | None, resume: bool) -> Iterator[dict]:
    """`mini-zero`: `mini-base`, rewarded for right answers and nothing else.

    As in the experiment `zero`, whose first seed is the one that ships.
    """
    model, tokenizer = load("mini-base")
    config = GRPOConfig(seed=seed)
    training = partial(grpo, model, tokenizer, replace(config, steps=steps or config.steps))
    yield from make_in(folder, model, training, resume, threads=1)


def distilled(seed: int, folder: Path, steps: int | None, resume: bool) -> Iterator[dict]:
    """`mini-distill`: `mini-student`, taught by those traces of `mini-zero` that end right."""
    (student, tokenizer), teacher = load("mini-student"), load("mini-zero")[0]
    problems = [one for name in FAMILIES for one in draw_problems(name, 4000, split="train", seed=seed)]
    config = TrainingConfig(steps=steps or 3500, length=320, learning_rate=5e-3, warmup=20, seed=seed)

    def training(checkpoint: Path) -> Iterator[dict]:
        examples = as_examples(tokenizer, collect_traces(teacher, tokenizer, problems, seed=seed))
        batch = shuffled_batches(examples, config.rows, config.length, seed)
        yield from train(student, batch, config, loss=imitation_loss, checkpoint=checkpoint)

    yield from make_in(folder, student, training, resume, threads=1)


def careful(seed: int, folder: Path, steps: int | None, resume: bool) -> Iterator[dict]:
    """`mini-careful`: `mini-base`, which has marked shell games and read some that were played in haste."""
    model, _ = load("mini-base")
    config = replace(curriculum.CONFIG, seed=seed, steps=steps or curriculum.CONFIG.steps)
    training = partial(train, model, partial(curriculum.stage_batch, config), config, loss=imitation_loss)
    yield from make_in(folder, model, training, resume, threads=1)


MAKERS: dict[str, Maker] = {"mini-zero": zero, "mini-distill": distilled, "mini-careful": careful}
