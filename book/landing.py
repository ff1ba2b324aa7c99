"""What the landing page shows of the course: a question answered twice, the curve of chapter 6, a card a chapter.

Everything is read from where it has its home: the outputs of notebook 00, `results/zero.json`, `course/contents.py`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import nbformat

from book.records import record
from course._place import project
from course.chapters.grpo.replay import Replay
from course.contents import CHAPTERS, Chapter
from course.teach import plots
from course.teach.page import InPage
from course.teach.pictures import Picture
from course.teach.widgets import OWN, Ask
from course.think.evaluation import estimate

QUESTION = OWN[0].question
PROMPT = f"prompt    <user>{QUESTION}<assistant>\n"  # as a transcript begins
REPLY = re.compile(r"((?:thinking .*\n(?: {10}.*\n)*)?)answer    (.*?)   (right|wrong)$", re.MULTILINE)
MODELS = {"mini-base": "as it was pretrained", "mini-zero": "after reward for right answers alone"}
ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "00_start.ipynb"
CURVE = "_static/curve.png"  # where the still picture of the run lies on the site
FENCE = re.compile(r"^```\{anywidget\} widget\.js\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
AT = (1, 2, 3, 4, 6, 8, 10, 15, 20, 30, 40, 50)  # steps of the curve


@dataclass(frozen=True)
class Reply:
    """One reply of a transcript."""

    thinking: str
    answer: str
    right: bool


@cache
def widgets() -> dict[str, InPage]:
    """The widgets of the page, by kind; each stands still with what the course has recorded."""
    ask, run = Ask(*MODELS, auto=True), Replay()
    ask.still = asked_twice(NOTEBOOK)
    run.still = f'<img alt="{escape(curve().alt)}" src="{CURVE}">'
    return {one.kind: one for one in (ask, run)}


def block(kind: str) -> str:
    """A widget as Jupyter Book 2 takes it: the module beside the page, its state, and models of the published site."""
    state = {"kind": kind, "folder": f"{project()['urls']['Site']}/_static/models", "state": widgets()[kind].state}
    return f"```{{anywidget}} widget.js\n{json.dumps(state, ensure_ascii=False)}\n```"


def with_widgets(text: str) -> str:
    """The page as Sphinx takes it: each of these blocks as the still picture that the site's script brings to life."""
    return FENCE.sub(lambda found: f"```{{raw}} html\n{widgets()[json.loads(found[1])['kind']].html()}\n```", text)


def asked_twice(notebook: Path) -> str:
    """The first reply of each model to the strawberry question, and how many of its replies are right, as HTML.

    Raises ValueError unless the notebook holds one transcript of that question for each of the two models.
    """
    found = list(transcripts(nbformat.read(notebook, as_version=4)))
    if len(found) != len(MODELS):
        raise ValueError(f"{notebook.name} holds {len(found)} transcripts of {QUESTION}, not one for each model")
    figures = "\n".join(answered(*model, replies) for model, replies in zip(MODELS.items(), found, strict=True))
    return f'<div class="asked-twice">\n{figures}\n</div>'


def transcripts(notebook: nbformat.NotebookNode) -> Iterator[list[Reply]]:
    """The replies of each transcript in which the question was asked directly, in order."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/plain", "")
            if text.startswith(PROMPT):
                yield [Reply(_thought(lines), answer, said == "right") for lines, answer, said in REPLY.findall(text)]


def _thought(lines: str) -> str:
    return "\n".join(line[10:] for line in lines.splitlines())


def answered(name: str, made: str, replies: list[Reply]) -> str:
    """The first reply of one model as a figure."""
    first, right = replies[0], sum(reply.right for reply in replies)
    thinking = f'<pre class="thinking">{escape(first.thinking)}</pre>' if first.thinking else ""
    return (
        f"<figure><figcaption><code>{escape(name)}</code> {escape(made)}</figcaption>"
        f'<p class="asked">{escape(QUESTION, quote=False)}</p>{thinking}'
        f'<p class="answer"><strong>{escape(first.answer)}</strong> {"✓ right" if first.right else "✗ wrong"}</p>'
        f'<p class="tally">{right} of {len(replies)} sampled replies are right</p></figure>'
    )


@cache
def curve() -> Picture:
    """How often replies are right and think at each step of chapter 6's run, over its seeds."""
    runs = record("zero")["figures"]["curves"]["reward"]
    lines = {
        name: {step: estimate([run[kind][step - 1] for run in runs]) for step in AT}
        for name, kind in (("share right", "right"), ("share that thinks", "thinks"))
    }
    return plots.curves({"": lines}, "step of GRPO", "share of replies")


def cards() -> str:
    """The chapters as a list of cards, those that are planned visibly so, as HTML."""
    return '<ol class="chapters">\n' + "\n".join(card(chapter) for chapter in CHAPTERS) + "\n</ol>"


def card(chapter: Chapter) -> str:
    """One chapter: its number, term and question, and what it takes of a machine and of a reader."""
    term = escape(chapter.term)
    title = f'<a href="{chapter.title}.html">{term}</a>' if chapter.finished else term
    takes = (
        f'<span class="takes">{minutes(chapter.machine)} on two cores, {minutes(chapter.learner)} of yours</span>'
        if chapter.finished
        else '<span class="takes">planned, not written yet</span>'
    )
    return (
        f'<li class="{"finished" if chapter.finished else "planned"}">'
        f'<span class="number">{chapter.short_number}</span><span class="term">{title}</span>'
        f'<span class="question">{escape(chapter.question[0].upper() + chapter.question[1:])}</span>{takes}</li>'
    )


def minutes(many: int) -> str:
    """A time as one would say it.

    >>> minutes(1), minutes(90), minutes(180)
    ('1 minute', '90 minutes', '3 hours')
    """
    if many >= 120 and many % 60 == 0:
        return f"{many // 60} hours"
    return f"{many} minute{'s' * (many != 1)}"
