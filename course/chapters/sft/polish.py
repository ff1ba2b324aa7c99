"""Few solutions and many answers: imitate, reinforce, or one after the other, for the same FLOPs (chapter 4, C23)."""

from collections import deque
from collections.abc import Iterator
from functools import partial

from course.chapters.sft.learners import READ, READER, ask
from course.experiments import Experiment, Findings, by_arm, spread
from course.learn.budget import BudgetedStudent, imitate, reinforce
from course.learn.distillation import worked_solutions
from course.learn.grpo import GRPOConfig
from course.learn.training import step_seed
from course.model import load
from course.think.evaluation import estimate, paired_comparison
from course.world import FAMILIES, Problem, draw_problems

SOLUTIONS = 300  # worked out; answers there are for every train problem
FLOPS = 1.6e12  # of the student, sampling counted
RATES = {"imitation": 3e-3, "reward": 1e-4}
LONGER = {"standard": None, "11": 11, "12": 12}  # levels of cups and sums
IMITATION, REWARD, BOTH = "imitation", "reward", "imitation, then reward"
ARMS = (IMITATION, REWARD, BOTH)


def imitation(learner: BudgetedStudent, until: float = 1.0) -> Iterator[dict[str, float]]:
    """The few solutions, again and again."""
    each = SOLUTIONS // len(READ)
    drawn = [one for family in READ for one in draw_problems(family, each, split="train", seed=learner.seed)]
    learner.rate = RATES[IMITATION]
    yield from imitate(learner, worked_solutions(learner.tokenizer, drawn), until=until)


def reward(learner: BudgetedStudent) -> Iterator[dict[str, float]]:
    """GRPO on other problems at every step, rewarded for right answers."""
    config = GRPOConfig(10_000, prompts=30, learning_rate=RATES[REWARD], seed=1000 + learner.seed)
    yield from reinforce(learner, config, problems)


def problems(config: GRPOConfig, step: int) -> list[Problem]:
    """Train problems of the standard levels, the families alike."""
    each, seed = config.prompts // len(READ), step_seed(config.seed, step)
    return [one for family in READ for one in draw_problems(family, each, split="train", seed=seed)]


def run_arm(arm: str, seed: int, asked: int) -> dict:
    """A fresh student spends its budget in one way, and is asked: a piece of the experiment."""
    model, tokenizer = load(READER)
    learner = BudgetedStudent(model, tokenizer, RATES[IMITATION], seed, FLOPS)
    if arm != REWARD:
        deque(imitation(learner, 1.0 if arm == IMITATION else 0.5), maxlen=0)
    if arm != IMITATION:
        deque(reward(learner), maxlen=0)
    return {"flops": learner.spent["student"] / 1e12, **measure(model, tokenizer, asked)}


def measure(model, tokenizer, asked: int, split: str = "test") -> dict:
    """The share right at the standard levels and at longer ones: greedily, and at temperature 1."""
    return {
        way: {
            name: ask(model, tokenizer, asked, split, temperature=temperature, level=level)
            for name, level in LONGER.items()
        }
        for way, temperature in (("greedy", 0.0), ("temperature 1", 1.0))
    }


def polish(seeds: int, asked: int) -> Findings:
    """Each arm, at the standard levels and at longer ones that nobody has read."""
    runs = by_arm(spread("polish", run_arm, [(arm, seed, asked) for seed in range(seeds) for arm in ARMS]))
    figures: dict = {"before": measure(*load(READER), asked)}
    for arm, several in runs.items():
        figures[arm] = {
            "FLOPs": estimate([one["flops"] for one in several]),
            **{
                way: {
                    name: {family: estimate([one[way][name][family] for one in several]) for family in READ}
                    for name in LONGER
                }
                for way in ("greedy", "temperature 1")
            },
        }
    comparisons = {}
    for where, names in (("standard levels", ("standard",)), ("longer chains", ("11", "12"))):
        sides = {arm: [_mean(one["greedy"], names) for one in several] for arm, several in runs.items()}
        for other in (IMITATION, REWARD):
            comparisons[f"{where}: {BOTH} against {other}"] = paired_comparison(sides[other], sides[BOTH])
    holds = all(
        comparisons[f"longer chains: {BOTH} against {other}"].verdict == "better" for other in (IMITATION, REWARD)
    )
    return Findings(figures, comparisons, holds)


def _mean(right: dict[str, dict[str, float]], names: tuple[str, ...]) -> float:
    """The mean over levels and families."""
    shares = [right[name][family] for name in names for family in READ]
    return sum(shares) / len(shares)


EXPERIMENTS = (
    Experiment(
        "polish",
        claim="Imitation first and reward after it beats either alone, on longer chains too (C23).",
        falsified_if="for the same FLOPs, imitation and then reward is not better on longer chains than imitation "
        "alone, or than reward alone",
        run=polish,
        seeds=3,
        problems=100,
        threads=1,
        draw=partial(draw_problems, "sums", split="test", level=FAMILIES["sums"].unseen_levels[0]),
        settings={"FLOPs": FLOPS, "solutions": SOLUTIONS, "learning rates": RATES},
    ),
)
