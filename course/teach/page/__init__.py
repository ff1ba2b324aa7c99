"""Widgets that live in the page: in JupyterLab and Colab as an anywidget, on the site without any Python.

The JavaScript in this folder is plain ES modules. The site serves them as they are; a notebook wants one text, which
`module` joins. A widget that needs one of the course's models runs it in the page: the site fetches the weights as a
file, and in a notebook the kernel hands them over when they are asked for, so that no notebook holds them.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from importlib import resources

from course.model.pretrained import checkpoints

FILES = ("config.json", "tokenizer.json", "model.safetensors")
_IMPORT = re.compile(r'^import .* from "\./(\w+\.js)";\n', re.MULTILINE)


class InPage:
    """A widget that runs in the page, and stands still where no JavaScript runs.

    `kind` names its module in this folder and `state` is what that shows, as JSON; `still` and `text` say the same as
    HTML and as plain text. `answer`, if the widget lets a reader type something for Python, makes HTML of that and
    raises ValueError for what it cannot take.
    """

    def __init__(self, kind: str, state: Mapping, *, still: str, text: str, answer: Callable[[str], str] | None = None):
        self.kind, self.state, self.still, self.text, self.answer = kind, dict(state), still, text, answer

    def html(self) -> str:
        """The still picture in a frame from which a page without Python makes the widget."""
        state = json.dumps(self.state, ensure_ascii=False, separators=(",", ":"))
        for character, written in (("&", "&amp;"), ("<", "&lt;"), ("'", "&#39;")):  # quotation marks, of which JSON is
            state = state.replace(character, written)  # full, need not be escaped between apostrophes
        return f"<div data-course-widget='{self.kind}' data-state='{state}'>{self.still}</div>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        """The widget where there are widgets; otherwise the same standing still, as HTML or as text."""
        stored = self.widget()._repr_mimebundle_()
        data = stored[0] if isinstance(stored, tuple) else stored
        return {**(data or {}), "text/html": self.html(), "text/plain": self.text}

    def widget(self):
        """The anywidget, which answers what the page asks of Python."""
        made = _anywidget()(kind=self.kind, state=self.state)
        made.on_msg(lambda widget, content, _: widget.send(*self.reply(content)))
        return made

    def reply(self, content: Mapping) -> tuple[dict, list[bytes]]:
        """What Python says to a message of the page: a checkpoint it wants to open, or a page made of what was typed.

        What is wrong comes back as the text of an error: the page says it, and the notebook goes on.
        """
        try:
            if "open" in content:
                config, tokenizer, weights = checkpoint_files(str(content["open"]))
                files = {"config": json.loads(config), "tokenizer": json.loads(tokenizer)}
                return {"id": content.get("id"), **files}, [weights]
            if self.answer is None:
                raise ValueError("this widget takes nothing that is typed")
            return {"id": content.get("id"), "page": self.answer(str(content.get("typed", "")))}, []
        except ValueError as error:
            return {"id": content.get("id"), "error": str(error)}, []


def checkpoint_files(name: str) -> tuple[bytes, ...]:
    """The files of a checkpoint that a page needs. Raises ValueError for a name that is none of the course's."""
    folder = checkpoints().get(name)
    if folder is None:
        raise ValueError(f"there is no model {name!r}: choose among {', '.join(checkpoints())}")
    return tuple((folder / file).read_bytes() for file in FILES)


@functools.cache
def module() -> str:
    """All modules that `widget.js` needs, as one: imports give way to what they import, each module once.

    Their top-level names are all different, which a test holds.
    """
    texts: dict[str, str] = {}
    _gather("widget.js", texts)
    return "\n".join(texts.values())


def _gather(name: str, texts: dict[str, str]) -> None:
    """Put a module behind those that it imports."""
    if name in texts:
        return
    text = resources.files("course.teach.page").joinpath(name).read_text(encoding="utf-8")
    for imported in _IMPORT.findall(text):
        _gather(imported, texts)
    texts[name] = re.sub(r"^export (?!default)", "", _IMPORT.sub("", text), flags=re.MULTILINE)


@functools.cache
def _anywidget() -> type:
    """The class of the widgets, made when the first of them is shown: importing anywidget takes a while."""
    import anywidget
    import traitlets

    class CourseWidget(anywidget.AnyWidget):
        _esm = module()
        kind = traitlets.Unicode().tag(sync=True)
        state = traitlets.Dict().tag(sync=True)
        folder = traitlets.Unicode().tag(sync=True)  # of checkpoints, where a page has no kernel

    return CourseWidget
