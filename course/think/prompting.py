"""Prompts: the same question asked in different ways. Everything that talks to a model gets its text from here.

A prompt is rendered text that ends where the reply begins. The functions take questions, not problems, so that
anything a reader types can be asked. They write the course's own format unless another `template` is passed in:
`direct(question, template=chat_format(tokenizer))` asks a model from the Hub as it was trained to be asked.
"""

import random

from course.world import FAMILIES, draw_problems
from course.world.conversation import Message, Prompt, Template, begun, course_format, worked_reply
from course.world.problem import solve
from course.world.tokenizer import THINK

STEP_BY_STEP = "Let's think step by step."
Example = tuple[str, str, list[str] | None]  # a question, its answer, and its steps if it is worked out


def direct(question: str, *, template: Template = course_format) -> Prompt:
    """The question and nothing else: `<user>...<assistant>`.

    Raises ValueError if there is no question.

    >>> direct("What is 2+3?")
    '<user>What is 2+3?<assistant>'
    """
    return template([_asked(question)])


def step_by_step(question: str, cue: str = STEP_BY_STEP, *, template: Template = course_format) -> Prompt:
    """The question with a cue behind it, "Let's think step by step." unless told otherwise (Kojima et al. 2022).

    >>> step_by_step("What is 2+3?")
    "<user>What is 2+3? Let's think step by step.<assistant>"
    """
    role, content = _asked(question)
    return template([(role, f"{content} {cue}".strip())])


def force_thinking(question: str, *, template: Template = course_format) -> Prompt:
    """The question with the reply already begun: it has to start inside its thoughts.

    >>> force_thinking("What is 2+3?")
    '<user>What is 2+3?<assistant><think>'
    """
    prompt = direct(question, template=template)
    return prompt if begun(prompt).rstrip().endswith(THINK) else prompt + THINK  # some templates begin it themselves


def few_shot(question: str, examples: list[Example], *, template: Template = course_format) -> Prompt:
    """Worked examples first, then the question, as one conversation (Wei et al. 2022 with steps in them).

    Each example is a question, its answer, and its steps, or None for an example that answers directly.

    >>> few_shot("What is 2+3?", [("What is 1+1?", "2", None)])
    '<user>What is 1+1?<assistant>2<eos><user>What is 2+3?<assistant>'
    """
    messages: list[Message] = []
    for asked, answer, lines in examples:
        messages += [("user", asked), ("assistant", worked_reply(answer, lines))]
    return template([*messages, _asked(question)])


def draw_examples(family: str, n: int, *, worked: bool, seed: int = 0) -> list[Example]:
    """`n` examples of one family for `few_shot`, worked out or answered directly, from the train split.

    Raises ValueError for an unknown family.

    >>> draw_examples("sums", 1, worked=False)[0][2] is None
    True
    """
    rng = random.Random(f"examples:{family}:{seed}")
    problems = draw_problems(family, n, split="train", seed=seed)
    solved = [(problem, *solve(FAMILIES[family], problem, rng)) for problem in problems]
    return [(problem.question, answer, lines if worked else None) for problem, lines, answer in solved]


def _asked(question: str) -> Message:
    if not question.strip():
        raise ValueError("the question is empty: ask something, such as 'How many r's are in strawberry?'")
    return "user", question.strip()
