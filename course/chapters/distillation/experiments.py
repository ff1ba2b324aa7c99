"""A student taught in nine ways, others of four sizes, and the one that ships (chapter 9)."""

from collections import deque
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import partial

from torch import nn

from course.chapters.distillation.arms import ARMS, BUDGET, GRPO, QUESTIONS, STUDENT, TEACHER, BudgetedStudent
from course.experiments import Experiment, Findings, by_arm, spread
from course.learn.pretraining import RECIPES, new_model, rows
from course.learn.training import TrainingConfig, train
from course.model import load
from course.model.accounting import count, sizes_of, training_flops
from course.model.transformer import ModelConfig, parameter_count
from course.think.evaluation import accuracy, estimate, marks, paired_comparison, profile, shares
from course.think.rollouts import Rollout, sample_rollouts
from course.world import FAMILIES, draw_problems
from course.world.corpus import Mixture

NAMED = "traces"  # the arm compared, named before anything ran
USUAL_RATES = (1.5e-3, 3e-3, 6e-3)  # tried on dev
RATES = {GRPO: (1e-4, 3e-4, 1e-3)}  # as many
TRIAL, TRIAL_BUDGET, DEV = 99, 1e12, 100  # the seed of a trial, its compute budget, and its problems of each family

SIZES = {  # by width and layers
    "32 x 1": ModelConfig(hidden_size=32, layers=1, heads=1, kv_heads=1, intermediate_size=88),
    "48 x 2": ModelConfig(hidden_size=48, layers=2, heads=2, kv_heads=1, intermediate_size=128),
    "72 x 3": RECIPES[STUDENT].model,
    "96 x 3": ModelConfig(hidden_size=96, layers=3, heads=4, kv_heads=2, intermediate_size=256),
}
SHORT_AND_LONG = ("answers only", "traces")
READING, EXAMPLE_TOKENS, EXAMPLE_RATE = 800, 1.5e6, 1.5e-3  # steps on the small web; the same for every size


def run_arm(arm: str, seed: int, rate: float, budget: float, problems: int, split: str) -> dict:
    """Teach a fresh student by one arm, and ask it: a piece of the experiment."""
    student, tokenizer = load(STUDENT)
    learner = BudgetedStudent(student, tokenizer, rate, seed, budget)
    steps = sum(1 for _ in ARMS[arm](learner))
    return {**measure(student, tokenizer, problems, split), "steps": steps, "flops": learner.spent}


def watched(arm: str, learner: BudgetedStudent, checks: int = 10, problems: int = 40) -> Iterator[dict[str, float]]:
    """Teach a student by one arm; yield at each tenth of its compute budget how it does on dev, from nothing spent.

    Stop whenever you like: the student keeps what it has learned.
    """
    yield {"share": 0.0, **measure(learner.student, learner.tokenizer, problems, "dev")}
    asked = share = 0.0
    for stats in ARMS[arm](learner):
        share = stats["flops"] / learner.budget
        if share >= asked + 1 / checks and share < 1 - 0.5 / checks:
            asked = share
            yield {"share": share, **measure(learner.student, learner.tokenizer, problems, "dev")}
    yield {"share": share, **measure(learner.student, learner.tokenizer, problems, "dev")}


def measure(model: nn.Module, tokenizer, problems: int, split: str) -> dict:
    """Asked directly at temperature 1: accuracy by family and its mean, the share that thinks, tokens per reply."""
    asked = {name: draw_problems(name, problems, split=split) for name in FAMILIES}
    found = {name: sample_rollouts(model.eval(), tokenizer, several, seed=7) for name, several in asked.items()}
    every = [one for several in found.values() for one in several]
    families, overall = {name: accuracy(marks(several)).mean for name, several in found.items()}, shares(every)
    return {
        "families": families,
        "accuracy": sum(families.values()) / len(families),
        "thinks": overall["thinks"],
        "tokens": overall["tokens"],
    }


def distillation(seeds: int, problems: int) -> Findings:
    """Every arm: its learning rate chosen on dev, then five seeds on test."""
    trials = {arm: RATES.get(arm, USUAL_RATES) for arm in ARMS}
    jobs = [(arm, TRIAL, rate, TRIAL_BUDGET, DEV, "dev") for arm, rates in trials.items() for rate in rates]
    tried = {job[:3]: one["accuracy"] for job, one in spread("distillation", run_arm, jobs).items()}
    rates = {arm: max(trials[arm], key=lambda rate: tried[arm, TRIAL, rate]) for arm in ARMS}
    jobs = [(arm, seed, rates[arm], BUDGET, problems, "test") for seed in range(seeds) for arm in ARMS]
    runs = by_arm(spread("distillation", run_arm, jobs))
    figures = {
        "arms": {arm: {**summed(several), "rate": rates[arm]} for arm, several in runs.items()},
        "trials on dev": {arm: {rate: tried[arm, TRIAL, rate] for rate in trials[arm]} for arm in ARMS},
        "by seed": {arm: [one["accuracy"] for one in several] for arm, several in runs.items()},
        "before": measure(*load(STUDENT), problems, "test"),
        "teacher": measure(*load(TEACHER), problems, "test"),
    }
    sides = figures["by seed"]
    comparisons = {
        f"{NAMED} against {arm}": paired_comparison(sides[arm], sides[NAMED]) for arm in ARMS if arm != NAMED
    }
    comparisons["expert iteration against GRPO"] = paired_comparison(sides[GRPO], sides["expert iteration"])
    against_grpo, against_answers = (comparisons[f"{NAMED} against {arm}"] for arm in (GRPO, "answers only"))
    holds = against_grpo.verdict == "better" and against_grpo.difference >= 0.10 and against_answers.difference >= 0.15
    return Findings(figures, comparisons, holds)


def summed(several: Sequence[dict]) -> dict:
    """The runs of an arm: each figure's mean over seeds with its interval."""
    return {
        "families": {name: estimate([one["families"][name] for one in several]) for name in FAMILIES},
        **{what: estimate([one[what] for one in several]) for what in ("accuracy", "thinks", "tokens", "steps")},
        "flops": {who: estimate([one["flops"][who] / 1e12 for one in several]) for who in ("student", "teacher")},
    }


def kept(seeds: int, problems: int) -> Findings:
    """The student that ships beside its teacher and beside what it was, on the same test problems."""
    names = (TEACHER, "mini-distill", STUDENT)
    found: dict[str, dict[str, list[Rollout]]] = {}
    figures: dict[str, dict] = {}
    for name in names:
        model, tokenizer = load(name)
        asked = {family: draw_problems(family, problems, split="test") for family in FAMILIES}
        found[name] = {family: sample_rollouts(model, tokenizer, several, seed=7) for family, several in asked.items()}
        every = [one for several in found[name].values() for one in several]
        figures[name] = {
            "families": {family: accuracy(marks(several)) for family, several in found[name].items()},
            **profile(every),
            "active parameters": count(sizes_of(model.config)).active,
        }
    sides = {name: [mark for several in found[name].values() for mark in marks(several)] for name in names}
    comparisons = {
        f"mini-distill against {name}": paired_comparison(sides[name], sides["mini-distill"])
        for name in (TEACHER, STUDENT)
    }
    small, large = figures["mini-distill"], figures[TEACHER]
    share = small["accuracy"].mean / large["accuracy"].mean
    size = small["active parameters"] / large["active parameters"]
    figures["share kept"], figures["share of the size"] = share, size
    return Findings(figures, comparisons, share >= 0.9 and size <= 0.25)


def sizes(seeds: int, problems: int) -> Findings:
    """Students of four sizes, each taught by the same teacher's traces and by answers alone."""
    jobs = [(name, seed, problems) for seed in range(seeds) for name in SIZES]
    found = by_arm(spread("sizes", teach_size, jobs))
    figures = {
        name: {
            "parameters": several[0]["parameters"],
            **{arm: estimate([one[arm]["accuracy"] for one in several]) for arm in ("before", *SHORT_AND_LONG)},
            "thinks": estimate([one["traces"]["thinks"] for one in several]),
        }
        for name, several in found.items()
    }
    comparisons = {
        name: paired_comparison(*([one[arm]["accuracy"] for one in found[name]] for arm in SHORT_AND_LONG))
        for name in SIZES
    }
    smallest, largest = comparisons[next(iter(SIZES))], comparisons[next(reversed(SIZES))]
    return Findings(figures, comparisons, smallest.verdict != "better" and largest.verdict == "better")


def teach_size(name: str, seed: int, problems: int) -> dict:
    """Read the small web with a model of this size, then learn either way from there: a piece of the experiment."""
    config = TrainingConfig(READING, learning_rate=5e-3, seed=seed)
    reader = new_model(SIZES[name], seed)
    deque(train(reader, partial(rows, Mixture(), config), config), maxlen=0)
    tokenizer = load(TEACHER)[1]
    found: dict = {"parameters": parameter_count(reader), "before": measure(reader, tokenizer, problems, "test")}
    for arm in SHORT_AND_LONG:
        student = deepcopy(reader)
        learner = BudgetedStudent(
            student, tokenizer, EXAMPLE_RATE, seed, budget=EXAMPLE_TOKENS * training_flops(student.config, 100) / 100
        )
        deque(ARMS[arm](learner), maxlen=0)
        found[arm] = measure(student, tokenizer, problems, "test")
    return found


EXPERIMENTS = (
    Experiment(
        "distillation",
        claim="A small model learns more from a large one's traces than from reinforcement of its own (C22).",
        falsified_if="at equal FLOPs of the student, traces that end right are not better than GRPO on it by at least "
        "10 points, or not above answers alone by at least 15",
        run=distillation,
        seeds=5,
        problems=300,
        threads=1,
        settings={
            "FLOPs": BUDGET,
            "questions": len(FAMILIES) * QUESTIONS,
            "trials of a rate": len(USUAL_RATES),
            "FLOPs of a trial": TRIAL_BUDGET,
        },
    ),
    Experiment(
        "sizes",
        claim="A student can be too small for its teacher's thoughts (the learnability gap).",
        falsified_if="the teacher's traces beat answers alone at the smallest size, or do not at the largest",
        run=sizes,
        seeds=3,
        problems=200,
        threads=1,
        settings={
            "steps on the small web": READING,
            "tokens of training examples": EXAMPLE_TOKENS,
            "learning rate": EXAMPLE_RATE,
        },
    ),
    Experiment(
        "kept",
        claim="A student of a quarter of the size keeps nine tenths of what its teacher gets right (C22).",
        falsified_if="mini-distill has over a quarter of mini-zero's active parameters, or gets under 90 % of its mean",
        run=kept,
        problems=500,
    ),
)
