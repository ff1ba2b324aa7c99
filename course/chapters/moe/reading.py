"""What the small models of chapter 3 read: the small web with a phone book in between, and texts kept back to measure.

Losses are of replies that were never read: worked solutions, or for facts and phone numbers direct answers.
"""

import random
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from course.chapters.moe.routing import Texts
from course.learn.pretraining import pack
from course.learn.training import TrainingConfig
from course.model.moe import Experts, max_violation
from course.model.transformer import ModelConfig
from course.world import FAMILIES, draw_problems
from course.world.conversation import exchange, prompt_and_reply
from course.world.corpus import Mixture, documents
from course.world.facts import fact_problems
from course.world.letters import words
from course.world.problem import solve

DENSE = ModelConfig(hidden_size=96, layers=3, heads=3, kv_heads=1, intermediate_size=288)
EIGHT = Experts(count=8, per_token=2, intermediate_size=96, shared=1)  # three of 96 make 288: the same active size
READING = TrainingConfig(steps=800, rows=10, length=256)
SPEED = 5e-3  # of a bias, a step: five times DeepSeek-V3's, since these runs are short
NUMBERS = 300  # entries of the phone book
SHARE = 0.3  # of documents: one of its entries
LAST = 50  # batches whose load counts


def phone_book(entries: int = NUMBERS) -> list[tuple[str, str]]:
    """Words and the numbers of three digits that were drawn for them: nothing to work out, only to know.

    >>> phone_book(1)
    [('momentous', '018')]
    """
    rng = random.Random("phone book")
    return [(word, f"{rng.randrange(1000):03}") for word in rng.sample(words(), entries)]


def lookup(word: str) -> str:
    """The question for a number."""
    return f"What is the number of {word}?"


def library(seed: str) -> Iterator[str]:
    """The small web with the phone book's entries in between."""
    rng, web, book = random.Random(f"library:{seed}"), documents(Mixture(), seed), phone_book()
    while True:
        word, number = rng.choice(book)
        yield exchange(lookup(word), number) if rng.random() < SHARE else next(web)


def held_out(problems: int, split: str = "dev") -> Texts:
    """Questions with their replies by family: worked solutions of a split, then facts and phone numbers apart.

    Facts and numbers have no splits: they can only be known from having been read.
    """
    texts = {}
    for name, family in FAMILIES.items():
        asked = draw_problems(name, problems, split=split)
        solved = ((one, *solve(family, one, random.Random(one.key))) for one in asked)
        texts[name] = [prompt_and_reply(one.question, answer, lines) for one, lines, answer in solved]
    texts["facts"] = [prompt_and_reply(one.question, one.answer) for one in fact_problems()]
    texts["phone book"] = [prompt_and_reply(lookup(word), number) for word, number in phone_book()]
    return texts


def rows(texts: Callable[[str], Iterator[str]], config: TrainingConfig, step: int) -> Tensor:
    """A step's batch of packed texts, which depends on the seed and the step alone."""
    return pack(texts(f"{config.seed}:{step}"), config.rows, config.length)


def violations(loads: Sequence[Sequence[Tensor]]) -> dict[str, list[float]]:
    """MaxVio of each expert layer: the mean over batches, and of all batches taken together."""
    layers = list(zip(*loads, strict=True))
    return {
        "mean of batches": [sum(map(max_violation, several)) / len(several) for several in layers],
        "of all batches": [max_violation(torch.stack(several).sum(0)) for several in layers],
    }
