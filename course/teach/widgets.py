"""Things to press. They answer where Python runs; a page without it shows the still picture they started with."""

from html import escape

from torch import nn

from course.model import generate
from course.teach.transcripts import Transcript, transcript
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
        still = {"text/html": self.first._repr_html_(), "text/plain": str(self.first)}
        bundle = self._box()._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        return {**(data or {}), **still}

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
