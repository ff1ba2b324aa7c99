"""Formulas of the site as MathML, made when it is built: browsers typeset it without a script or a network."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def mathml(tex: str, *, block: bool = False) -> str:
    """A formula as MathML. Raises docutils' MathError for a command it does not know."""
    return tex2mathml(tex.replace(r"\dots", r"\ldots"), as_block=block)


def _inline(translator, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode  # the TeX itself is not to follow


def _block(translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{mathml(node.astext(), block=True)}</div>')
    raise nodes.SkipNode


def setup(app) -> dict[str, bool]:
    """Register with Sphinx as the renderer `mathml`."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
