"""Figures of the results files, as the site's pages quote them: looked up and rounded here, never typed into a page.

In a text, `[[kept | figures | share kept]]` stands for what `results/kept.json` holds under these names.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

from course.experiments import recorded

record = cache(recorded)  # the pages ask for the same few again and again
REFERENCE = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)
KINDS = ("percent",)  # how a number may be asked for, behind its names


def listed(name: str) -> list[dict]:
    """One of the lists in this folder, such as `claims.yml`."""
    return yaml.safe_load(Path(__file__).with_name(f"{name}.yml").read_text(encoding="utf-8"))


def with_figures(text: str) -> str:
    """A text with its references filled in. Raises KeyError for a name that the record lacks."""
    return REFERENCE.sub(lambda match: quoted(*re.split(r"\s*\|\s*", " ".join(match[1].split()))), text)


def quoted(name: str, *path: str) -> str:
    """A figure of a record as a page prints it: a number, or a mean with its 95 % interval."""
    kind = path[-1] if path[-1] in KINDS else ""
    found = look_up(record(name), path[: len(path) - bool(kind)])
    if isinstance(found, Mapping):
        value = found.get("mean", found.get("difference"))
        return with_interval(value, *found["interval"], signed="difference" in found)
    if isinstance(found, Sequence) and not isinstance(found, str):
        return with_interval(*found)
    if kind == "percent":
        return f"{100 * found:.0f} %"
    return f"{found:,}" if isinstance(found, int) else f"{found:.2f}"


def look_up(where: Mapping, path: Sequence[str]) -> object:
    """What stands under these names, one inside the other."""
    for name in path:
        where = where[int(name)] if isinstance(where, list) else where[name]
    return where


def with_interval(mean: float, low: float, high: float, *, signed: bool = False) -> str:
    """A mean and its interval with two decimals, or with as many more as keep them apart from each other and from zero.

    >>> with_interval(0.4856, 0.4783, 0.4929, signed=True)
    '+0.486 [+0.478, +0.493]'
    """
    numbers = (mean, low, high)
    decimals = next((n for n in (2, 3, 4) if _apart(numbers, n)), 4)
    mean, low, high = (f"{one:{'+' if signed else ''}.{decimals}f}" for one in numbers)
    return f"{mean} [{low}, {high}]"


def _apart(numbers: Sequence[float], decimals: int) -> bool:
    rounded = [round(one, decimals) for one in numbers]
    hidden = any(one and not shown for one, shown in zip(numbers, rounded, strict=True))
    return not hidden and len(set(rounded)) == len(set(numbers))


def cited(text: str, keys: Sequence[str] = ()) -> str:
    """A text on one line, with its sources behind it: keys of references.bib."""
    return " ".join(text.split()) + (f" {{cite}}`{','.join(keys)}`" if keys else "")
