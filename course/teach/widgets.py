"""Things to press. They answer where Python runs; a page without it shows the still picture they started with."""

from collections.abc import Sequence
from html import escape

from torch import nn

from course.model import generate
from course.teach.transcripts import Transcript, marked, transcript
from course.think.asking import Answered
from course.think.prompting import direct, force_thinking

WAYS = {"ask plainly": direct, "make it think": force_thinking}


class Question:
    """A question box over a model: type, choose how to ask, press Enter. Every press draws another reply."""

    def __init__(self, model: nn.Module, tokenizer, question: str, *, seed: int = 0):
        self.model, self.tokenizer, self.seed = model, tokenizer, seed
        self.first = self.ask(question, "ask plainly")
        self.question = question

    def ask(self, question: str, way: str) -> Transcript:
        """One reply. Raises ValueError for what the model cannot read."""
        prompt = WAYS[way](question)
        self.seed += 1
        return transcript(prompt, generate(self.model, self.tokenizer, [prompt], seed=self.seed)[0])

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The widget where there are widgets; otherwise the first reply, as HTML or as text."""
        return _bundle(self._box(), self.first)

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


class Traces:
    """A slider over replies: drag it, or press the arrow keys, to open one after the other step by step."""

    def __init__(self, answered: Sequence[Answered]):
        if not answered:
            raise ValueError("no replies to show: give at least one")
        self.traces = [marked(one) for one in answered]

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The slider where there are widgets; otherwise the first reply, as HTML or as text."""
        return _bundle(self._box(), self.traces[0])

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


def _bundle(box, still) -> dict:
    """What a notebook stores of a widget: itself, and a still picture for a page without Python."""
    bundle = box._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    return {**(data or {}), "text/html": still._repr_html_(), "text/plain": str(still)}
