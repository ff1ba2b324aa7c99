"""The site: Sphinx and MyST-NB over the committed notebooks. `book/build.py` stages the pages and calls Sphinx here."""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))
from book import social_card  # noqa: E402 (found by the line above)

_project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "Think Step by Step"
author = _project["authors"][0]["name"]
release = _project["version"]
copyright = f"{author}. Prose and notebooks CC BY 4.0, code MIT"
language = "en"

extensions = ["myst_nb", "sphinx_design", "sphinx_copybutton", "sphinxcontrib.bibtex", "sphinxext.opengraph"]
# Our own, in this folder.
extensions += ["formulas", "quote_admonitions", "alternative_texts", "citation_lists", "citation_labels"]
exclude_patterns = ["_build", "node_modules"]

nb_execution_mode = "off"  # the committed outputs are the site; nothing runs here
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None)
]  # no kernel: the still picture
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
html_math_renderer = "typeset"
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "author_and_year"

html_baseurl = _project["urls"]["Site"] + "/"
ogp_site_url = html_baseurl
ogp_image = "_static/card.png"
ogp_image_alt = social_card.ALT
ogp_custom_meta_tags = [
    '<meta name="twitter:card" content="summary_large_image" />',  # the rest is read from the tags before
    f'<meta property="og:image:width" content="{social_card.SIZE[0]}" />',
    f'<meta property="og:image:height" content="{social_card.SIZE[1]}" />',
]

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_build/src/_static"]  # ours, and what book/build.py puts beside it
html_favicon = "_static/favicon.svg"
html_css_files = ["course.css"]
html_js_files = ["course.js", ("page/site.js", {"type": "module"})]
templates_path = ["_templates"]
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system has it
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"image_light": html_favicon, "image_dark": html_favicon, "text": project, "alt_text": ""},
    "repository_url": _project["urls"]["Repository"],
    "path_to_docs": "book",
    "repository_branch": "main",
    "use_repository_button": True,
    "use_download_button": False,
    "navbar_start": [],
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
