"""What a base model must be like, on the test split: several seeds of one recipe, 500 problems of each family.

`python benchmarks/base_model.py NAME FOLDER [FOLDER ...]` prints a table a seed and writes all of it to
`results/NAME.json`, and the first seed's picture to `docs/thinking.png`. The requirements are those the course stands
on: asked plainly it guesses, made to think it is right, and it thinks by itself now and then.
"""

import json
import sys
from pathlib import Path

import torch

from course.model import generate, load
from course.teach import plots
from course.think.evaluation import Score, accuracy, answer, constant_scores, read_reply
from course.think.prompting import direct, force_thinking
from course.world import FAMILIES, decimals, draw_problems, letters
from course.world.facts import fact_problems, knows

PROBLEMS = 500  # of each family
WAYS = {  # a way of asking: how the prompt is made, and the temperature
    "plain": (direct, 1.0),
    "plain greedy": (direct, 0.0),
    "forced": (force_thinking, 1.0),
    "forced greedy": (force_thinking, 0.0),
}
GUESSED = ("letters", "sums", "cups", "countdown")  # asked plainly, right on 10 to 45 %
THOUGHT = ("letters", "decimals", "sums", "cups")  # forced and greedy, right on 85 %
ASKED_IN_CLASS = {"strawberry": letters.ask("strawberry", "r"), "9.11 or 9.8": decimals.ask("9.11", "9.8")}


def measure(model, tokenizer) -> dict:
    """Every figure of one model."""
    problems = {name: draw_problems(name, PROBLEMS, split="test") for name in FAMILIES}
    found = {
        way: {name: answer(model, tokenizer, problems[name], ask, temperature=heat, seed=7) for name in FAMILIES}
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
    """Plain facts, asked plainly at temperature 1."""
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
                answer(
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
    """Plain and forced scores of one model as a picture."""
    scores = {
        words: {name: Score(round(figures[way][name][0] * PROBLEMS), PROBLEMS) for name in FAMILIES}
        for words, way in (("asked plainly", "plain"), ("made to think", "forced"))
    }
    return plots.compare(scores, figures["constant"]).png


def main() -> None:
    """Measure each folder; end with status 1 if any misses a requirement."""
    name, *folders = sys.argv[1:]
    torch.set_num_threads(2)
    found = {}
    for folder in folders:
        found[folder] = measure(*load(folder))
        print(f"{folder}\n{table(found[folder])}\n", flush=True)
    root = Path(__file__).resolve().parent.parent
    path = root / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    (root / "docs" / "thinking.png").write_bytes(draw(found[folders[0]]))
    seeds = {Path(folder).name: figures for folder, figures in found.items()}
    path.write_text(
        json.dumps({"split": "test", "problems": PROBLEMS, "seeds": seeds}, indent=1) + "\n", encoding="utf-8"
    )
    sys.exit(any(figures["missed"] for figures in found.values()))


if __name__ == "__main__":
    main()
