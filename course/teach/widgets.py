"""Widgets that any chapter may use: ask the models, explore a reply, vote, play a shell game, move sliders, turn pages.

All of them run in the page (`course/teach/page`), so the site has them too.
"""

import base64
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from course.model import generate, load
from course.teach.page import InPage
from course.teach.pictures import Picture
from course.teach.transcripts import Transcript, marked, transcript
from course.think.evaluation import Estimate, expected_vote
from course.think.prompting import direct, force_thinking
from course.think.rollouts import Rollout
from course.world import FAMILIES, Problem, decimals, draw_problems, letters

OWN = letters.ask("strawberry", "r"), decimals.ask("9.11", "9.8")  # what everybody asks first


class Ask(InPage):
    """A question box for models side by side: type, press Enter, and watch them think. Every press draws other replies.

    Replies are those that `generate` draws with seed 0, 1, 2 and so on. With `auto` the first is drawn at once.
    """

    def __init__(self, *models: str, question: str = OWN[0].question, auto: bool = False):
        examples = [*OWN, *(draw_problems(family, 1)[0] for family in FAMILIES if family != "countdown")]
        shown = {name: said(name, question) for name in models}
        state = {
            "models": list(models),
            "question": question,
            "examples": [{"question": one.question, "answer": one.answer} for one in examples],
            "auto": auto,
        }
        super().__init__(
            "ask",
            state,
            still="".join(f"<p><code>{name}</code></p>{one._repr_html_()}" for name, one in shown.items()),
            text="\n".join(f"{name}\n{one}" for name, one in shown.items()),
        )


class Explore(InPage):
    """A reply token by token: how likely each was, what else might have come, and what the model looked at."""

    def __init__(self, model: str, question: str, *, think: bool = False):
        first = said(model, question, think=think)
        state = {"model": model, "question": question, "think": think}
        super().__init__("explore", state, still=first._repr_html_(), text=str(first))


class Voting(InPage):
    """Sliders for temperature and number of replies to one problem, whose answers are counted as they come."""

    def __init__(self, model: str, problem: Problem, *, think: bool = True, samples: int = 15):
        several = said(model, problem.question, think=think, samples=3, problem=problem)
        state = {"model": model, "question": problem.question, "answer": problem.answer}
        state |= {"think": think, "samples": samples}
        super().__init__("vote", state, still=several._repr_html_(), text=str(several))


class ShellGame(InPage):
    """A shell game to follow by eye, swap by swap, and a model that thinks about it beside you."""

    def __init__(self, model: str, problems: Sequence[Problem]):
        games = [
            {"question": one.question, "ball": one.given[0], "swaps": [list(swap) for swap in one.given[1]]}
            for one in problems
        ]
        first = said(model, problems[0].question, think=True, temperature=0.0, problem=problems[0])
        super().__init__("cups", {"model": model, "problems": games}, still=first._repr_html_(), text=str(first))


def said(
    model: str,
    question: str,
    *,
    think: bool = False,
    samples: int = 1,
    temperature: float = 1.0,
    problem: Problem | None = None,
) -> Transcript:
    """What a model of the course says to a question first: the still picture of a widget that asks it."""
    network, tokenizer = load(model)
    prompt = (force_thinking if think else direct)(question)
    (replies,) = generate(network, tokenizer, [prompt], samples=samples, temperature=temperature, seed=0)
    return transcript(prompt, replies, problem)


@dataclass(frozen=True)
class Slider:
    """Where a slider begins and how far it goes; whole numbers make a slider of whole numbers.

    Raises ValueError if no whole number of steps leads from one end to the other.
    """

    name: str
    value: float
    least: float
    most: float
    step: float

    def __post_init__(self) -> None:
        steps = (self.most - self.least) / self.step
        if abs(steps - round(steps)) > 1e-6:  # the page would count its positions in another way than Python does
            raise ValueError(f"{self.name} ends between two steps: {self.most} is {steps:g} steps from {self.least}")

    @property
    def places(self) -> list[float]:
        """Every position, from the least on."""
        count = round((self.most - self.least) / self.step) + 1
        digits = len(str(self.step).partition(".")[2])
        return [round(self.least + number * self.step, digits) for number in range(count)]


@dataclass(frozen=True)
class Frame:
    """What a chart shows at one position of its sliders: heights of its lines above the chart's x, and words."""

    lines: Mapping[str, Sequence[float]]
    said: str
    title: str = ""
    level: float | None = None  # a dotted line

    @property
    def state(self) -> dict:
        """What the page draws."""
        lines = {name: [round(float(y), 4) for y in line] for name, line in self.lines.items()}
        return {"lines": lines, "said": self.said, "title": self.title, "level": self.level}


class Adjustable(InPage):
    """A chart under sliders. `frame` computes it for every position beforehand; `still` draws the first one.

    `axes` is what the page's chart takes besides lines: x, xlim, ylim, xlabel, ylabel, ticks, log; `fixed` holds lines
    that do not move. Raises ValueError if a slider does not begin at one of its positions.
    """

    def __init__(
        self,
        sliders: Sequence[Slider],
        frame: Callable[..., Frame],
        still: Callable[..., Picture],
        *,
        axes: Mapping,
        fixed: Mapping[str, Sequence[float]] | None = None,
    ):
        for one in sliders:
            if one.value not in one.places:
                raise ValueError(f"{one.name} cannot begin at {one.value}: it moves by {one.step} from {one.least}")
        picture = still(*(one.value for one in sliders))
        self.frames = {place: frame(*place) for place in itertools.product(*(one.places for one in sliders))}
        png = base64.b64encode(picture.png).decode("ascii")
        state = {
            "sliders": [vars(one) for one in sliders],
            "axes": dict(axes),
            "fixed": {name: [round(float(y), 4) for y in line] for name, line in (fixed or {}).items()},
            "frames": [one.state for one in self.frames.values()],
        }
        image = f'<img alt="{escape(picture.alt)}" src="data:image/png;base64,{png}">'
        super().__init__("adjust", state, still=image, text=picture.alt)


class Vote(Adjustable):
    """Sliders for the shares of the right and of the most common wrong answer, and the vote that follows from them."""

    SAMPLES = (1, 3, 5, 11, 21, 41)
    OTHERS = 10  # answers that share the rest

    def __init__(self, right: float = 0.30, wrong: float = 0.45):
        axes = {"x": self.SAMPLES, "ticks": self.SAMPLES, "log": True, "ylim": (0, 1)}
        axes |= {"xlabel": "samples in the vote", "ylabel": "chance that it is right"}
        sliders = Slider("right", right, 0, 1, 0.05), Slider("most common wrong", wrong, 0, 1, 0.05)
        super().__init__(sliders, self.frame, self.still_picture, axes=axes)

    def frame(self, right: float, wrong: float) -> Frame:
        """The chance that a vote is right, for each number of samples; shares above 1 in total are scaled down."""
        chances = self.chances(right, wrong)
        said = ", ".join(f"{k} {chance:.2f}" for k, chance in zip(self.SAMPLES, chances, strict=True))
        return Frame({"vote": chances}, f"Chance that a vote is right, by its number of samples: {said}.")

    def chances(self, right: float, wrong: float) -> list[float]:
        """The probability that a vote is right, by the number of samples."""
        total = max(1.0, right + wrong)
        shares = [round(right / total, 6), round(wrong / total, 6)]
        shares += [max(0.0, 1 - sum(shares)) / self.OTHERS] * self.OTHERS
        marks = [True] + [False] * (len(shares) - 1)
        return [_simulated(tuple(shares), tuple(marks), k) for k in self.SAMPLES]

    def still_picture(self, right: float, wrong: float) -> Picture:
        """The chart where no slider moves."""
        from course.teach import plots

        points = zip(self.SAMPLES, self.chances(right, wrong), strict=True)
        line = {k: Estimate(chance, (chance, chance), 1) for k, chance in points}
        return plots.curves({"vote": {"chance": line}}, "samples in the vote", "chance that it is right")


@functools.cache
def _simulated(shares: tuple[float, ...], marks: tuple[bool, ...], k: int) -> float:
    """Positions of the sliders that are scaled down to the same shares are simulated once."""
    return expected_vote(shares, marks, k, trials=1000)


@dataclass(frozen=True)
class Turn:
    """A control that chooses between pages: a slider, where the options have an order, or a row of buttons."""

    name: str
    options: Sequence[str]
    slide: bool = False


class Pages(InPage):
    """Pages of HTML under one or two controls. `pages` has a page for every choice, its options joined by "|".

    `answer` makes another page of a question that is typed where there is Python. Raises ValueError without a page.
    """

    def __init__(
        self,
        name: str,
        turns: Sequence[Turn],
        pages: Mapping[str, str],
        *,
        first: str,
        text: str,
        question: str = "",
        answer: Callable[[str], str] | None = None,
    ):
        state = {"name": name, "turns": [vars(one) for one in turns], "pages": dict(pages), "first": first}
        state |= {"question": question} if answer else {}
        super().__init__("turn", state, still=pages[first], text=text, answer=answer)


class Traces(Pages):
    """A slider over replies: drag it, or press the arrow keys, to open one after the other step by step."""

    def __init__(self, answered: Sequence[Rollout]):
        if not answered:
            raise ValueError("no replies to show: give at least one")
        traces = {str(number): marked(one) for number, one in enumerate(answered, 1)}
        pages = {number: one._repr_html_() for number, one in traces.items()}
        turn = Turn("reply", list(pages), slide=True)
        super().__init__("replies, step by step", [turn], pages, first="1", text=str(traces["1"]))
