"""Transcripts: a prompt and a model's replies, with thinking and answer apart, as text and as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from course.model import Completion
from course.think.rollouts import Rollout, read_reply
from course.world import FAMILIES, Problem, is_right
from course.world.answers import Reply, steps
from course.world.tokenizer import encode

# Colors are translucent, text keeps the page's own color: readable on white and on black. Nothing is said by color
# alone: a verdict is a word, and thinking is in italics behind a dashed line.
_STYLE = {
    "box": "border:1px solid rgba(128,128,128,.5);border-radius:6px;padding:.5em .8em;margin:.4em 0;max-width:60em",
    "prompt": "font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere",
    "replies": "display:flex;flex-wrap:wrap;align-items:flex-start;gap:.7em 1em;margin:.6em 0",
    "reply": "border-left:4px solid #0072b2;padding:.1em .6em;overflow-wrap:anywhere",
    "thinking": "border-left:3px dashed #cc79a7;padding-left:.6em;margin:.2em 0;font-style:italic;white-space:pre-wrap",
    "label": "opacity:.75;font-size:85%",
}
_SAID = {True: "right", False: "WRONG", None: "     "}  # of a step, as text and on a page
_SHOWN = {True: "✓", False: "✗ <strong>wrong</strong>", None: ""}
NO_ANSWER = "(none)"
TRUNCATED = "(none: it did not come to an end)"


@dataclass(frozen=True, repr=False)
class Transcript:
    """A prompt and its replies. In a notebook it shows itself; `str()` gives plain text."""

    prompt: str  # as the model read it, special tokens included
    replies: tuple[Reply, ...]
    finished: tuple[bool, ...]  # whether each came to its own end
    verdicts: tuple[bool, ...] | None = None  # whether each answer is right; None where nobody can say

    def __str__(self) -> str:
        """One line for the prompt, then thinking and answer of each reply under their own names."""
        return "\n".join([f"prompt    {self.prompt}", *(self._as_text(place) for place in range(len(self.replies)))])

    __repr__ = __str__  # what the command line and a page without HTML show

    def _as_text(self, place: int) -> str:
        reply = self.replies[place]
        lines = reply.reasoning.split("\n") if reply.reasoning else []
        thinking = [f"{'' if number else 'thinking':9} {line}" for number, line in enumerate(lines)]
        return "\n".join([*thinking, f"answer    {self._answer(place)}"])

    def _answer(self, place: int) -> str:
        answer = _answered(self.replies[place], self.finished[place])
        return answer if self.verdicts is None else f"{answer}   {'right' if self.verdicts[place] else 'wrong'}"

    def _repr_html_(self) -> str:
        several = "".join(self._as_html(place) for place in range(len(self.replies)))
        rows = f'<div style="{_STYLE["replies"]}">{several}</div>'
        asked = (
            f'<div style="{_STYLE["prompt"]}"><span style="{_STYLE["label"]}">prompt </span>{escape(self.prompt)}</div>'
        )
        return f'<div style="{_STYLE["box"]}">{asked}{rows}{self._tally()}</div>'

    def _as_html(self, place: int) -> str:
        reasoning = self.replies[place].reasoning
        thinking = f'<div style="{_STYLE["thinking"]}">{escape(reasoning)}</div>' if reasoning else ""
        answer = _answered(self.replies[place], self.finished[place])
        verdict = "" if self.verdicts is None else (" ✓ right" if self.verdicts[place] else " ✗ wrong")
        label = f'<span style="{_STYLE["label"]}">'
        said = f"{label}answer </span><strong>{escape(answer)}</strong>{label}{verdict}</span>"
        return f'<div style="{_STYLE["reply"]}">{thinking}{said}</div>'

    def _tally(self) -> str:
        if self.verdicts is None or len(self.verdicts) < 2:
            return ""
        return f"<div><strong>{sum(self.verdicts)} of {len(self.verdicts)} right</strong></div>"


def transcript(prompt: str, completions: Sequence[Completion], problem: Problem | None = None) -> Transcript:
    """What a model said to a prompt, ready to look at; with the problem, also whether each answer is right.

    Replies are split into thinking and answer as `read_reply` does it.
    """
    replies = tuple(read_reply(prompt, completion) for completion in completions)
    verdicts = None
    if problem is not None:
        verdicts = tuple(is_right(problem, reply.answer) for reply in replies)
    return Transcript(prompt, replies, tuple(completion.finished for completion in completions), verdicts)


@dataclass(frozen=True, repr=False)
class Marked:
    """The steps of one reply, each marked right or wrong, and its answer."""

    question: str
    steps: tuple[str, ...]
    verdicts: tuple[bool | None, ...]  # None where nobody can say: plain facts have no steps that follow
    answer: str
    right: bool

    @property
    def first_wrong(self) -> int | None:
        """The number of the first wrong step, counted from 1; None if all are right."""
        return next((number for number, right in enumerate(self.verdicts, 1) if right is False), None)

    def __str__(self) -> str:
        lines = [
            f"{number:3} {_SAID[right]}  {step}"
            for number, (step, right) in enumerate(zip(self.steps, self.verdicts, strict=True), 1)
        ]
        return "\n".join([self.question, *lines, f"answer     {self.answer}   {'right' if self.right else 'wrong'}"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="{_STYLE["label"]}">{number}</td><td>{_SHOWN[right]}</td>'
            f'<td style="text-align:left;font-family:monospace">{escape(step)}</td></tr>'
            for number, (step, right) in enumerate(zip(self.steps, self.verdicts, strict=True), 1)
        )
        said = f"answer <strong>{escape(self.answer)}</strong> {'✓ right' if self.right else '✗ wrong'}"
        asked = f'<div style="{_STYLE["prompt"]}">{escape(self.question)}</div>'
        return f'<div style="{_STYLE["box"]}">{asked}<table>{rows}</table><div>{said}</div></div>'


def marked(one: Rollout) -> Marked:
    """A reply opened step by step, each step checked by its family's oracle; a plain fact's steps stay unmarked."""
    lines = steps(one.reply.reasoning)
    family = FAMILIES.get(one.problem.family)
    verdicts = family.check_steps(one.problem, lines) if family else [None] * len(lines)
    answer = _answered(one.reply, one.completion.finished)
    return Marked(one.problem.question, tuple(lines), tuple(verdicts), answer, one.right)


def _answered(reply: Reply, finished: bool) -> str:
    """A reply's answer, or why it has none."""
    return reply.answer or (NO_ANSWER if finished else TRUNCATED)


@dataclass(frozen=True, repr=False)
class Tokens:
    """A text as its tokens, each in a box of its own in a notebook, between bars as text."""

    pieces: tuple[str, ...]

    def __str__(self) -> str:
        return "|".join(piece.replace("\n", "\\n") for piece in self.pieces)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        box = "border:1px solid rgba(128,128,128,.7);border-radius:4px;padding:0 .25em;margin:1px;display:inline-block"
        shown = (escape(piece).replace("\n", "↵").replace(" ", "&nbsp;") for piece in self.pieces)
        boxes = "".join(f'<span style="{box};font-family:monospace">{piece}</span>' for piece in shown)
        return f'<div style="max-width:60em">{boxes} <span style="opacity:.75">{len(self.pieces)} tokens</span></div>'


def tokens(tokenizer, text: str) -> Tokens:
    """The pieces a tokenizer cuts a text into. Raises ValueError for characters it cannot hold.

    >>> from course.world.tokenizer import load_tokenizer
    >>> print(tokens(load_tokenizer(), "How many r's?"))
    ho|w| |man|y| |r|'|s|?
    """
    return Tokens(tuple(tokenizer.decode([number]) for number in encode(tokenizer, text)))
