"""Formulas of the site as pictures that scale, made by MathJax when it is built, with MathML for whoever listens.

Nothing has to be loaded to read them, and a formula that nobody can typeset fails the build. (In the page, MathJax
would be two of the three megabytes that a page may weigh.)
"""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError

from book import packages

SCRIPT = Path(__file__).with_name("typeset.js")
STYLES = "mathjax.css"


class Typesetter:
    """MathJax in a process of its own, which ends with this one."""

    def __init__(self) -> None:
        packages.install()
        pipe = subprocess.PIPE
        command = [shutil.which("node"), SCRIPT]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")
        self.styles = self._answer()["css"]

    def _answer(self) -> dict[str, str]:
        if not (line := self.process.stdout.readline()):
            raise ExtensionError(f"{SCRIPT.name} ended with status {self.process.wait()}; it says why above")
        return json.loads(line)

    def html(self, tex: str, *, block: bool) -> str:
        """A formula, ready for a page. Raises ExtensionError for one that MathJax does not understand."""
        self.process.stdin.write(json.dumps({"tex": tex, "display": block}) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            raise ExtensionError(f"{answer['error']} in the formula {tex}")
        return answer["html"]


@cache
def typesetter() -> Typesetter:
    """The one process of a build."""
    return Typesetter()


def _inline(translator, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{typesetter().html(node.astext(), block=False)}</span>')
    raise nodes.SkipNode  # the TeX itself is not to follow


def _block(translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{typesetter().html(node.astext(), block=True)}</div>')
    raise nodes.SkipNode


def _write_styles(app) -> None:
    folder = Path(app.outdir, "_static")
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath(STYLES).write_text(typesetter().styles, encoding="utf-8")


def setup(app) -> dict[str, bool]:
    """Register with Sphinx as the renderer `typeset`."""
    app.add_html_math_renderer("typeset", (_inline, None), (_block, None))
    app.connect("builder-inited", _write_styles)
    app.add_css_file(STYLES)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
