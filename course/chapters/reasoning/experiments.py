"""What a reasoning model is: where thinking helps, where it does not, and what it costs (chapter 1)."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from torch import nn

from course.chapters.reasoning import history
from course.experiments import Experiment, Findings, by_arm, progress, spread
from course.learn.pretraining import new_model, rows
from course.learn.training import TrainingConfig, train
from course.model import load
from course.model.transformer import ModelConfig
from course.think.evaluation import Estimate, accuracy, estimate, marks, paired_comparison
from course.think.prompting import direct, force_thinking
from course.think.rollouts import Rollout, sample_groups, sample_rollouts
from course.world import FAMILIES, Problem, draw_problems
from course.world.corpus import Mixture
from course.world.facts import fact_problems, one_step
from course.world.tokenizer import load_tokenizer

WAYS = {"plain": direct, "thinking": force_thinking}
MARGIN = 0.05  # a gain in looking something up that would count
SAMPLES = 10  # of each question that may need no thinking
LENGTHS = {"cups": range(2, 11), "sums": range(4, 11)}  # swaps, and terms
FEW = {("cups", 2): 30, ("sums", 4): 50, ("sums", 5): 100}  # the test split has no more of these

# Small models that read of nothing but letters, so that five seeds of two kinds take minutes.
SMALL = ModelConfig(hidden_size=96, layers=3, heads=3, kv_heads=1, intermediate_size=288)
READING = TrainingConfig(steps=1200, rows=10, length=256)
LONG = replace(READING, steps=3000)  # after 1,200, two of five models were still before their jump
LETTERS_ONLY = Mixture(
    examples=0, spelling=0.4, arithmetic=0, versions=0, facts=0, cued=0, easy=0, slip=0, weights=(1, 0, 0, 0, 0)
)
STYLES = {"direct": replace(LETTERS_ONLY, unprompted=0.0), "spelled": replace(LETTERS_ONLY, unprompted=1.0)}


def spelling(seeds: int, problems: int) -> Findings:
    """Two small models a seed, on equally many tokens: one reads direct answers, one spells before it counts."""
    runs = by_arm(spread("spelling", counts, [(style, seed, problems) for seed in range(seeds) for style in STYLES]))
    means = {style: [one["right"] for one in several] for style, several in runs.items()}
    by_count = {
        style: {count: [one["by count"][str(count)] for one in several] for count in range(4)}
        for style, several in runs.items()
    }
    difference = paired_comparison(means["direct"], means["spelled"])
    figures = {"accuracy": means, "by count": by_count, "tokens": LONG.steps * LONG.rows * LONG.length}
    what = "words never counted before: spelled against direct"
    return Findings(figures, {what: difference}, difference.verdict == "better")


def draw_unseen_words(problems: int) -> list[Problem]:
    """Letters to count in words that no model has counted letters in."""
    return draw_problems("letters", problems, level=FAMILIES["letters"].unseen_levels[0], split="test")


def train_small(
    model: nn.Module, style: str, *, seed: int = 0, share: float = 1.0, config: TrainingConfig = READING
) -> Iterator[dict[str, float]]:
    """Have a small model read counts of letters in one style, yielding statistics step by step.

    `share` shortens it. Stop whenever you like: the model keeps what it has learned.
    """
    config = replace(config, seed=seed, steps=max(10, round(share * config.steps)))
    yield from train(model, partial(rows, STYLES[style], config), config)


def counts(style: str, seed: int, problems: int) -> dict:
    """Train a small model on one style, and have it count letters in words that no model has counted letters in."""
    model = new_model(SMALL, seed)
    for _ in train_small(model, style, seed=seed, config=LONG):
        pass
    answered = sample_rollouts(model, load_tokenizer(), draw_unseen_words(problems), direct, seed=7)
    by_count = {str(count): accuracy(marks(_of_count(answered, count))).mean for count in range(4)}
    return {"right": accuracy(marks(answered)).mean, "by count": by_count}


def _of_count(answered: Sequence[Rollout], count: int) -> list[Rollout]:
    """The answers to letter problems whose right answer is `count`."""
    return [one for one in answered if one.problem.answer == str(count)]


def decimals(seeds: int, problems: int) -> Findings:
    """Decimals of equal and of unequal length, plain and with thinking."""
    found = both_ways(*load("mini-base"), "decimals", None, problems)
    lengths = {"equal": 1, "unequal": 2}
    figures = {
        way: {length: accuracy(marks(_of_level(several, level))) for length, level in lengths.items()}
        for way, several in found.items()
    }
    wrong = accuracy([one.problem.level == 2 for one in found["plain"] if not one.right])
    gain = paired_comparison(*(marks(_of_level(found[way], 2)) for way in WAYS))
    holds = wrong.interval[0] > 0.5 and gain.verdict == "better"
    figures["plain errors that are of unequal length"] = wrong
    return Findings(figures, {"unequal length: thinking against plain": gain}, holds)


def difficulty(seeds: int, problems: int) -> Findings:
    """Cups and sums by length: how much thinking adds, level by level, and whether it adds more as they get longer."""
    model, tokenizer = load("mini-base")
    figures, comparisons = {"gain per step": {}}, {}
    for family, levels in LENGTHS.items():
        gains, figures[family] = [], {}
        for level in progress(levels, family):
            found = both_ways(model, tokenizer, family, level, min(problems, FEW.get((family, level), problems)))
            sides = [marks(found[way]) for way in WAYS]
            gains += [(level, after - before) for before, after in zip(*sides, strict=True)]
            comparisons[f"{family} of {level}: thinking against plain"] = paired_comparison(*sides)
            figures[family][level] = {
                way: {"accuracy": accuracy(marks(several)), "tokens": estimate([one.tokens for one in several])}
                for way, several in found.items()
            }
        figures["gain per step"][family] = slope(gains)
    return Findings(figures, comparisons, all(one.interval[0] > 0 for one in figures["gain per step"].values()))


def draw_lengths(problems: int) -> list[list[Problem]]:
    """Test problems of `difficulty`, level by level, fewer where the test split has no more."""
    return [
        draw_problems(family, min(problems, FEW.get((family, level), problems)), level=level, split="test")
        for family, levels in LENGTHS.items()
        for level in levels
    ]


def slope(points: Sequence[tuple[float, float]]) -> Estimate:
    """The slope of a straight line through points, by least squares, with its 95 % t-interval."""
    from scipy.stats import linregress, t

    line = linregress(*zip(*points, strict=True))
    mean, half = float(line.slope), float(t.ppf(0.975, len(points) - 2) * line.stderr)
    return Estimate(mean, (mean - half, mean + half), len(points))


def overkill(seeds: int, problems: int) -> Findings:
    """Questions that need no thinking, plain facts and what two numbers make, beside sums; each asked ten times.

    Plain facts and most pairs of numbers were read with direct answers: that is what looking up means. Sums
    of two digits look as simple but were seldom read: there are only 45, of which the train split has 30 and more.
    """
    model, tokenizer = load("mini-base")
    rng = random.Random("one step")
    kinds = {
        "facts": fact_problems(),
        "one step": list({problem.key: problem for problem in (one_step(rng) for _ in range(100))}.values()),
        "sums of 2": draw_problems("sums", 30, level=2, split="train"),
        "sums of 8": draw_problems("sums", problems, level=8, split="test"),
    }
    figures, comparisons = {}, {}
    for kind, asked in kinds.items():
        found = {way: sample_groups(model, tokenizer, asked, ask, samples=SAMPLES, seed=7) for way, ask in WAYS.items()}
        figures[kind] = {way: cost(several) for way, several in found.items()}
        tokens = [figures[kind][way]["tokens"].mean for way in WAYS]
        figures[kind]["times the tokens"] = tokens[1] / tokens[0]
        comparisons[f"{kind}: thinking against plain"] = paired_comparison(*(_shares(found[way]) for way in WAYS))
    looked_up = [comparisons[f"{kind}: thinking against plain"] for kind in ("facts", "one step")]
    return Findings(figures, comparisons, all(one.interval[1] <= MARGIN for one in looked_up))


def both_ways(model, tokenizer, family: str, level: int | None, problems: int) -> dict[str, list[Rollout]]:
    """The same test problems asked directly and with thinking forced, at temperature 1."""
    asked = draw_problems(family, problems, level=level, split="test")
    return {way: sample_rollouts(model, tokenizer, asked, ask, seed=7) for way, ask in WAYS.items()}


def cost(answered: Sequence[Sequence[Rollout]]) -> dict[str, Estimate]:
    """Share right and tokens a reply, of several replies to each problem; the unit is the problem."""
    tokens = [sum(one.tokens for one in several) / len(several) for several in answered]
    return {"accuracy": estimate(_shares(answered)), "tokens": estimate(tokens)}


def _shares(answered: Sequence[Sequence[Rollout]]) -> list[float]:
    return [accuracy(marks(several)).mean for several in answered]


def _of_count(answered: Sequence[Rollout], count: int) -> list[Rollout]:
    return [one for one in answered if one.problem.answer == str(count)]


def _of_level(answered: Sequence[Rollout], level: int) -> list[Rollout]:
    return [one for one in answered if one.problem.level == level]


EXPERIMENTS = (
    Experiment(
        "spelling",
        claim="Spelling a word first makes counting its letters possible (C1).",
        falsified_if="after equally many tokens, models that spell are not better on words never counted, seed by seed",
        run=spelling,
        seeds=5,
        threads=1,
        draw=draw_unseen_words,
        settings={"steps": LONG.steps},
    ),
    Experiment(
        "decimals",
        claim="9.11 against 9.8 goes wrong because the numbers are of unequal length, and padding cures it (C2).",
        falsified_if="plain errors are not mostly on unequal lengths, or thinking does not reduce them there",
        run=decimals,
        draw=partial(draw_problems, "decimals", split="test"),
    ),
    Experiment(
        "difficulty",
        claim="Thinking helps more, the more steps a problem has (C3).",
        falsified_if="the gain from thinking does not grow with the number of swaps, or of terms",
        run=difficulty,
        problems=250,
        draw=draw_lengths,
        settings={"fewer problems": {f"{family} of {level}": most for (family, level), most in FEW.items()}},
    ),
    Experiment(
        "overkill",
        claim="What can be looked up needs no thinking; thinking there only costs tokens (C7).",
        falsified_if=f"thinking may improve the facts, or one step of arithmetic, by more than {MARGIN:.0%}",
        run=overkill,
        problems=200,
        draw=partial(draw_problems, "sums", level=8, split="test"),
        settings={"samples": SAMPLES},
    ),
    *history.EXPERIMENTS,
)
