"""Are experts worth it, and do they need balancing? Small models with and without them, on the same tokens (chapter 3).

Seconds are those of one core: the processor's time of the training steps on one thread, without reading the texts that
the model is measured on.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial

import torch
from torch import nn

from course.chapters.moe import balancing, routing
from course.chapters.moe.reading import DENSE, EIGHT, LAST, NUMBERS, READING, SPEED, held_out, library, rows, violations
from course.chapters.moe.routing import Texts
from course.experiments import Experiment, Findings, by_arm, spread
from course.learn.pretraining import new_model
from course.learn.training import train
from course.model.accounting import count, sizes_of, training_flops
from course.model.moe import balance, expert_layers
from course.model.transformer import ModelConfig
from course.think.evaluation import Comparison, estimate, paired_comparison
from course.world import FAMILIES
from course.world.tokenizer import load_tokenizer

ARMS = {
    "dense, same active": DENSE,
    "dense, same total": replace(DENSE, intermediate_size=672),  # 3 x 672 = 288 + 2 x 9 x 96
    "experts": replace(DENSE, experts=EIGHT),
}
NAMED = "experts"  # the arm compared, named before anything ran
CHECKS = 8  # times in a run that it is measured

GROUPS = ("the five families", "facts and phone book")
HEADLINE = f"nats saved on {GROUPS[0]} by experts, against dense, same active"


def train_arm(arm: str, *, seed: int = 0, share: float = 1.0) -> tuple[nn.Module, Iterator[dict[str, float]]]:
    """A fresh model of an arm, and its training, which yields statistics step by step; `share` shortens it.

    Stop whenever you like: the model keeps what it has learned.
    """
    config = replace(READING, seed=seed, steps=max(10, round(share * READING.steps)))
    model = new_model(ARMS[arm], seed)
    batch = partial(rows, library, config)
    return model, train(model, batch, config, after_step=partial(balance, speed=SPEED))


def run_arm(arm: str, seed: int, problems: int) -> dict:
    """Train one arm and measure it several times on the way: a piece of the experiment."""
    tokenizer, texts = load_tokenizer(), held_out(problems, "test")
    model, steps = train_arm(arm, seed=seed)
    losses, seconds, start, spent = {}, {}, time.process_time(), 0.0
    loads = []
    for stats in steps:
        loads.append([layer.load for layer in expert_layers(model)])
        spent += time.process_time() - start
        if stats["step"] % (READING.steps // CHECKS) == 0:
            losses[stats["step"]] = routing.reply_losses(model, tokenizer, texts)
            seconds[stats["step"]] = spent
        start = time.process_time()
    found = {"losses": losses, "seconds": seconds, "MaxVio": violations(loads[-LAST:])}
    if expert_layers(model):
        found |= taken_apart(model, tokenizer, {name: texts[name][:40] for name in (*FAMILIES, "facts")})
    return found


def taken_apart(model: nn.Module, tokenizer, texts: Texts) -> dict:
    """How far experts specialize, and what is lost without one, layer by layer and expert by expert."""
    kinds = {"family": routing.by_family, "digit": routing.by_digit, "letter": routing.by_letter}
    shares = {name: routing.expert_load(model, tokenizer, texts, kind) for name, kind in kinds.items()}
    lost = routing.knock_out(model, tokenizer, texts)
    return {
        "busiest": {
            kind: [float(x) for x in torch.stack([*each.values()]).amax(-1).mean(0)] for kind, each in shares.items()
        },
        "knocked out": {f"layer {layer}, expert {expert}": each for (layer, expert), each in lost.items()},
    }


def experts(seeds: int, problems: int) -> Findings:
    """Every arm on the same tokens: losses by family, facts apart, against steps, active FLOPs and seconds."""
    jobs = [(arm, seed, problems) for seed in range(seeds) for arm in ARMS]
    runs = by_arm(spread("experts", run_arm, jobs))
    last = str(READING.steps)
    ends = {arm: [_with_means(one["losses"][last]) for one in several] for arm, several in runs.items()}
    others = [arm for arm in ARMS if arm != NAMED]
    comparisons = {
        f"nats saved on {kind} by experts, against {arm}": _saved(ends[NAMED], ends[arm], kind)
        for arm in others
        for kind in (*GROUPS, *ends[NAMED][0])
        if kind in ends[NAMED][0]
    }
    early = [_loss_at(mine, other["seconds"][last]) for mine, other in zip(runs[NAMED], runs[others[0]], strict=True)]
    comparisons |= {
        f"nats saved on {kind} by experts, against {others[0]}, in the same seconds": _saved(
            early, ends[others[0]], kind
        )
        for kind in GROUPS
    }
    figures = {
        "arms": {arm: _summed(ARMS[arm], several) for arm, several in runs.items()},
        "taken apart": [{what: one[what] for what in ("busiest", "knocked out", "MaxVio")} for one in runs[NAMED]],
    }
    return Findings(figures, comparisons, comparisons[HEADLINE].verdict == "better")


def _with_means(losses: Mapping[str, float]) -> dict[str, float]:
    apart = {name: loss for name, loss in losses.items() if name not in FAMILIES}
    means = (sum(losses[name] for name in FAMILIES) / len(FAMILIES), sum(apart.values()) / len(apart))
    return {**dict(zip(GROUPS, means, strict=True)), **losses}


def _saved(mine: Sequence[Mapping], other: Sequence[Mapping], kind: str) -> Comparison:
    return paired_comparison([one[kind] for one in mine], [one[kind] for one in other])


def _loss_at(run: Mapping, seconds: float) -> dict[str, float]:
    """A run's losses after so many seconds, on straight lines between the times it was measured."""
    times = list(run["seconds"].values())
    curves = [_with_means(losses) for losses in run["losses"].values()]
    after = next((place for place, spent in enumerate(times) if spent >= seconds), len(times) - 1)
    after = max(after, 1)
    share = min(1.0, (seconds - times[after - 1]) / (times[after] - times[after - 1]))
    return {
        kind: curves[after - 1][kind] + share * (curves[after][kind] - curves[after - 1][kind]) for kind in curves[0]
    }


def _summed(config: ModelConfig, runs: Sequence[Mapping]) -> dict:
    """An arm: its size, its cost, and its losses along the run with intervals over seeds."""
    steps = list(runs[0]["losses"])
    losses = {step: [_with_means(one["losses"][step]) for one in runs] for step in steps}
    return {
        **asdict(count(sizes_of(config))),
        "FLOPs a step": training_flops(config, READING.length) * READING.rows,
        "seconds a step": estimate([list(one["seconds"].values())[-1] / READING.steps for one in runs]),
        "losses": {
            kind: {step: estimate([one[kind] for one in several]) for step, several in losses.items()}
            for kind in losses[steps[0]][0]
        },
    }


EXPERIMENTS = (
    Experiment(
        "experts",
        claim="On the same tokens, a mixture of experts learns more than a dense model of the same active size (C25).",
        falsified_if="its loss on the five families is not lower after equally many steps, seed by seed",
        run=experts,
        seeds=3,
        problems=100,
        threads=1,
        settings={"steps": READING.steps, "tokens a step": READING.rows * READING.length, "phone book": NUMBERS},
    ),
    *balancing.EXPERIMENTS,
)
