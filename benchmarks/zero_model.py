"""The card of `mini-zero`, from its experiment: `python benchmarks/zero_model.py`.

First it asks the weights that ship what the experiment asked of its first seed: the scores must be the same to the last
problem, or the card would describe another model. Then it writes the card from `results/zero.json`.
"""

import course  # noqa: F401, I001 (before PyTorch: it decides how waiting threads wait)

import sys
from pathlib import Path

import torch

from course.chapters.grpo.zero import examined
from course.experiments import recorded
from course.model import load
from course.model.pretrained import checkpoints
from course.model.transformer import parameter_count
from course.world import FAMILIES

CARD = """---
license: mit
library_name: transformers
language: en
base_model: mini-base
---
# mini-zero

`mini-base` after reinforcement learning: a language model of {parameters:,} parameters ({active:,} active) that
thinks unprompted before it answers. It was rewarded for right answers to questions of five families and for nothing
else, and is of no use for anything else. It has lost some of the plain facts that `mini-base` knew.

- **Rebuild it**: `course train mini-zero --seed 0`; {steps} steps of 50 prompts with 8 completions each, about three
  minutes on one CPU core. The weights here are the last step of seed 0.
- **Open it**: `course.model.load("mini-zero")`, or `AutoModelForCausalLM.from_pretrained` on this folder.
  The weights are stored as safetensors in half precision and computed with in single precision.

Share right on the test split, {problems} problems per family, asked directly at temperature 1. The last row is the mean
of the seeds with a 95 % interval.

| seed | {families} |
|---|{line}
{rows}

It thinks (its thinking is closed and contains at least one right step) on {thinks} of the prompts; `mini-base` on
{before:.2f}. Plain facts right: {facts}; `mini-base` {facts_before:.2f}. Greedy scores, longer chains, controls and
curves are in `results/zero.json`, made by `{command}`.
"""


def card(record: dict) -> str:
    """The card's text."""
    model, _ = load("mini-zero")
    figures, after = record["figures"], record["figures"]["after"]["reward"]
    before = figures["before"]
    seeds = {"`mini-base`": before["plain"]} | dict(enumerate(figures["by seed"]["reward"]))
    rows = [row(name, [f"{one[family]['right']:.2f}" for family in FAMILIES]) for name, one in seeds.items()]
    rows.append(row("mean", [said(after["plain"][family]["right"]) for family in FAMILIES]))
    thinks = [before["plain"][family]["thinks"] for family in FAMILIES]
    return CARD.format(
        parameters=parameter_count(model),
        active=parameter_count(model, active=True),
        steps=record["settings"]["steps"],
        problems=record["settings"]["problems"],
        families=" | ".join(FAMILIES),
        line="---|" * len(FAMILIES),
        rows="\n".join(rows),
        thinks=said(after["all"]["thinks"]),
        before=sum(thinks) / len(thinks),
        facts=said(after["facts"]["right"]),
        facts_before=before["facts"]["right"],
        command=record["command"],
    )


def row(name: str | int, cells: list[str]) -> str:
    """A line of the table."""
    return f"| {name} | {' | '.join(cells)} |"


def said(estimate: dict) -> str:
    """A mean with its interval."""
    low, high = estimate["interval"]
    return f"{estimate['mean']:.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Compare the shipped weights with the record, then write the card; end with status 1 if they differ."""
    torch.set_num_threads(1)
    record = recorded("zero")
    found = examined(*load("mini-zero"), record["settings"]["problems"])["plain"]
    first = record["figures"]["by seed"]["reward"][0]
    if differ := [family for family in FAMILIES if abs(found[family]["right"] - first[family]["right"]) > 1e-4]:
        sys.exit(f"the weights that ship are not those of the experiment's first seed: {', '.join(differ)} differ")
    path = Path(checkpoints()["mini-zero"]) / "README.md"
    path.write_text(card(record), encoding="utf-8")
    print(f"the same scores in every family; wrote {path}")


if __name__ == "__main__":
    main()
