"""Five questions at the end of a chapter, as plain HTML: open an option to see whether it is right, and why.

It works where no Python does, with a keyboard alone, and without colors. Answers given as letters, such as
`quiz("grpo", "BDACA")`, are counted and noted for a receipt.
"""

import random
from dataclasses import dataclass
from html import escape

from course.contents import part, with_part
from course.teach import progress

LETTERS = "ABCD"


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
        self.said = ""  # about answers that were given

    def __repr__(self) -> str:
        lines = []
        for number, (question, options) in enumerate(self.options, 1):
            lettered = zip(LETTERS, options, strict=True)
            lines += [f"{number}. {question.text}", *(f"   {letter}. {option[0]}" for letter, option in lettered)]
        return "\n".join([*lines, self.said]).rstrip()

    def marks(self, answers: str) -> list[bool]:
        """Which answers are right, given as a letter for each question. Raises ValueError for anything else."""
        letters = "".join(answers.split()).upper()
        if len(letters) != len(self.options) or set(letters) - set(LETTERS):
            raise ValueError(f"give {len(self.options)} letters from {LETTERS[0]} to {LETTERS[-1]}, such as 'BDACA'")
        pairs = zip(letters, self.options, strict=True)
        return [options[LETTERS.index(letter)][2] for letter, (_, options) in pairs]

    def _repr_html_(self) -> str:
        shown = []
        for number, (question, options) in enumerate(self.options, 1):
            lettered = zip(LETTERS, options, strict=True)
            folded = "".join(
                f"<details><summary>{letter}. {escape(option)}</summary>"
                f"<p><strong>{'✓ Right.' if right else '✗ No.'}</strong> {escape(why)}</p></details>"
                for letter, (option, why, right) in lettered
            )
            shown.append(f'<p style="margin-top:1.2em"><strong>{number}. {escape(question.text)}</strong></p>{folded}')
        said = f"<p><strong>{escape(self.said)}</strong></p>" if self.said else ""
        return f'<div style="max-width:60em"><p>Decide, then open the option you chose.</p>{"".join(shown)}{said}</div>'


def quiz(chapter: str, answers: str = "") -> Quiz:
    """The quiz of a chapter. Answers, a letter for each question, are counted and noted with your progress.

    Raises ValueError for a chapter that has none, and for answers that are something else.
    """
    if chapter not in with_part("quiz"):
        raise ValueError(f"no quiz for {chapter!r}: choose one of {', '.join(with_part('quiz'))}")
    found = Quiz(part(chapter, "quiz").QUESTIONS, seed=chapter)
    if answers:
        right = found.marks(answers)
        again = [str(number) for number, well in enumerate(right, 1) if not well]
        trouble = progress.note_quiz(chapter, sum(right)) or ""
        look = f"; look again at {', '.join(again)}" if again else ""
        found.said = f"{sum(right)} of {len(right)} right{look}. {trouble}".rstrip()
    return found


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
