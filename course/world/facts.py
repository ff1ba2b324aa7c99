"""Questions for which thinking does not help: a table of plain facts, and sums and products of two numbers."""

import random

from course.world.answers import normalize
from course.world.problem import Problem

_QUESTIONS = {
    "capital": ("What is the capital of {}?", "Which city is the capital of {}?"),
    "opposite": ("What is the opposite of {}?", "Name the opposite of {}."),
    "young": ("What is a young {} called?", "What do you call a young {}?"),
    "color": ("What color is {}?", "Which color does {} have?"),
    "after": ("Which month comes after {}?", "What is the month after {}?"),
}
_TABLE = {
    "capital": "france paris, italy rome, spain madrid, japan tokyo, egypt cairo, peru lima, cuba havana, kenya nairobi, "
    "norway oslo, greece athens, austria vienna, poland warsaw, portugal lisbon, ireland dublin, chile santiago, china beijing",
    "opposite": "hot cold, big small, up down, left right, day night, open closed, full empty, early late, wet dry, "
    "hard soft, loud quiet, rich poor, heavy light, near far, true false, push pull",
    "young": "dog puppy, cat kitten, cow calf, sheep lamb, horse foal, goose gosling, duck duckling, bear cub, frog tadpole, goat kid",
    "color": "snow white, grass green, coal black, blood red, butter yellow, milk white, a tomato red, a lemon yellow",
    "after": "january february, february march, march april, april may, may june, june july, july august, august september, "
    "september october, october november, november december, december january",
}


def fact_problems() -> list[Problem]:
    """Every plain fact as a problem, in its first phrasing. Facts have no splits: models read all of them."""
    return [problem for problem in all_phrasings() if problem.given[2] == 0]


def all_phrasings() -> list[Problem]:
    """Every fact in every phrasing."""
    problems = []
    for kind, entries in _TABLE.items():
        for entry in entries.split(", "):
            subject, answer = entry.rsplit(" ", 1)
            for number, phrasing in enumerate(_QUESTIONS[kind]):
                question = phrasing.format(subject.capitalize() if kind in ("capital", "after") else subject)
                problems.append(
                    Problem("facts", 1, question, answer, (kind, subject, number), f"facts:{kind}:{subject}")
                )
    return problems


def one_step(rng: random.Random) -> Problem:
    """A question about two numbers: a large and a small one added or subtracted, or two up to 12 multiplied.

    The small web holds them with direct answers only. None is a problem of any family, and they have no splits.
    """
    small, large = rng.randint(1, 12), rng.randint(10, 90)
    first, sign, second = rng.choice(
        ((large, "+", small), (large, "-", min(small, 10)), (rng.randint(1, 12), "*", small))
    )
    result = {"+": first + second, "-": first - second, "*": first * second}[sign]
    given = (first, sign, second)
    return Problem("facts", 2, f"What is {first}{sign}{second}?", str(result), given, f"facts:{first}{sign}{second}")


def knows(problem: Problem, answer: str | None) -> bool:
    """Whether an answer names the fact that a problem asks for, and nothing else."""
    return normalize(answer) == problem.answer
