"""Each picture of the site gets the text that Jupyter keeps with its output: two pictures of one cell have two texts.

MyST-NB reads such texts from the cell alone, so that every picture of a cell would be read out as the same one.
"""

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer

of_myst_nb = NbElementRenderer.render_image


def render_image(renderer: NbElementRenderer, picture: MimeData) -> list[nodes.Element]:
    """The picture as MyST-NB renders it, with the `alt` of its own output."""
    rendered = of_myst_nb(renderer, picture)
    if alt := picture.output_metadata.get(picture.mime_type, {}).get("alt"):
        for image in rendered:
            image["alt"] = alt
    return rendered


def setup(app) -> dict[str, bool]:
    """Put it in the place of MyST-NB's own."""
    NbElementRenderer.render_image = render_image
    return {"parallel_read_safe": True, "parallel_write_safe": True}
