"""Do experts need balancing? The same skewed data without it, with an auxiliary loss, with bias updates (chapter 3)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from course.chapters.moe import routing
from course.chapters.moe.reading import DENSE, EIGHT, LAST, READING, SPEED, held_out, rows, violations
from course.experiments import Experiment, Findings, by_arm, spread
from course.learn.pretraining import new_model
from course.learn.training import next_token_loss, train
from course.model.moe import balance, expert_layers, load_balancing_loss, load_entropy
from course.think.evaluation import paired_comparison
from course.world.corpus import Mixture, documents
from course.world.tokenizer import load_tokenizer

SIXTEEN = replace(DENSE, experts=replace(EIGHT, count=16))
SKEWED = Mixture(  # nearly all cups: few tokens that differ
    examples=0, spelling=0, arithmetic=0, versions=0, facts=0, weights=(0.05, 0.05, 0.05, 4.8, 0.05)
)
SHORT = replace(READING, steps=400)


def loss_with_balance(model: nn.Module, rows: Tensor, weight: float = 0.01) -> Tensor:
    """The next-token loss plus Switch's balancing loss of every expert layer, times its weight."""
    layers = expert_layers(model)
    for layer in layers:
        layer.router.watched = True
    loss = next_token_loss(model, rows)
    return loss + weight * sum(load_balancing_loss(layer.router.logits, layer.chosen) for layer in layers)


def leave_alone(model: nn.Module) -> None:
    """No balancing at all."""


WAYS: dict[str, tuple[Callable, Callable]] = {  # what goes down, and what is done after a step
    "no balancing": (next_token_loss, leave_alone),
    "auxiliary loss": (loss_with_balance, leave_alone),
    "bias updates": (next_token_loss, partial(balance, speed=SPEED)),
}


def train_skewed(way: str, *, seed: int = 0, share: float = 1.0) -> tuple[nn.Module, Iterator[dict[str, float]]]:
    """A fresh model of sixteen experts a layer, and its training on nearly nothing but cups, balanced in one way."""
    config = replace(SHORT, seed=seed, steps=max(10, round(share * SHORT.steps)))
    model = new_model(SIXTEEN, seed)
    loss, after = WAYS[way]
    batch = partial(rows, partial(documents, SKEWED), config)
    return model, train(model, batch, config, loss=loss, after_step=after)


def run_way(way: str, seed: int, problems: int) -> dict:
    """Train with one way of balancing: a piece of the experiment."""
    model, steps = train_skewed(way, seed=seed)
    loads = [[layer.load for layer in expert_layers(model)] for _ in steps]
    summed = [torch.stack(several).sum(0) for several in zip(*loads[-LAST:], strict=True)]
    return {
        "MaxVio": violations(loads[-LAST:]),
        "entropy": [load_entropy(load) for load in summed],
        "loss": routing.reply_losses(model, load_tokenizer(), {"cups": held_out(problems, "test")["cups"]})["cups"],
    }


def balancing(seeds: int, problems: int) -> Findings:
    """The same skewed data with no balancing, with an auxiliary loss, and with bias updates."""
    jobs = [(way, seed, problems) for seed in range(seeds) for way in WAYS]
    runs = by_arm(spread("balancing", run_way, jobs))
    worst = {
        way: {how: [max(one["MaxVio"][how]) for one in several] for how in several[0]["MaxVio"]}
        for way, several in runs.items()
    }
    alone, *balanced = WAYS  # named before anything ran: bias updates against no balancing
    together = {way: found["of all batches"] for way, found in worst.items()}
    comparisons = {
        f"MaxVio saved by {way}, against {alone}": paired_comparison(together[way], together[alone]) for way in balanced
    }
    losses = {way: [one["loss"] for one in several] for way, several in runs.items()}
    comparisons |= {
        f"nats saved by {way}, against {alone}": paired_comparison(losses[way], losses[alone]) for way in balanced
    }
    collapsed, even = min(together[alone]) > 1.5, max(together["bias updates"]) < 0.3
    figures = {"by seed": runs, "MaxVio of the worst layer": worst, "loss on cups": losses}
    return Findings(figures, comparisons, collapsed and even)


EXPERIMENTS = (
    Experiment(
        "balancing",
        claim="Without balancing a few experts do the work; a bias that is nudged spreads it, without a loss (C26).",
        falsified_if="over the last 50 batches taken together no layer without balancing has a MaxVio above 1.5, or "
        "with bias updates one has 0.3 or more, in any seed",
        run=balancing,
        seeds=3,
        problems=100,
        threads=1,
        settings={"steps": SHORT.steps, "tokens a step": SHORT.rows * SHORT.length, "bias speed": SPEED},
    ),
)
