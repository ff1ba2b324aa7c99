"""The site: Sphinx and MyST-NB over the committed notebooks. `book/build.py` stages the pages and calls Sphinx here."""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
_project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "Think Step by Step"
author = _project["authors"][0]["name"]
release = _project["version"]
copyright = f"{author}. Prose and notebooks CC BY 4.0, code MIT"
language = "en"

extensions = ["myst_nb", "sphinx_design", "sphinx_copybutton", "sphinxcontrib.bibtex"]
extensions += ["formulas", "quote_admonitions", "alternative_texts"]  # our own, in this folder
exclude_patterns = ["_build", "node_modules"]

nb_execution_mode = "off"  # the committed outputs are the site; nothing runs here
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None)
]  # no kernel: the still picture
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
html_math_renderer = "mathml"
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "alpha"

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
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
