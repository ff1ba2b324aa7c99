"""Alex and Riley: two copies of one small reader, the same questions, and two kinds of examples (chapter 4).

Alex reads the answers alone, Riley the worked solutions. Every example is new: none is read twice.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from torch import nn

from course.learn.settings import between, whole
from course.learn.sft import Packed, TrainingExample, imitation_loss, pack, stack
from course.learn.training import LARGEST, TrainingConfig, train
from course.model import load
from course.think.evaluation import accuracy, marks
from course.think.rollouts import sample_rollouts
from course.world import FAMILIES, Problem, draw_problems
from course.world.conversation import exchange_ids
from course.world.problem import split_of

READER = "mini-student"  # whom both begin as
READ = ("cups", "sums")  # in turn
ALEX, RILEY = "answers", "steps"
LONGEST = 200  # tokens of a reply, for twelve steps too


@dataclass(frozen=True)
class Reading:
    """How much is read, and how fast it is learned."""

    steps: int = 400
    at_once: int = 32  # examples a step
    learning_rate: float = 4e-3
    seed: int = 0

    def __post_init__(self) -> None:
        whole(self, 1, "steps", "at_once")
        whole(self, 0, "seed")
        between(self, 0, LARGEST, "learning_rate")


def fresh_problems(n: int, seed: int | str, families: Sequence[str] = READ) -> list[Problem]:
    """So many train problems of the standard levels, the families in turn."""
    rng = random.Random(f"reading:{seed}")
    drawn: list[Problem] = []
    while len(drawn) < n:
        family = FAMILIES[families[len(drawn) % len(families)]]
        problem = family.draw(rng, rng.choice(family.levels))
        if split_of(problem.key) == "train":
            drawn.append(problem)
    return drawn


def example(tokenizer, problem: Problem, style: str) -> TrainingExample:
    """A problem with its answer alone, or with its worked solution. Raises ValueError for another style."""
    if style not in (ALEX, RILEY):
        raise ValueError(f"unknown style {style!r}: choose {ALEX} or {RILEY}")
    lines = FAMILIES[problem.family].solution(problem) if style == RILEY else None
    return TrainingExample(*exchange_ids(tokenizer, problem.question, problem.answer, lines))


def learn(
    model: nn.Module, tokenizer, style: str, reading: Reading = Reading(), loss: Callable = imitation_loss
) -> Iterator[dict[str, float]]:
    """Have a model read in one style, in place; `train`'s statistics with the `examples` and `tokens` read by then.

    Stop whenever you like: the model keeps what it has learned.
    """
    read = {"examples": 0, "tokens": 0}

    def batch(step: int) -> Packed:
        problems = fresh_problems(reading.at_once, f"{reading.seed}:{step}")
        examples = [example(tokenizer, one, style) for one in problems]
        read["examples"] += len(examples)
        read["tokens"] += sum(map(len, examples))
        return stack(pack(examples, 160))

    config = TrainingConfig(
        reading.steps, learning_rate=reading.learning_rate, warmup=min(20, reading.steps), decay=0.5, weight_decay=0.01
    )
    for stats in train(model, batch, config, loss=loss):
        yield {**stats, **read}


def ask(
    model: nn.Module, tokenizer, problems: int, split: str, *, temperature: float = 0.0, level: int | None = None
) -> dict[str, float]:
    """The share right of each family, asked directly; greedy unless there is a temperature."""
    settings = {"temperature": temperature, "max_new_tokens": LONGEST, "seed": 7}
    return {
        family: accuracy(marks(sample_rollouts(model.eval(), tokenizer, asked, **settings))).mean
        for family, asked in ((name, draw_problems(name, problems, level=level, split=split)) for name in READ)
    }


def watched(
    style: str, reading: Reading = Reading(), *, checks: int = 8, problems: int = 60, split: str = "dev"
) -> Iterator[dict]:
    """Have a fresh reader learn in one style, and ask it before and so many times along the way, at the end for sure.

    Each dictionary holds `examples`, `tokens`, the share `right` by family, and the `model` as it is by then.
    """
    model, tokenizer = load(READER)
    yield {"examples": 0, "tokens": 0, "right": ask(model, tokenizer, problems, split), "model": model}
    asked = [round(number * reading.steps / checks) for number in range(1, checks + 1)]
    for stats in learn(model, tokenizer, style, reading):
        if stats["step"] in asked:
            right = ask(model, tokenizer, problems, split)
            model.train()
            yield {"examples": stats["examples"], "tokens": stats["tokens"], "right": right, "model": model}


def longer(reading: Reading, times: float) -> Reading:
    """The same with so many times the steps."""
    return replace(reading, steps=round(times * reading.steps))
