"""Formulas are typeset while the site is built: every one in the notebooks, and what is no formula stops the build."""

import re

import nbformat
import pytest
from sphinx.errors import ExtensionError

from book.formulas import typesetter
from tests.notebooks import NOTEBOOKS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]  # npm installs into one folder
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", re.DOTALL)


def formulas():
    """Where each formula stands, its TeX, and whether it is a block."""
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                for block, inline in FORMULA.findall(cell.source):
                    yield path.stem, block or inline, bool(block)


def test_every_formula_of_the_notebooks_is_typeset():
    found = list(formulas())
    assert len({notebook for notebook, _, _ in found}) >= 6, "notebooks with a formula"
    for _, tex, block in found:
        shown = typesetter().html(tex, block=block)
        assert shown.startswith("<mjx-container") and "<svg" in shown and "merror" not in shown
        assert ('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in shown) == block


def test_a_fraction_is_read_out_as_a_fraction():
    shown = typesetter().html(r"\frac{a}{b}", block=False)
    assert "<math" in shown and "<mfrac><mi>a</mi><mi>b</mi></mfrac>" in shown


def test_a_command_nobody_can_typeset_stops_the_build_and_the_next_formula_is_answered():
    with pytest.raises(ExtensionError, match="nosuchthing"):
        typesetter().html(r"\nosuchthing{x}", block=False)
    assert "<mi>x</mi>" in typesetter().html("x", block=False)
