"""What a reward alone teaches (chapter 6): four arms from `mini-base`, what they change, and when it takes off.

The arms of `zero` differ in what is rewarded: right answers, thoughts that are closed (whatever they say), a coin. The
arm *reading* rewards nothing and reads on in the small web for as many FLOPs as the first arm took, its sampling
counted. All five seeds of an arm start from the same weights, and the last step counts.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from course.experiments import Experiment, Findings, spread
from course.learn.grpo import GRPOConfig, grpo
from course.learn.monitoring import slips
from course.learn.pretraining import round_to_half, rows
from course.learn.rewards import closed_thoughts, coin, exact_answer
from course.learn.training import TrainingConfig, train
from course.model import load
from course.model.accounting import sampling_flops, training_flops
from course.think.evaluation import Estimate, estimate, mean, paired_comparison, pass_at_k, shares
from course.think.prompting import direct, force_thinking
from course.think.rollouts import Rollout, RolloutBatch, sample_groups, sample_rollouts
from course.world import FAMILIES, draw_problems
from course.world.corpus import Mixture
from course.world.facts import fact_problems

CONFIG = GRPOConfig()
REWARDS = {"reward": exact_answer, "format": closed_thoughts, "coin": coin}  # an arm each; `reading` is the fourth
READING_RATE = 3e-4  # the best of 3e-4, 1e-3 and 3e-3 on dev: .38 right after 200 steps, against .37 and .32
SEVERAL = 256  # samples of each of PROBED problems of these families, for pass@k
COVERED, PROBED = ("countdown",), 40
UNSEEN = 200  # problems of each level that was never trained on
CHANCES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CURVE = (
    *("right", "thinks", "length", "length_rewarded", "length_unrewarded"),
    *("zero_variance", "entropy", "unfinished", "reward"),
)
POINTS = 0.05  # what rewarding by a coin may gain


# --- one run -----------------------------------------------------------------------------------------------------


def reinforced(arm: str, seed: int, problems: int) -> dict:
    """One arm with one seed: its curves, its FLOPs, and what the model does afterwards."""
    model, tokenizer = load("mini-base")
    curve: dict[str, list[float]] = {name: [] for name in (*CURVE, *FAMILIES)}
    spent = 0.0
    for stats in grpo(model, tokenizer, replace(CONFIG, seed=seed), reward=REWARDS[arm]):
        spent += step_flops(model, stats["rollouts"], stats["rewards"])
        for name, values in curve.items():
            values.append(stats[name])
    return {
        "curve": curve,
        "flops": spent,
        **examined(round_to_half(model), tokenizer, problems, thorough=arm == "reward"),
    }


def step_flops(model: nn.Module, rollouts: RolloutBatch, rewards: torch.Tensor) -> float:
    """FLOPs of one step: each prompt read once, replies drawn, and a gradient for groups that do not agree."""
    total = 0.0
    for ids, group, reward in zip(rollouts.prompt_ids, rollouts.groups, rewards, strict=True):
        total += sampling_flops(model.config, len(ids), [one.tokens for one in group])
        if (reward != reward[0]).any():
            total += sum(training_flops(model.config, len(ids) + one.tokens) for one in group)
    return total


def read_on(seed: int, flops: float, problems: int) -> dict:
    """The control that reads on: as many FLOPs of the small web as the arm `reward` of this seed took."""
    model, tokenizer = load("mini-base")
    config = reading(flops / training_flops(model.config, TrainingConfig.length) / TrainingConfig.rows, seed)
    for _ in train(model, partial(rows, Mixture(), config), config):
        pass
    return {"steps": config.steps, **examined(round_to_half(model), tokenizer, problems)}


def reading(steps: float, seed: int) -> TrainingConfig:
    """Reading on for so many steps, at least one, in texts that pretraining has not shown."""
    return TrainingConfig(steps=max(1, round(steps)), learning_rate=READING_RATE, warmup=20, seed=1000 + seed)


def examined(model: nn.Module, tokenizer, problems: int, *, thorough: bool = False, ask=direct) -> dict:
    """What a model does on the test split, asked directly at temperature 1; `thorough` adds the rest of the figures."""
    asked = {family: draw_problems(family, problems, split="test") for family in FAMILIES}
    found = {family: sample_rollouts(model, tokenizer, several, ask, seed=7) for family, several in asked.items()}
    figures = {"plain": {family: counted(several) for family, several in found.items()}}
    facts = fact_problems()
    figures["facts"] = shares(
        [one for several in sample_groups(model, tokenizer, facts, ask, samples=5, seed=7) for one in several]
    )
    if thorough:
        settings = {"temperature": 0, "seed": 7}
        greedy = {
            family: sample_rollouts(model, tokenizer, several, ask, **settings) for family, several in asked.items()
        }
        figures["greedy"] = {family: shares(several) for family, several in greedy.items()}
        longer = [(name, level) for name, family in FAMILIES.items() for level in family.unseen_levels]
        figures["never trained on"] = {
            f"{name} {level}": shares(
                sample_rollouts(model, tokenizer, draw_problems(name, UNSEEN, level=level, split="test"), ask, seed=7)
            )
            for name, level in longer
        }
        figures["coverage"] = {family: covered(model, tokenizer, family, ask) for family in COVERED}
    return figures


def counted(answered: Sequence[Rollout]) -> dict[str, float]:
    """`shares`, and what becomes of slips: made, mended, and lines that say wait behind a right one."""
    made, mended = (sum(counts) for counts in zip(*map(slips, answered), strict=True))
    waits = sum((one.reply.reasoning or "").lower().count("\nwait") for one in answered)
    right, wrong = ([one.tokens for one in answered if one.right is kind] for kind in (True, False))
    lengths = {"tokens if right": mean(right), "tokens if wrong": mean(wrong)}
    return {**shares(answered), **lengths, "slips": made, "mended": mended, "waits": waits}


def covered(model: nn.Module, tokenizer, family: str, ask=direct) -> list[int]:
    """How many of `SEVERAL` samples are right, for each of the first `PROBED` problems."""
    problems = draw_problems(family, PROBED, split="test")
    drawn = sample_groups(model, tokenizer, problems, ask, samples=SEVERAL, seed=11)
    return [sum(one.right for one in several) for several in drawn]


def from_the_start(way: str, problems: int) -> dict:
    """`mini-base` before any of this, asked directly or with thinking forced."""
    ask = {"plain": direct, "forced": force_thinking}[way]
    return examined(*load("mini-base"), problems, thorough=True, ask=ask)


# --- the main experiment ----------------------------------------------------------------------------------------------


def piece(arm: str, seed: int, problems: int, flops: float = 0.0) -> dict:
    """One piece of `zero`: a run of an arm, or `mini-base` as it was."""
    if arm in REWARDS:
        return reinforced(arm, seed, problems)
    return read_on(seed, flops, problems) if arm == "reading" else from_the_start(arm, problems)


def zero(seeds: int, problems: int) -> Findings:
    """Four arms from `mini-base`, `mini-base` itself, and what may be said of the differences."""
    starts = [(way, 0, problems) for way in ("plain", "forced")]
    arms = [(arm, seed, problems) for seed in range(seeds) for arm in REWARDS]
    found = spread("zero", piece, [*arms, *starts])
    equal = {seed: found["reward", seed, problems]["flops"] for seed in range(seeds)}
    read = spread("zero", piece, [("reading", seed, problems, equal[seed]) for seed in range(seeds)])
    runs = {arm: [found[arm, seed, problems] for seed in range(seeds)] for arm in REWARDS}
    runs["reading"] = list(read.values())
    before, forced = (found[start] for start in starts)
    comparisons = compared(runs, before, forced)
    claims = surviving(runs, before, forced, comparisons)
    figures = {
        "before": before,
        "before, thinking forced": forced,
        "after": {arm: summed(several) for arm, several in runs.items()},
        "by seed": {arm: [one["plain"] for one in several] for arm, several in runs.items()},
        "curves": {arm: [one["curve"] for one in runs[arm]] for arm in REWARDS},
        "FLOPs": [one["flops"] for one in runs["reward"]],
        "steps of reading": [one["steps"] for one in runs["reading"]],
        "coverage": coverage(runs["reward"], before, forced),
    }
    return Findings(figures, comparisons, all(claims.values()), claims)


def compared(runs: dict[str, list[dict]], before: dict, forced: dict) -> dict:
    """Every comparison of `zero`, seed by seed; `mini-base` is the same for all seeds."""
    gains = {arm: [overall(one) - overall(before) for one in several] for arm, several in runs.items()}
    nothing = [0.0] * len(gains["reward"])
    comparisons = {
        f"{arm}: right, after against before": paired_comparison(nothing, gain) for arm, gain in gains.items()
    }
    for arm in ("coin", "format", "reading"):
        comparisons[f"right: reward against {arm}"] = paired_comparison(gains[arm], gains["reward"])
    for what in ("thinks", "tokens"):
        first = overall(before, what)
        comparisons[f"reward: {what}, after against before"] = paired_comparison(
            nothing, [overall(one, what) - first for one in runs["reward"]]
        )
    mends = [mending(one) - mending(forced) for one in runs["reward"]]
    comparisons["reward: share of slips mended, after against thinking forced before"] = paired_comparison(
        nothing, mends
    )
    for k in (1, SEVERAL):
        for family in COVERED:
            start = chance(before["coverage"][family], k)
            comparisons[f"{family}: pass@{k}, after against before"] = paired_comparison(
                nothing, [chance(one["coverage"][family], k) - start for one in runs["reward"]]
            )
    return comparisons


def surviving(runs: dict[str, list[dict]], before: dict, forced: dict, comparisons: dict) -> dict[str, bool]:
    """Which claims survived; what would prove each wrong stands in `EXPERIMENTS`."""
    better = {what: one.verdict == "better" for what, one in comparisons.items()}
    right = better["reward: right, after against before"]
    mended = "reward: share of slips mended, after against thinking forced before"
    lost = [comparisons[f"{family}: pass@{SEVERAL}, after against before"].verdict == "worse" for family in COVERED]
    return {
        "C6": right and better["reward: thinks, after against before"],
        "C8": better[mended],
        "C13": all(better[f"right: reward against {arm}"] for arm in ("coin", "reading"))
        and comparisons["coin: right, after against before"].difference < POINTS,
        "C14": right and better["reward: tokens, after against before"],
        "C16": all(better[f"{family}: pass@1, after against before"] for family in COVERED) and any(lost),
    }


def overall(figures: dict, what: str = "right") -> float:
    """The mean over the five families."""
    return mean([figures["plain"][family][what] for family in FAMILIES])


def mending(figures: dict) -> float:
    """The share of slips that the next line mends, over all families."""
    slips, mended = (sum(figures["plain"][family][what] for family in FAMILIES) for what in ("slips", "mended"))
    return mended / slips if slips else 0.0


def chance(right: Sequence[int], k: int) -> float:
    """pass@k over the problems of a family."""
    return mean([pass_at_k(SEVERAL, count, k) for count in right])


def coverage(after: Sequence[dict], before: dict, forced: dict) -> dict:
    """pass@k by k before and after, and what became of the problems that no sample solved before."""
    return {
        family: {
            "before": {k: chance(before["coverage"][family], k) for k in CHANCES},
            "before, thinking forced": {k: chance(forced["coverage"][family], k) for k in CHANCES},
            "after": {k: interval([chance(one["coverage"][family], k) for one in after]) for k in CHANCES},
            "never solved before": before["coverage"][family].count(0),
            "of these solved after": interval(
                [sum(map(newly_solved, before["coverage"][family], one["coverage"][family])) for one in after]
            ),
        }
        for family in COVERED
    }


def newly_solved(then: int, now: int) -> bool:
    """Whether no sample was right then, and one is now."""
    return then == 0 < now


def summed(several: Sequence[dict]) -> dict:
    """Each figure of an arm over its seeds, with an interval."""
    kinds = [kind for kind in ("plain", "greedy", "never trained on") if kind in several[0]]
    figures = {
        kind: {
            family: {
                what: interval([one[kind][family][what] for one in several]) for what in ("right", "thinks", "tokens")
            }
            for family in several[0][kind]
        }
        for kind in kinds
    }
    figures["facts"] = {
        what: interval([one["facts"][what] for one in several]) for what in ("right", "thinks", "tokens")
    }
    figures["all"] = {what: interval([overall(one, what) for one in several]) for what in ("right", "thinks", "tokens")}
    return figures


def interval(values: Sequence[float]) -> Estimate:
    """Mean and 95 % interval over seeds; of a single seed, the value alone."""
    return estimate(values) if len(values) > 1 else Estimate(values[0], (values[0], values[0]), 1)


EXPERIMENTS = (
    Experiment(
        "zero",
        claim="Rewarded for right answers alone, the model comes to think by default (C6), gains more than its "
        "controls do (C13), writes longer because that is rewarded (C14) and mends its slips (C8); mostly it sharpens "
        "what it had (C16).",
        falsified_if="C6: it does not think on more prompts, or is not right on more; C8: it does not mend more of its "
        "slips than with thinking forced before; C13: it gains no more than by a coin or by equal reading, or the coin "
        f"gains {POINTS:.0%}; C14: its replies do not get longer; C16: pass@1 does not rise or pass@{SEVERAL} not fall",
        run=zero,
        seeds=5,
        threads=1,
        settings={"samples": SEVERAL, "probed": PROBED, "steps": CONFIG.steps},
    ),
)
