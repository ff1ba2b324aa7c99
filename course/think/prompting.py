"""Prompts: the same question asked in different ways. Everything that talks to a model gets its text from here.

A prompt is rendered text that ends where the reply begins. The functions take questions, not problems, so that
anything a reader types can be asked.
"""

import random

from course.world import FAMILIES, draw_problems
from course.world.corpus import exchange
from course.world.problem import solve

STEP_BY_STEP = "Let's think step by step."
Example = tuple[str, str, list[str] | None]  # a question, its answer, and its steps if it is worked out


def direct(question: str) -> str:
    """The question and nothing else: `<user>...<assistant>`.

    Raises ValueError if there is no question.

    >>> direct("What is 2+3?")
    '<user>What is 2+3?<assistant>'
    """
    if not question.strip():
        raise ValueError("the question is empty: ask something, such as 'How many r's are in strawberry?'")
    return f"<user>{question.strip()}<assistant>"


def step_by_step(question: str, cue: str = STEP_BY_STEP) -> str:
    """The question with a cue behind it, "Let's think step by step." unless told otherwise (Kojima et al. 2022).

    >>> step_by_step("What is 2+3?")
    "<user>What is 2+3? Let's think step by step.<assistant>"
    """
    return direct(f"{question.strip()} {cue}") if question.strip() else direct(question)


def force_thinking(question: str) -> str:
    """The question with the reply already begun: it has to start inside its thoughts.

    >>> force_thinking("What is 2+3?")
    '<user>What is 2+3?<assistant><think>'
    """
    return direct(question) + "<think>"


def few_shot(question: str, examples: list[Example]) -> str:
    """Worked examples first, then the question, as one conversation (Wei et al. 2022 with steps in them).

    Each example is a question, its answer, and its steps, or None for an example that answers straight off.

    >>> few_shot("What is 2+3?", [("What is 1+1?", "2", None)])
    '<user>What is 1+1?<assistant>2<eos><user>What is 2+3?<assistant>'
    """
    return "".join(exchange(asked, answer, lines) for asked, answer, lines in examples) + direct(question)


def draw_examples(family: str, n: int, *, worked: bool, seed: int = 0) -> list[Example]:
    """`n` examples of one family for `few_shot`, worked out or answered straight off, from the train split.

    Raises ValueError for an unknown family.

    >>> draw_examples("sums", 1, worked=False)[0][2] is None
    True
    """
    rng = random.Random(f"examples:{family}:{seed}")
    problems = draw_problems(family, n, split="train", seed=seed)
    solved = [(problem, *solve(FAMILIES[family], problem, rng)) for problem in problems]
    return [(problem.question, answer, lines if worked else None) for problem, lines, answer in solved]
