"""Alex and Riley side by side, with a slider over the examples that both have read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from course.chapters.sft.learners import ALEX, LONGEST, READ, READER, RILEY, Reading, watched
from course.model import load
from course.teach.transcripts import transcript
from course.teach.widgets import Pages, Turn
from course.think.prompting import direct
from course.think.rollouts import Rollout, sample_rollouts
from course.world import draw_problems

NAMES = {ALEX: "Alex, who reads answers", RILEY: "Riley, who reads steps"}


@dataclass(frozen=True)
class Moment:
    """A learner after so many examples: the share right by family, and its replies to the first dev problems."""

    examples: int
    right: dict[str, float]
    replies: list[Rollout]


def follow(style: str, reading: Reading, *, checks: int = 8, problems: int = 60) -> Iterator[Moment]:
    """A fresh reader learns in one style; how it does before, and so many times along the way. Greedy, on dev."""
    tokenizer = load(READER)[1]
    asked = [one for family in READ for one in draw_problems(family, 1)]
    for point in watched(style, reading, checks=checks, problems=problems):
        settings = {"temperature": 0.0, "max_new_tokens": LONGEST, "seed": 7}
        replies = sample_rollouts(point["model"].eval(), tokenizer, asked, **settings)
        point["model"].train()
        yield Moment(point["examples"], point["right"], replies)


class SideBySide(Pages):
    """A slider over examples read: what both learners get right by then, and what they reply to the same questions.

    Raises ValueError unless both were looked at after the same numbers of examples, once at least.
    """

    def __init__(self, alex: Sequence[Moment], riley: Sequence[Moment]):
        seen = [one.examples for one in alex]
        if not seen or seen != [one.examples for one in riley]:
            raise ValueError("Alex and Riley are compared after the same examples: look at both equally often")
        pairs = {f"{one.examples:,}": {ALEX: one, RILEY: other} for one, other in zip(alex, riley, strict=True)}
        pages = {examples: _page(pair) for examples, pair in pairs.items()}
        last = list(pages)[-1]
        text = "\n".join(f"after {last} examples, {NAMES[style]}: {_shares(one)}" for style, one in pairs[last].items())
        super().__init__(
            "Alex and Riley", [Turn("examples read", list(pages), slide=True)], pages, first=last, text=text
        )


def _shares(one: Moment) -> str:
    return ", ".join(f"{share:.0%} of {family} right" for family, share in one.right.items())


def _page(pair: dict[str, Moment]) -> str:
    """Both learners at one moment, one above the other."""
    parts = []
    for style, one in pair.items():
        parts.append(f"<p><strong>{escape(NAMES[style])}</strong>: {_shares(one)}</p>")
        for reply in one.replies:
            shown = transcript(direct(reply.problem.question), [reply.completion], reply.problem)
            parts.append(shown._repr_html_())
    return "".join(parts)
