"""What a base model must be like, on the test split: several seeds of one recipe, 500 problems of each family.

`python benchmarks/base_model.py NAME FOLDER [FOLDER ...] --minutes M` prints a table a seed and writes all of it to
`results/NAME.json`. The first folder is the model that ships: its picture goes to `docs/thinking.png`, and its card,
which says how many minutes its training took, to the shipped folder. The requirements are those the course stands on:
asked directly it guesses, forced to think it is usually right, and now and then it thinks unprompted.
"""

import course  # noqa: F401, I001 (before PyTorch: it decides how waiting threads wait)

import argparse
import json
import sys
from pathlib import Path

import torch

from course.learn.pretraining import RECIPES, new_model
from course.model import generate, load
from course.model.transformer import parameter_count
from course.teach import plots
from course.think.evaluation import Score, accuracy, constant_scores
from course.think.prompting import direct, force_thinking
from course.think.rollouts import read_reply, sample_rollouts
from course.world import FAMILIES, decimals, draw_problems, letters
from course.world.facts import fact_problems, knows

PROBLEMS = 500  # of each family
WAYS = {  # a way of asking: how the prompt is made, and the temperature
    "plain": (direct, 1.0),
    "plain greedy": (direct, 0.0),
    "forced": (force_thinking, 1.0),
    "forced greedy": (force_thinking, 0.0),
}
GUESSED = ("letters", "sums", "cups", "countdown")  # asked directly, right on 10 to 45 %
THOUGHT = ("letters", "decimals", "sums", "cups")  # forced and greedy, right on 85 %
ASKED_IN_CLASS = {"strawberry": letters.ask("strawberry", "r"), "9.11 or 9.8": decimals.ask("9.11", "9.8")}


def measure(model, tokenizer) -> dict:
    """Every figure of one model."""
    problems = {name: draw_problems(name, PROBLEMS, split="test") for name in FAMILIES}
    found = {
        way: {
            name: sample_rollouts(model, tokenizer, problems[name], ask, temperature=heat, seed=7) for name in FAMILIES
        }
        for way, (ask, heat) in WAYS.items()
    }
    plain = found["plain"]
    figures = {way: {name: marks(several) for name, several in groups.items()} for way, groups in found.items()}
    figures["constant"] = constant_scores(plain)
    figures["thinks"] = {name: shown(accuracy([one.thought for one in several])) for name, several in plain.items()}
    figures["thinks"]["all"] = shown(accuracy([one.thought for several in plain.values() for one in several]))
    wrong = [one.problem for one in plain["decimals"] if not one.right]
    figures["decimals"] = {"wrong": len(wrong), "of unequal length": sum(problem.level == 2 for problem in wrong)}
    figures["facts"] = shown(facts(model, tokenizer))
    figures["held out"] = held_out(model, tokenizer)
    figures["class"] = {name: in_class(model, tokenizer, problem) for name, problem in ASKED_IN_CLASS.items()}
    figures["missed"] = missed(figures)
    return figures


def marks(several) -> list[float]:
    """The score of some answers with its interval."""
    return shown(accuracy([one.right for one in several]))


def shown(score: Score) -> list[float]:
    """A score as three numbers: the mean, and the ends of its interval."""
    return [round(value, 3) for value in (score.mean, *score.interval)]


def facts(model, tokenizer) -> Score:
    """Plain facts, asked directly at temperature 1."""
    known = fact_problems()
    drawn = generate(model, tokenizer, [direct(fact.question) for fact in known], samples=5, seed=7)
    return accuracy(
        [knows(fact, read_reply("", one).answer) for fact, several in zip(known, drawn, strict=True) for one in several]
    )


def held_out(model, tokenizer) -> dict[str, dict[str, list[float]]]:
    """Longer chains than any that was read, and words that never occurred in a counting question."""
    levels = {(name, level) for name, family in FAMILIES.items() for level in family.unseen_levels}
    return {
        f"{name} {level}": {
            way: marks(
                sample_rollouts(
                    model, tokenizer, draw_problems(name, 200, level=level, split="test"), ask, temperature=heat, seed=7
                )
            )
            for way, (ask, heat) in WAYS.items()
            if way in ("plain", "forced greedy")
        }
        for name, level in sorted(levels)
    }


def in_class(model, tokenizer, problem) -> dict[str, list[float]]:
    """A question of the first notebook, a hundred times plainly and a hundred times forced."""
    prompts = [direct(problem.question), force_thinking(problem.question)]
    drawn = generate(model, tokenizer, prompts, samples=100, seed=7)
    right = FAMILIES[problem.family].correct
    scores = [
        accuracy([right(problem, read_reply(prompt, one).answer) for one in several])
        for prompt, several in zip(prompts, drawn)
    ]
    return {"plain": shown(scores[0]), "forced": shown(scores[1])}


def missed(figures: dict) -> list[str]:
    """The requirements a model falls short of, in words."""
    plain, greedy = ({name: score[0] for name, score in figures[way].items()} for way in ("plain", "forced greedy"))
    decimal = figures["decimals"]
    checks = {
        **{f"plain {name} {plain[name]} not in .10-.45": 0.10 <= plain[name] <= 0.45 for name in GUESSED},
        **{f"forced {name} {greedy[name]} below .85": greedy[name] >= 0.85 for name in THOUGHT},
        f"forced countdown {greedy['countdown']} not twice plain": greedy["countdown"] >= 2 * plain["countdown"],
        f"thinks unprompted on {figures['thinks']['all'][0]}": 0.05 <= figures["thinks"]["all"][0] <= 0.30,
        f"facts {figures['facts'][0]} below .95": figures["facts"][0] >= 0.95,
        f"plain decimals {plain['decimals']} above .75": plain["decimals"] <= 0.75,
        f"decimals wrong mostly at equal length {decimal}": 2 * decimal["of unequal length"] > decimal["wrong"],
    }
    return [words for words, holds in checks.items() if not holds]


def table(figures: dict) -> str:
    """One model's scores as lines of text."""
    lines = [f"{'':12}" + "".join(f"{name:>20}" for name in FAMILIES)]
    for way in WAYS:
        scores = (figures[way][name] for name in FAMILIES)
        lines.append(f"{way:14}" + "  ".join(f"{mean:.2f} [{low:.2f}, {high:.2f}]" for mean, low, high in scores))
    rest = ("constant", "thinks", "decimals", "facts", "held out", "class", "missed")
    return "\n".join([*lines, *(f"{name}: {figures[name]}" for name in rest)])


def draw(figures: dict) -> bytes:
    """Plain and forced scores of one model, as a picture."""
    scores = {
        words: {name: Score(round(figures[way][name][0] * PROBLEMS), PROBLEMS) for name in FAMILIES}
        for words, way in (("asked directly", "plain"), ("forced to think", "forced"))
    }
    return plots.compare(scores, figures["constant"]).png


def card(name: str, seeds: dict[str, dict], minutes: int) -> str:
    """The model card: what it is, how to make it again, what it read, how good it is."""
    first, config = next(iter(seeds)), RECIPES[name].training
    model = new_model(RECIPES[name].model, 0)
    shown = ("plain", "forced greedy")
    rows = [
        f"| {seed} | {way} | " + " | ".join("{:.2f} [{:.2f}, {:.2f}]".format(*figures[way][f]) for f in FAMILIES) + " |"
        for seed, figures in seeds.items()
        for way in shown
    ]
    others = [
        f"| {seed} | {figures['thinks']['all'][0]:.2f} | {figures['facts'][0]:.2f} | "
        f"{figures['decimals']['of unequal length']} of {figures['decimals']['wrong']} |"
        for seed, figures in seeds.items()
    ]
    return CARD.format(
        name=name,
        parameters=parameter_count(model),
        active=parameter_count(model, active=True),
        tokens=config.steps * config.rows * config.length / 1e6,
        minutes=minutes,
        seed=first,
        families=" | ".join(FAMILIES),
        line="---|" * len(FAMILIES),
        rows="\n".join(rows),
        others="\n".join(others),
        problems=PROBLEMS,
    )


CARD = """---
license: mit
library_name: transformers
language: en
---
# {name}

A language model of {parameters:,} parameters ({active:,} active), trained from nothing for the course Think Step by
Step. It answers questions of five families that a program can check, and is of no use for anything else. Asked
directly, it mostly guesses; forced to think (the prompt already opens `<think>`), it answers most of them correctly.

- **Rebuild it**: `course train {name} --seed 0`; {minutes} minutes on two CPU cores. The weights here are the last step
  of {seed}.
- **Training data**: {tokens:.1f} M tokens of the synthetic web that `course/world/corpus.py` writes, with problems of
  the train split only.
- **Open it**: `course.model.load("{name}")`, or `AutoModelForCausalLM.from_pretrained` on this folder. The
  weights are stored as safetensors in half precision and computed with in single precision.

Share right on the test split, {problems} problems per family, with 95 % intervals. *Plain*: the question alone,
at temperature 1. *Forced greedy*: the prompt opens `<think>`, at temperature 0.

| seed | asked | {families} |
|---|---|{line}
{rows}

| seed | thinks unprompted | facts right | wrong decimals of unequal length |
|---|---|---|---|
{others}

Scores of greedy plain and sampled forced replies, of longer chains and of unseen words are in `results/{name}.json`.
"""


def main() -> None:
    """Measure each folder; end with status 1 if any misses a requirement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--minutes", type=int, required=True, help="that training took on two cores")
    options = parser.parse_args()
    torch.set_num_threads(2)
    seeds = {}
    for folder in options.folders:
        seeds[Path(folder).name] = figures = measure(*load(folder))
        print(f"{folder}\n{table(figures)}\n", flush=True)
    root = Path(__file__).resolve().parent.parent
    path = root / "results" / f"{options.name}.json"
    path.parent.mkdir(exist_ok=True)
    (root / "docs" / "thinking.png").write_bytes(draw(next(iter(seeds.values()))))
    found = {"split": "test", "problems": PROBLEMS, "minutes": options.minutes, "seeds": seeds}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    shipped = root / "course" / "model" / "checkpoints" / options.name
    shipped.mkdir(parents=True, exist_ok=True)
    (shipped / "README.md").write_text(card(options.name, seeds, options.minutes), encoding="utf-8")
    sys.exit(any(figures["missed"] for figures in seeds.values()))


if __name__ == "__main__":
    main()
