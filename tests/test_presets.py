"""The dial: papermill beats the environment beats the default."""

import pytest

from course.presets import PRESETS, preset


def test_the_default_is_class(monkeypatch):
    monkeypatch.delenv("PRESET", raising=False)
    assert preset().name == "class"


def test_a_parameter_beats_the_environment_beats_the_default(monkeypatch):
    monkeypatch.setenv("PRESET", "full")
    assert preset().name == "full"
    assert preset("quick").name == "quick"


def test_an_unknown_setting_is_a_one_line_error():
    with pytest.raises(ValueError, match="unknown preset 'slow': choose one of quick, class, full"):
        preset("slow")


def test_a_quicker_setting_computes_less():
    sizes = [PRESETS[name].problems for name in ("quick", "class", "full")]
    assert sizes == sorted(set(sizes))
