"""Five questions at the end of a chapter, as plain HTML: open an option to see whether it is right, and why.

It works where no Python does, with a keyboard alone, and without colors.
"""

import random
from dataclasses import dataclass
from html import escape

from course.contents import part, with_part


@dataclass(frozen=True)
class Question:
    """A question, its right answer with the reason, and wrong ones, each with what is wrong about it."""

    text: str
    right: tuple[str, str]  # the option, and why it is right
    wrong: tuple[tuple[str, str], ...]  # options, and why not


class Quiz:
    """The questions of a chapter in the order they come; shows itself in a notebook and on a page."""

    def __init__(self, questions: tuple[Question, ...], seed: str):
        self.options = arrange(questions, seed)

    def __repr__(self) -> str:
        lines = []
        for number, (question, options) in enumerate(self.options, 1):
            lines += [f"{number}. {question.text}", *(f"   - {option}" for option, _, _ in options)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        shown = []
        for number, (question, options) in enumerate(self.options, 1):
            folded = "".join(
                f"<details><summary>{escape(option)}</summary><p><strong>{'✓ Right.' if right else '✗ No.'}</strong> "
                f"{escape(why)}</p></details>"
                for option, why, right in options
            )
            shown.append(f'<p style="margin-top:1.2em"><strong>{number}. {escape(question.text)}</strong></p>{folded}')
        return f'<div style="max-width:60em"><p>Decide, then open the option you chose.</p>{"".join(shown)}</div>'


def quiz(chapter: str) -> Quiz:
    """The quiz of a chapter. Raises ValueError for a chapter that has none."""
    if chapter not in with_part("quiz"):
        raise ValueError(f"no quiz for {chapter!r}: choose one of {', '.join(with_part('quiz'))}")
    return Quiz(part(chapter, "quiz").QUESTIONS, seed=chapter)


def arrange(questions: tuple[Question, ...], seed: str) -> list[tuple[Question, list[tuple[str, str, bool]]]]:
    """Each question with its options (text, reason, right) in an order drawn by the seed.

    The right one stands in every place equally often, as nearly as the number of questions allows.
    """
    rng = random.Random(f"quiz:{seed}")
    places = len(questions[0].wrong) + 1
    first = rng.randrange(places)
    spread = [(first + number) % places for number in range(len(questions))]
    rng.shuffle(spread)
    arranged = []
    for question, place in zip(questions, spread, strict=True):
        options = [(*option, False) for option in rng.sample(question.wrong, len(question.wrong))]
        options.insert(place, (*question.right, True))
        arranged.append((question, options))
    return arranged
