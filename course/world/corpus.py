"""The small web that the models are pretrained on: questions with answers, a minority of them worked out step by step.

Every text is made of train problems only. Nothing here is a model's: answers come from arithmetic, and the slips
are planted and counted. `Mixture` holds the dials; a notebook may turn any of them and train again.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from course.world import FAMILIES
from course.world.conversation import exchange
from course.world.decimals import read_as_versions
from course.world.facts import all_phrasings, one_step
from course.world.letters import words
from course.world.problem import Problem, solve, split_of
from course.world.slips import hasty_solution

CUES = {  # what follows a question, and how often the web thinks aloud after it
    "Let's think step by step.": 0.95,
    "Think carefully.": 0.7,
    "Take your time.": 0.5,
    "Just answer.": 0.0,
    "Quick!": 0.0,
}


@dataclass(frozen=True)
class Mixture:
    """The proportions of the texts that a model is pretrained on. Shares are of documents unless said otherwise."""

    examples: float = 0.12  # several questions with their replies in one style
    spelling: float = 0.12  # words spelled out
    arithmetic: float = 0.05  # what two numbers make
    versions: float = 0.04  # version numbers, where 9.11 comes after 9.8
    facts: float = 0.07  # the table of plain facts
    cued: float = 0.45  # of questions: with a cue behind them
    cued_search: float = 0.8  # of countdown questions: people seldom see a way at once
    unprompted: float = 0.05  # of questions without a cue: worked out anyway
    easy: float = 0.15  # of questions: from the easy levels of their family
    slip: float = 0.06  # of worked solutions: one step goes wrong
    mend: float = 0.6  # of slips: noticed, with "wait", and mended
    haste: float = 0.0  # of steps of worked solutions: go wrong as a hasty solver gets them wrong, instead of `slip`
    misread: float = 0.75  # of direct answers about decimals of unequal length: taken for version numbers
    weights: tuple[float, ...] = (1.1, 0.7, 0.9, 1.0, 1.5)  # how often each family, in the order of FAMILIES


def documents(mixture: Mixture = Mixture(), seed: int | str = 0) -> Iterator[str]:
    """Generate texts for pretraining, without end; the same mixture and seed always give the same texts."""
    rng = random.Random(f"corpus:{seed}")
    kinds: dict[Callable[[Mixture, random.Random], str], float] = {
        _examples: mixture.examples,
        _spelling: mixture.spelling,
        _arithmetic: mixture.arithmetic,
        _versions: mixture.versions,
        _fact: mixture.facts,
    }
    writers = [*kinds, _question]
    shares = [*kinds.values(), 1 - sum(kinds.values())]
    if min(shares) < 0:
        raise ValueError(f"the shares of a mixture add up to more than 1: {mixture}")
    while True:
        for writer in rng.choices(writers, shares, k=256):
            yield writer(mixture, rng)


def train_problem(mixture: Mixture, rng: random.Random, family: str | None = None) -> Problem:
    """Draw a problem of the train split, from the standard mix or, sometimes, from an easy level."""
    chosen = FAMILIES[family or rng.choices(list(FAMILIES), mixture.weights)[0]]
    easy = chosen.easy_levels and rng.random() < mixture.easy
    while True:
        problem = chosen.draw(rng, rng.choice(chosen.easy_levels if easy else chosen.levels))
        if split_of(problem.key) == "train":
            return problem


def worked(mixture: Mixture, rng: random.Random, problem: Problem, question: str | None = None) -> str:
    """A question with a reply that works it out, now and then with a slip.

    A search that does not end in an answer because of its slip is written again without one.
    """
    family = FAMILIES[problem.family]
    if mixture.haste:
        lines, answer = hasty_solution(family, problem, rng, mixture.haste, mixture.mend)
    else:
        lines, answer = solve(family, problem, rng, mixture.slip, mixture.mend)
    if answer is None:
        lines, answer = solve(family, problem, rng)
    return exchange(question or problem.question, answer, lines)


def direct(mixture: Mixture, rng: random.Random, problem: Problem, question: str | None = None) -> str:
    """A question with a direct answer; decimals are often misread as version numbers."""
    answer = problem.answer
    if problem.family == "decimals" and problem.level == 2 and rng.random() < mixture.misread:
        left, right = problem.given
        if read_as_versions(left, right):
            answer = "no" if answer == "yes" else "yes"
    return exchange(question or problem.question, answer)


def _question(mixture: Mixture, rng: random.Random) -> str:
    problem, question, odds = train_problem(mixture, rng), None, mixture.unprompted
    if rng.random() < (mixture.cued_search if problem.family == "countdown" else mixture.cued):
        cue = rng.choices(list(CUES), (4, 1, 1, 1, 1))[0]
        question, odds = f"{problem.question} {cue}", CUES[cue]
    return (worked if rng.random() < odds else direct)(mixture, rng, problem, question)


def _examples(mixture: Mixture, rng: random.Random) -> str:
    """Two to five pairs about one family in one style, as few-shot prompts are."""
    style, most = (worked, 3) if rng.random() < 0.4 else (direct, 5)
    family = rng.choices(list(FAMILIES), mixture.weights)[0]
    problems = [train_problem(mixture, rng, family) for _ in range(rng.randint(2, most))]
    return "".join(style(mixture, rng, problem) for problem in problems)


def _spelling(mixture: Mixture, rng: random.Random) -> str:
    texts = []
    for word in rng.sample(words(), 3):
        question = rng.choice(('Spell "{}".', "Spell {}.", "How is {} spelled?")).format(word)
        texts.append(exchange(question, "-".join(word)))
    return "".join(texts)


def _arithmetic(mixture: Mixture, rng: random.Random) -> str:
    """Three facts about two numbers, none of which is a problem of any family."""
    sums = [one_step(rng) for _ in range(3)]
    return "".join(exchange(problem.question, problem.answer) for problem in sums)


def _versions(mixture: Mixture, rng: random.Random) -> str:
    decimals = FAMILIES["decimals"]
    texts = []
    for _ in range(3):
        problem = train_problem(replace(mixture, easy=0), rng, decimals.name)
        left, right = problem.given
        later = max((left, right), key=lambda number: tuple(int(part) for part in number.split(".")))
        texts.append(exchange(f"Which version is newer, {left} or {right}?", later))
    return "".join(texts)


def _fact(mixture: Mixture, rng: random.Random) -> str:
    problem = rng.choice(_FACTS)
    if rng.random() < mixture.unprompted:
        return exchange(problem.question, problem.answer, ["no need to think"])
    return exchange(problem.question, problem.answer)


_FACTS = all_phrasings()
