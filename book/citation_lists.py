"""The bibliography is read out as a list: docutils gives its entries a role that no list may hold.

The role `doc-biblioentry` has been deprecated since DPUB-ARIA 1.1.
"""

DEPRECATED, ITEM = 'role="doc-biblioentry"', 'role="listitem"'


def name_entries(app, page: str, template: str, context: dict, doctree) -> None:
    """Call each entry of a page's bibliography what it is, an item of a list."""
    if "body" in context:
        context["body"] = context["body"].replace(DEPRECATED, ITEM)


def setup(app) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", name_entries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
