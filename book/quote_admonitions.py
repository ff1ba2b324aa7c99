"""In the notebooks, `> **Predict.** ...` is a plain quotation, so that JupyterLab, Colab and GitHub all show it well.
On the site it becomes an admonition."""

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

KINDS = {
    "Tip": "tip",
    "Note": "note",
    "Warning": "warning",
    "Key idea": "important",
    "Predict": "hint",
    "To read": "seealso",
}


class QuoteAdmonitions(SphinxPostTransform):
    """Turn quotations that open with one of `KINDS` in bold into admonitions."""

    default_priority = 100

    def run(self, **_) -> None:
        """Replace them in the document at hand."""
        for quote in list(self.document.findall(nodes.block_quote)):
            if (kind := _kind(quote)) is not None:
                quote.replace_self(_admonition(quote, kind))


def _kind(quote: nodes.block_quote) -> str | None:
    """What a quotation opens with, if that is one of `KINDS`."""
    paragraph = quote.children[0] if quote.children else None
    if not isinstance(paragraph, nodes.paragraph):
        return None
    while paragraph.children and isinstance(paragraph.children[0], nodes.Text) and not paragraph.children[0].strip():
        paragraph.pop(0)  # the parser leaves an empty text before bold type
    if not paragraph.children or not isinstance(paragraph.children[0], nodes.strong):
        return None
    head = paragraph.children[0].astext().strip().rstrip(".:")
    return head if head in KINDS else None


def _admonition(quote: nodes.block_quote, kind: str) -> nodes.admonition:
    paragraph = quote.children[0]
    paragraph.pop(0)
    if paragraph.children and isinstance(paragraph.children[0], nodes.Text):
        paragraph.replace(paragraph.children[0], nodes.Text(paragraph.children[0].lstrip()))
    title = nodes.title(kind, kind)
    return nodes.admonition("", title, *(child.deepcopy() for child in quote.children), classes=[KINDS[kind]])


def setup(app) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_post_transform(QuoteAdmonitions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
