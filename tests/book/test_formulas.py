"""Formulas are typeset without a network: every one in the notebooks becomes MathML when the site is built."""

import re

import nbformat
import pytest
from docutils.utils.math import MathError

from book.formulas import mathml
from tests.notebooks import NOTEBOOKS

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
        shown = mathml(tex, block=block)
        assert shown.startswith("<math") and ('display="block"' in shown) == block


def test_a_command_nobody_can_typeset_fails_the_build():
    with pytest.raises(MathError, match="nosuchthing"):
        mathml(r"\nosuchthing{x}")
