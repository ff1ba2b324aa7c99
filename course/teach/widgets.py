"""Widgets: a question box and sliders. Without Python behind a page, it shows the picture they started with."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from torch import nn

from course.model import generate
from course.teach import plots
from course.teach.pictures import Picture
from course.teach.transcripts import Transcript, marked, transcript
from course.think.evaluation import Estimate, expected_vote
from course.think.prompting import direct, force_thinking
from course.think.rollouts import Rollout

VIEW = "application/vnd.jupyter.widget-view+json"
WAYS = {"ask directly": direct, "have it think": force_thinking}


class Question:
    """A question box for a model: type, choose a prompt, press Enter. Every press samples another reply."""

    def __init__(self, model: nn.Module, tokenizer, question: str, *, seed: int = 0):
        self.model, self.tokenizer, self.seed = model, tokenizer, seed
        self.first = self.ask(question, "ask directly")
        self.question = question

    def ask(self, question: str, way: str) -> Transcript:
        """One reply. Raises ValueError for what the model cannot read."""
        prompt = WAYS[way](question)
        self.seed += 1
        return transcript(prompt, generate(self.model, self.tokenizer, [prompt], seed=self.seed)[0])

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The widget where there are widgets; otherwise the first reply, as HTML or as text."""
        return bundle(self._box(), self.first._repr_html_(), str(self.first))

    def _box(self):
        """Text, switch, button and reply, stacked; everything can be reached with Tab and pressed with Enter."""
        import ipywidgets

        wide = ipywidgets.Layout(width="min(60em, 95%)")
        text = ipywidgets.Text(self.question, description="question", layout=wide, continuous_update=False)
        way = ipywidgets.ToggleButtons(options=list(WAYS), description="how")
        button = ipywidgets.Button(description="Ask", button_style="primary", icon="comment")
        reply = ipywidgets.HTML(self.first._repr_html_())

        def answer(_) -> None:
            try:
                reply.value = self.ask(text.value, way.value)._repr_html_()
            except ValueError as error:
                reply.value = f"<p role='alert'>{escape(str(error))}</p>"

        button.on_click(answer)
        text.observe(answer, "value")
        way.observe(answer, "value")
        return ipywidgets.VBox([text, way, button, reply])


@dataclass(frozen=True)
class Slider:
    """Where a slider begins and how far it goes; whole numbers make a slider of whole numbers."""

    name: str
    value: float
    least: float
    most: float
    step: float


class Adjustable:
    """A picture under sliders: `draw` makes it of their values, and its alt text stands below it."""

    def __init__(self, draw: Callable[..., Picture], *sliders: Slider):
        self.draw, self.sliders = draw, sliders
        self.first = draw(*(one.value for one in sliders))

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The sliders where there are widgets; otherwise the picture they started with."""
        picture = base64.b64encode(self.first.png).decode("ascii")
        html = f'<img alt="{escape(self.first.alt)}" src="data:image/png;base64,{picture}">'
        return bundle(self._box(), html, self.first.alt)

    def _box(self):
        import ipywidgets

        width = f"{max(6, *(0.65 * len(one.name) for one in self.sliders)):.0f}em"
        look = {"layout": ipywidgets.Layout(width="min(40em, 95%)"), "style": {"description_width": width}}
        turned = []
        for one in self.sliders:
            kind = ipywidgets.IntSlider if isinstance(one.step, int) else ipywidgets.FloatSlider
            turned.append(kind(one.value, min=one.least, max=one.most, step=one.step, description=one.name, **look))
        image = ipywidgets.Image(value=self.first.png, layout=ipywidgets.Layout(max_width="100%"))
        words = ipywidgets.HTML(escape(self.first.alt))

        def redraw(_) -> None:
            picture = self.draw(*(slider.value for slider in turned))
            image.value, words.value = picture.png, escape(picture.alt)

        for slider in turned:
            slider.observe(redraw, "value")
        return ipywidgets.VBox([*turned, image, words])


class Vote(Adjustable):
    """Sliders for the shares of the right and of the most common wrong answer, and the vote that follows from them."""

    SAMPLES = (1, 3, 5, 11, 21, 41)
    OTHERS = 10  # answers that share the rest

    def __init__(self, right: float = 0.30, wrong: float = 0.45):
        sliders = Slider("right", right, 0, 1, 0.05), Slider("most common wrong", wrong, 0, 1, 0.05)
        super().__init__(self.chances, *sliders)

    def chances(self, right: float, wrong: float) -> Picture:
        """The probability that a vote is right, by the number of samples; shares above 1 in total are scaled down."""
        total = max(1.0, right + wrong)
        shares = [right / total, wrong / total]
        shares += [(1 - sum(shares)) / self.OTHERS] * self.OTHERS
        marks = [True] + [False] * (len(shares) - 1)
        chances = {k: expected_vote(shares, marks, k) for k in self.SAMPLES}
        line = {k: Estimate(chance, (chance, chance), 1) for k, chance in chances.items()}
        return plots.curves({"vote": {"chance": line}}, "samples in the vote", "chance that it is right")


class Traces:
    """A slider over replies: drag it, or press the arrow keys, to open one after the other step by step."""

    def __init__(self, answered: Sequence[Rollout]):
        if not answered:
            raise ValueError("no replies to show: give at least one")
        self.traces = [marked(one) for one in answered]

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The slider where there are widgets; otherwise the first reply, as HTML or as text."""
        return bundle(self._box(), self.traces[0]._repr_html_(), str(self.traces[0]))

    def _box(self):
        import ipywidgets

        slider = ipywidgets.IntSlider(
            min=1, max=len(self.traces), description="reply", layout=ipywidgets.Layout(width="min(40em, 95%)")
        )
        opened = ipywidgets.HTML(self.traces[0]._repr_html_())

        def turn(change) -> None:
            opened.value = self.traces[change["new"] - 1]._repr_html_()

        slider.observe(turn, "value")
        return ipywidgets.VBox([slider, opened])


def bundle(box, html: str, text: str) -> dict:
    """What a notebook stores of a widget: itself, and the same standing still for a page without Python."""
    return {VIEW: box.get_view_spec(), "text/html": html, "text/plain": text}  # what ipywidgets 7 has as well as 8
