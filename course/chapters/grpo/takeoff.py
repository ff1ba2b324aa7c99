"""When does reinforcement take off, and what does a loss do to lengths that do not matter? (chapter 6)"""

import random
from dataclasses import replace
from functools import partial

from course.chapters.grpo.zero import interval
from course.experiments import Experiment, Findings, by_arm, spread
from course.learn.grpo import GRPOConfig, grpo, training_problems
from course.learn.policy_gradient import constant_length, sequence_mean, token_mean
from course.learn.probes import length_trap, lengthening
from course.learn.sft import TrainingExample, imitation_loss, shuffled_batches
from course.learn.training import TrainingConfig, train
from course.model import load
from course.think.evaluation import mean, paired_comparison, shares
from course.think.rollouts import sample_groups
from course.world import FAMILIES, draw_problems
from course.world.conversation import exchange_ids
from course.world.problem import Problem, solve

HABITS = (0.0, 0.003, 0.01, 0.03, 0.1)  # of questions: worked out in what a start imitated
SOME = GRPOConfig(prompts=20, steps=60)  # cups and sums only, which cannot be guessed
IMITATING = TrainingConfig(steps=50, rows=8, length=320, learning_rate=5e-4, warmup=10)
SHOWN = 3000  # questions of each family in what is imitated
FAMILIES_TO_TAKE_OFF = ("cups", "sums")
TAKEN_OFF = 0.20  # above the start, in the mean of the last few steps
FEW = 4  # steps in that mean


def take_off(habit: float, seed: int, problems: int) -> dict:
    """Have `mini-base` imitate replies of which a share thinks, then reward it until it is right on 20 points more."""
    model, tokenizer = load("mini-base")
    config = replace(IMITATING, seed=seed)
    shown = shuffled_batches(replies_of_which_few_think(tokenizer, habit, seed), config.rows, config.length, seed)
    for _ in train(model, shown, config, loss=imitation_loss):
        pass
    asked = draw_families(problems, split="test")
    start = shares([one for several in sample_groups(model, tokenizer, asked, samples=8, seed=7) for one in several])
    curve: list[float] = []
    for stats in grpo(model, tokenizer, replace(SOME, seed=seed), problems=two_families):
        curve.append(stats["right"])
        if len(curve) >= FEW and mean(curve[-FEW:]) >= start["right"] + TAKEN_OFF:
            return {**start, "steps": stats["step"], "curve": curve}
    return {**start, "steps": None, "curve": curve}


def draw_families(problems: int, split: str) -> list[Problem]:
    """Problems of cups and of sums, as many of each."""
    return [one for family in FAMILIES_TO_TAKE_OFF for one in draw_problems(family, problems, split=split)]


def replies_of_which_few_think(tokenizer, habit: float, seed: int) -> list[TrainingExample]:
    """Questions of the train split, a share of them worked out and the rest answered directly."""
    rng = random.Random(f"habit:{habit}:{seed}")
    examples = []
    for family in FAMILIES_TO_TAKE_OFF:
        for problem in draw_problems(family, SHOWN, split="train", seed=seed):
            lines, answer = solve(FAMILIES[family], problem, rng)
            shown = lines if rng.random() < habit else None
            examples.append(TrainingExample(*exchange_ids(tokenizer, problem.question, answer, shown)))
    return examples


def two_families(config: GRPOConfig, step: int) -> list[Problem]:
    """Training problems of cups and sums."""
    return [
        one
        for one in training_problems(replace(config, prompts=config.prompts * 5 // 2), step)
        if one.family in FAMILIES_TO_TAKE_OFF
    ]


def takeoff(seeds: int, problems: int) -> Findings:
    """Steps to twenty points more, by how often the start thinks."""
    jobs = [(habit, seed, problems) for habit in HABITS for seed in range(seeds)]
    by_habit = by_arm(spread("takeoff", take_off, jobs))
    steps = {habit: [one["steps"] or SOME.steps + 1 for one in several] for habit, several in by_habit.items()}
    rare, common = HABITS[0], HABITS[-1]  # whatever has not taken off by the end counts as one step more
    comparison = paired_comparison(steps[common], steps[rare])
    figures = {
        str(habit): {
            "thinks": interval([one["thinks"] for one in several]),
            "right": interval([one["right"] for one in several]),
            "steps": [one["steps"] for one in several],
            "groups with signal": mean([signal(one["thinks"]) for one in several]),
            "curve": [one["curve"] for one in several],
        }
        for habit, several in by_habit.items()
    }
    what = f"steps to take off: thinking in {rare:.0%} of what was imitated against {common:.0%}"
    return Findings(figures, {what: comparison}, comparison.verdict == "better")


def signal(share: float, group: int = SOME.group_size) -> float:
    """The chance that a group holds both kinds of reply, if one kind has this share: 1 - p^G - (1 - p)^G."""
    return 1 - share**group - (1 - share) ** group


REDUCTIONS = {"sequence_mean": sequence_mean, "token_mean": token_mean, "constant": constant_length}
KINDS = ("right", "wrong")


def trapped(reduction: str, seed: int) -> dict:
    """The course of mean lengths where length is of no use, and how many times as long replies are at its end."""
    course = list(length_trap(REDUCTIONS[reduction], seed))
    return {kind: [one[kind] for one in course] for kind in KINDS} | {
        f"{kind}, times": lengthening(course, kind) for kind in KINDS
    }


def length(seeds: int, problems: int) -> Findings:
    """Lengths of right and of wrong replies under three reductions, where only the first letter decides."""
    jobs = [(reduction, seed) for reduction in REDUCTIONS for seed in range(seeds)]
    runs = by_arm(spread("length", trapped, jobs))
    times = {
        (name, kind): [one[f"{kind}, times"] for one in several] for name, several in runs.items() for kind in KINDS
    }
    same = [1.0] * seeds
    comparisons = {
        f"{name}: {kind} replies, times as long as at first": paired_comparison(same, times[name, kind])
        for name in REDUCTIONS
        for kind in KINDS
    }
    biased = "wrong replies, times as long: sequence_mean against constant"
    comparisons[biased] = paired_comparison(times["constant", "wrong"], times["sequence_mean", "wrong"])
    grown = comparisons["sequence_mean: wrong replies, times as long as at first"].verdict == "better"
    return Findings(runs, comparisons, grown and comparisons[biased].verdict == "better")


EXPERIMENTS = (
    Experiment(
        "length",
        claim="Where length is of no use, the loss that counts every reply alike makes wrong ones longer, and one that "
        "counts every token alike does not (C14).",
        falsified_if="wrong replies do not grow under sequence_mean, or no more than under constant",
        run=length,
        seeds=5,
        problems=None,
        threads=1,
        settings={"task": "the length trap of course.learn.probes"},
    ),
    Experiment(
        "takeoff",
        claim="Reward finds thinking the sooner, the oftener the model thinks before (C15).",
        falsified_if="a start that seldom thinks gains twenty points in no more steps than one that thinks often",
        run=takeoff,
        seeds=3,
        problems=200,
        threads=1,
        draw=partial(draw_families, split="test"),
        settings={"steps": SOME.steps},
    ),
)
