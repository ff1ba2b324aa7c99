"""The one dial: how much every notebook computes.

`PRESET` is the first parameter of every notebook. What papermill sets beats the environment variable `PRESET`, which
beats the default, `class`.
"""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """What a notebook reads off the dial."""

    name: str
    problems: int  # problems a family in a table
    steps: float  # share of a training run's steps


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("quick", problems=20, steps=0.02),  # tests: a minute a notebook
        Preset("class", problems=200, steps=1.0),  # what is committed: minutes
        Preset("full", problems=500, steps=1.0),
    )
}


def preset(name: str | None = None) -> Preset:
    """The dial's setting called `name`; None asks the environment, then takes `class`.

    Raises ValueError for a name that is none of the settings.

    >>> preset("quick").problems
    20
    """
    chosen = name or os.environ.get("PRESET") or "class"
    if chosen not in PRESETS:
        raise ValueError(f"unknown preset {chosen!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[chosen]
