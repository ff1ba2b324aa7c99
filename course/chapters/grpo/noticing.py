"""Does it notice? (chapter 6) Shell games of three models, rewarded for right answers alone.

`web` is `mini-base`, in whose web slips are rare and seldom mended. `read` has read on, solutions written in haste with
their slips mended. `marked` has read as much, makes as many slips, and has marked some (`mini-careful`, other seeds).
What counts is what follows a model's own steps, by the oracle: a slip it notices is one it does again at once.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from torch import nn

from course.chapters.grpo.zero import interval, step_flops
from course.experiments import Experiment, Findings, by_arm, spread
from course.learn import curriculum
from course.learn.curriculum import STAGES, Stage, stage_batch
from course.learn.grpo import GRPOConfig, grpo
from course.learn.monitoring import Noticing, noticing
from course.learn.pretraining import round_to_half
from course.learn.rewards import Reward, coin, exact_answer
from course.learn.sft import imitation_loss
from course.learn.training import step_seed, train
from course.model import load
from course.model.accounting import training_flops
from course.think.evaluation import mean, paired_comparison, shares
from course.think.prompting import force_thinking
from course.think.rollouts import Rollout, sample_rollouts
from course.world import FAMILIES, draw_problems
from course.world.answers import steps
from course.world.problem import WAIT, Problem

STARTS = ("web", "read", "marked")
CONFIG = GRPOConfig(steps=40, max_new_tokens=200)
FAMILY = curriculum.FAMILY
CURVE = ("slips", "noticed", "mended", "false_alarms")
PLACES = ("at random", "the first wrong one")
POINTS = 0.25  # by how much the share of slips that are mended is to rise
TIMES = 3  # how many times as often wrong steps are to be done again as right ones, before any reward


def shell_games(config: GRPOConfig, step: int) -> list[Problem]:
    """The problems of a step: of cups alone, from the train split."""
    return draw_problems(FAMILY, config.prompts, split="train", seed=step_seed(config.seed, step))


def start(kind: str, seed: int) -> tuple[nn.Module, object]:
    """A model before it is rewarded, and the tokenizer."""
    model, tokenizer = load("mini-base")
    if kind != "web":
        stages = STAGES if kind == "marked" else reading_alone()
        educate(model, stages, seed)
    return round_to_half(model), tokenizer


def reading_alone() -> tuple[Stage, ...]:
    """The stages without marking: as many steps, the first of them as the third."""
    return tuple(
        replace(stage, marking=0, mixture=stage.mixture if stage.mixture.haste else STAGES[1].mixture)
        for stage in STAGES
    )


def educate(model: nn.Module, stages: Sequence[Stage], seed: int, steps: int | None = None) -> None:
    """Train a model on stages, in place."""
    config = replace(curriculum.CONFIG, seed=seed, steps=steps or sum(stage.steps for stage in stages))
    for _ in train(model, partial(stage_batch, config, stages=stages), config, loss=imitation_loss):
        pass


def reinforced(model: nn.Module, tokenizer, seed: int, problems: int, reward: Reward = exact_answer) -> dict:
    """Reward a model for its shell games, in place: curves, FLOPs, and what it does afterwards."""
    curve: dict[str, list[float | None]] = {"right": [], **{what: [] for what in CURVE}}
    spent = 0.0
    for stats in grpo(
        model, tokenizer, replace(CONFIG, seed=seed), reward=reward, problems=shell_games, ask=force_thinking
    ):
        spent += step_flops(model, stats["rollouts"], stats["rewards"])
        curve["right"].append(stats["right"])
        for what, value in noticing(stats["rollouts"].rows).figures.items():
            curve[what].append(None if math.isnan(value) else value)
    return {"curve": curve, "flops": spent, **examined(round_to_half(model), tokenizer, problems)}


def examined(model: nn.Module, tokenizer, problems: int) -> dict:
    """What a model does with shell games of the test split, thinking forced, at temperature 1 and greedily."""
    asked = draw_problems(FAMILY, problems, split="test")
    settings = {"max_new_tokens": CONFIG.max_new_tokens, "seed": 7}
    found = sample_rollouts(model, tokenizer, asked, force_thinking, **settings)
    greedy = sample_rollouts(model, tokenizer, asked, force_thinking, temperature=0, **settings)
    return {
        **shares(found),
        "greedy": shares(greedy)["right"],
        "steps": vars(noticing(found)),
        "another try": {place: another_try(model, tokenizer, found, place) for place in PLACES},
    }


def another_try(model: nn.Module, tokenizer, found: Sequence[Rollout], place: str) -> float:
    """The share right if each reply is cut behind one of its steps, "wait" is put there and the model goes on.

    Behind a step at random: what any second try is worth. Behind the first wrong step by the oracle: what it would be
    worth to notice that (Tyen et al. 2024). Replies without such a step stay as they are.
    """
    rng, again, kept = random.Random(8), [], []
    for one in found:
        lines = steps(one.reply.reasoning)
        wrong = [at for at, right in enumerate(FAMILIES[FAMILY].check_steps(one.problem, lines)) if not right]
        choices = [rng.randrange(len(lines))] if lines and place == "at random" else wrong[:1]
        if choices:
            again.append((one.problem, "".join(f"{line}\n" for line in lines[: choices[0] + 1]) + WAIT))
        else:
            kept.append(one.right)
    begun = {problem.question: text for problem, text in again}
    tried = sample_rollouts(
        model,
        tokenizer,
        [problem for problem, _ in again],
        lambda question: force_thinking(question) + begun[question],
        max_new_tokens=CONFIG.max_new_tokens,
        seed=8,
    )
    return mean([*kept, *(one.right for one in tried)])


def piece(kind: str, seed: int, problems: int) -> dict:
    """One start with one seed: before, and after reward; for `marked` also after a coin, and after reading on."""
    model, tokenizer = start(kind, seed)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    found = {"before": examined(model, tokenizer, problems)}
    found["reward"] = reinforced(model, tokenizer, seed, problems)
    if kind == "marked":
        model.load_state_dict(weights)
        found["coin"] = reinforced(model, tokenizer, seed, problems, coin)
        model.load_state_dict(weights)
        row = training_flops(model.config, curriculum.CONFIG.length) * curriculum.CONFIG.rows
        educate(model, STAGES[-1:], seed + 1000, steps=max(1, round(found["reward"]["flops"] / row)))
        found["reading"] = examined(round_to_half(model), tokenizer, problems)
    return found


def compared(seeds: int, problems: int) -> Findings:
    """Three starts, rewarded, and two controls from the one that marked."""
    runs = by_arm(spread("noticing", piece, [(kind, seed, problems) for seed in range(seeds) for kind in STARTS]))
    comparisons = {
        f"{kind}: {what}, after {arm} against before": paired_comparison(
            [share(one["before"], what) for one in several], [share(one[arm], what) for one in several]
        )
        for kind, several in runs.items()
        for arm in several[0]
        if arm != "before"
        for what in ("right", *CURVE)
    }
    figures = {
        kind: {arm: over_seeds([one[arm] for one in several]) for arm in several[0]} for kind, several in runs.items()
    }
    figures["curves"] = {kind: [one["reward"]["curve"] for one in several] for kind, several in runs.items()}
    figures["curves"]["marked, coin"] = [one["coin"]["curve"] for one in runs["marked"]]
    holds = surviving(runs["marked"], comparisons)
    return Findings(figures, comparisons, holds, {"C8": holds})


def surviving(marked: Sequence[dict], comparisons: dict) -> bool:
    """Whether slips are noticed before reward, and mended more often after it and not after a coin."""
    notices = all(share(one["before"], "noticed") >= TIMES * share(one["before"], "false_alarms") for one in marked)
    mended, by_coin = (comparisons[f"marked: mended, after {arm} against before"] for arm in ("reward", "coin"))
    return notices and mended.verdict == "better" and mended.difference >= POINTS and by_coin.verdict != "better"


def over_seeds(several: Sequence[dict]) -> dict:
    """Each figure of `examined` over the seeds, with an interval."""
    figures = {what: interval([share(one, what) for one in several]) for what in ("right", "greedy", "tokens", *CURVE)}
    tries = {place: interval([one["another try"][place] for one in several]) for place in PLACES}
    return {**figures, **{f"right, wait behind a step: {place}": found for place, found in tries.items()}}


def share(counted: dict, what: str) -> float:
    """A figure of `examined`, or one of `Noticing` from the steps counted there: 0 where there is nothing to share."""
    if what in counted:
        return counted[what]
    found = Noticing(**counted["steps"]).figures[what]
    return 0.0 if math.isnan(found) else found


EXPERIMENTS = (
    Experiment(
        "noticing",
        claim="A model that notices slips of its own comes to mend more of them when nothing but right answers is "
        "rewarded (C8).",
        falsified_if=f"C8: before reward wrong steps are not done again {TIMES} times as often as right ones on every "
        f"seed, or the share of slips that are mended does not rise by {POINTS:.0%}, or rises by a coin as well",
        run=compared,
        seeds=5,
        problems=1000,
        threads=1,
        draw=lambda problems: draw_problems(FAMILY, problems, split="test"),
        settings={"steps": CONFIG.steps, "stages": [stage.steps for stage in STAGES]},
    ),
)
