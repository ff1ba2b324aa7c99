"""Are experts worth it, and do they need balancing? Small models with and without them, on the same tokens (chapter 3).

Seconds are those of one core: the processor's time of the training steps on one thread, without reading the texts that
the model is measured on. Losses are of replies that were never read, worked out or, for facts, answered straight off.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial

import torch
from torch import Tensor, nn

from course.chapters.moe import routing
from course.chapters.moe.routing import Texts
from course.experiments import Experiment, Findings, by_arm, spread
from course.learn.pretraining import new_model, pack
from course.learn.training import TrainingConfig, next_token_loss, train
from course.model.accounting import count, sizes_of, training_flops
from course.model.moe import Experts, balance, expert_layers, load_balancing_loss, load_entropy, max_violation
from course.model.transformer import ModelConfig
from course.think.evaluation import Comparison, estimate, paired_comparison
from course.world import FAMILIES, draw_problems
from course.world.conversation import exchange, prompt_and_reply
from course.world.corpus import Mixture, documents
from course.world.facts import fact_problems
from course.world.letters import words
from course.world.problem import solve
from course.world.tokenizer import load_tokenizer

DENSE = ModelConfig(hidden_size=96, layers=3, heads=3, kv_heads=1, intermediate_size=288)
EIGHT = Experts(count=8, per_token=2, intermediate_size=96, shared=1)  # three of 96 make 288: the same active size
ARMS = {
    "dense, same active": DENSE,
    "dense, same total": replace(DENSE, intermediate_size=672),  # 3 x 672 = 288 + 2 x 9 x 96
    "experts": replace(DENSE, experts=EIGHT),
}
NAMED = "experts"  # the arm compared, named before anything ran
READING = TrainingConfig(steps=800, rows=10, length=256)
SPEED = 5e-3  # of a bias, a step: five times DeepSeek-V3's, since these runs are short
NUMBERS = 300  # entries of the phone book
SHARE = 0.3  # of documents: one of its entries
CHECKS = 8  # times in a run that it is measured

GROUPS = ("the five families", "facts and phone book")
HEADLINE = f"nats saved on {GROUPS[0]} by experts, against dense, same active"

SIXTEEN = replace(DENSE, experts=replace(EIGHT, count=16))
SKEWED = Mixture(  # nearly all cups: few tokens that differ
    examples=0, spelling=0, arithmetic=0, versions=0, facts=0, weights=(0.05, 0.05, 0.05, 4.8, 0.05)
)
SHORT = replace(READING, steps=400)
LAST = 50  # batches whose load counts


def phone_book(entries: int = NUMBERS) -> list[tuple[str, str]]:
    """Words and the numbers of three digits that were drawn for them: nothing to work out, only to know.

    >>> phone_book(1)
    [('momentous', '018')]
    """
    rng = random.Random("phone book")
    return [(word, f"{rng.randrange(1000):03}") for word in rng.sample(words(), entries)]


def lookup(word: str) -> str:
    """The question for a number."""
    return f"What is the number of {word}?"


def library(seed: str) -> Iterator[str]:
    """The small web with the phone book's entries in between."""
    rng, web, book = random.Random(f"library:{seed}"), documents(Mixture(), seed), phone_book()
    while True:
        word, number = rng.choice(book)
        yield exchange(lookup(word), number) if rng.random() < SHARE else next(web)


def held_out(problems: int, split: str = "dev") -> Texts:
    """Questions with their replies by family: worked solutions of a split, then facts and phone numbers apart.

    Facts and numbers have no splits: they can only be known from having been read.
    """
    texts = {}
    for name, family in FAMILIES.items():
        asked = draw_problems(name, problems, split=split)
        solved = ((one, *solve(family, one, random.Random(one.key))) for one in asked)
        texts[name] = [prompt_and_reply(one.question, answer, lines) for one, lines, answer in solved]
    texts["facts"] = [prompt_and_reply(one.question, one.answer) for one in fact_problems()]
    texts["phone book"] = [prompt_and_reply(lookup(word), number) for word, number in phone_book()]
    return texts


def lessons(arm: str, *, seed: int = 0, share: float = 1.0) -> tuple[nn.Module, Iterator[dict[str, float]]]:
    """A fresh model of an arm, and its reading, which yields statistics step by step; `share` shortens it.

    Stop whenever you like: the model keeps what it has learnt.
    """
    config = replace(READING, seed=seed, steps=max(10, round(share * READING.steps)))
    model = new_model(ARMS[arm], seed)
    batch = partial(_rows, library, config)
    return model, train(model, batch, config, after_step=partial(balance, speed=SPEED))


def _rows(texts: Callable[[str], Iterator[str]], config: TrainingConfig, step: int) -> Tensor:
    return pack(texts(f"{config.seed}:{step}"), config.rows, config.length)


def run_arm(arm: str, seed: int, problems: int) -> dict:
    """Train one arm and measure it several times on the way: a piece of the experiment."""
    tokenizer, texts = load_tokenizer(), held_out(problems, "test")
    model, steps = lessons(arm, seed=seed)
    losses, seconds, start, spent = {}, {}, time.process_time(), 0.0
    loads = []
    for stats in steps:
        loads.append([layer.load for layer in expert_layers(model)])
        spent += time.process_time() - start
        if stats["step"] % (READING.steps // CHECKS) == 0:
            losses[stats["step"]] = routing.reply_losses(model, tokenizer, texts)
            seconds[stats["step"]] = spent
        start = time.process_time()
    found = {"losses": losses, "seconds": seconds, "MaxVio": _violations(loads[-LAST:])}
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


def _violations(loads: Sequence[Sequence[Tensor]]) -> dict[str, list[float]]:
    """MaxVio of each expert layer: the mean over batches, and of all batches taken together."""
    layers = list(zip(*loads, strict=True))
    return {
        "mean of batches": [sum(map(max_violation, several)) / len(several) for several in layers],
        "of all batches": [max_violation(torch.stack(several).sum(0)) for several in layers],
    }


# --- balancing ----------------------------------------------------------------------------------------------------


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


def skewed_lessons(way: str, *, seed: int = 0, share: float = 1.0) -> tuple[nn.Module, Iterator[dict[str, float]]]:
    """A fresh model of sixteen experts a layer, and its reading of nearly nothing but cups, balanced in one way."""
    config = replace(SHORT, seed=seed, steps=max(10, round(share * SHORT.steps)))
    model = new_model(SIXTEEN, seed)
    loss, after = WAYS[way]
    batch = partial(_rows, partial(documents, SKEWED), config)
    return model, train(model, batch, config, loss=loss, after_step=after)


def run_way(way: str, seed: int, problems: int) -> dict:
    """Train with one way of balancing: a piece of the experiment."""
    model, steps = skewed_lessons(way, seed=seed)
    loads = [[layer.load for layer in expert_layers(model)] for _ in steps]
    summed = [torch.stack(several).sum(0) for several in zip(*loads[-LAST:], strict=True)]
    return {
        "MaxVio": _violations(loads[-LAST:]),
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
        "experts",
        claim="On the same tokens, a mixture of experts learns more than a dense model of the same active size (C25).",
        falsified_if="its loss on the five families is not lower after equally many steps, seed by seed",
        run=experts,
        seeds=3,
        problems=100,
        settings={"steps": READING.steps, "tokens a step": READING.rows * READING.length, "phone book": NUMBERS},
    ),
    Experiment(
        "balancing",
        claim="Without balancing a few experts do the work; a bias that is nudged spreads it, without a loss (C26).",
        falsified_if="over the last 50 batches taken together no layer without balancing has a MaxVio above 1.5, or "
        "with bias updates one has 0.3 or more, in any seed",
        run=balancing,
        seeds=3,
        problems=100,
        settings={"steps": SHORT.steps, "tokens a step": SHORT.rows * SHORT.length, "bias speed": SPEED},
    ),
)
