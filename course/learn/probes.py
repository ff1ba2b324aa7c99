"""Five probes of a reinforcement loop: tasks so small that only one thing can be wrong when one of them fails.

Each runs the loop of `course.learn.grpo` itself, in about a second, on a tiny network and a task of its own, and says
what must happen and where to look if it does not. They come in order: a probe trusts what the ones before it tested.
What is passed on (`advantage=`, `loss=`, `reduction=`) is what is under test.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from torch import nn

from course.learn.grpo import GRPOConfig, grpo
from course.learn.policy_gradient import Reduction, token_mean
from course.learn.pretraining import new_model
from course.learn.sft import TrainingExample, imitation_loss, shuffled_batches
from course.learn.training import TrainingConfig, train
from course.model.transformer import ModelConfig
from course.think.evaluation import mean
from course.think.rollouts import Rollout
from course.world import Problem

TINY = ModelConfig(vocab_size=6, hidden_size=16, layers=1, heads=2, kv_heads=1, intermediate_size=32, context=128)
STEP = GRPOConfig(steps=40, prompts=8, group_size=16, max_new_tokens=64, learning_rate=1e-3)
READING = TrainingConfig(steps=150, rows=8, length=96, learning_rate=2e-2, warmup=10)
RIGHT, ENDS = 0.25, 0.15  # how often the babbler begins right, and ends after a letter: its base rate and its hazard


class SymbolTokenizer:
    """A tokenizer of six symbols, a token each: `$` is the end, `?`, `a` and `b` begin, `x` and `y` fill."""

    symbols, eos_token_id = "$?abxy", 0

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        """The number of each symbol."""
        return [self.symbols.index(one) for one in text]

    def batch_decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """The symbols of each row."""
        return ["".join(self.symbols[number] for number in row) for row in rows]


@dataclass(frozen=True)
class Probe:
    """A tiny task, the one number that is followed, and what it means."""

    course: Callable[..., Iterator[float]]  # from a seed and pieces of the loop: the number after each step
    must: str  # what has to happen
    passes: Callable[[Sequence[float]], bool]  # whether it did
    look: str  # where to look if it did not


@dataclass(frozen=True, repr=False)
class Probed:
    """What came of a probe."""

    name: str
    course: tuple[float, ...]
    passed: bool
    probe: Probe

    def __str__(self) -> str:
        end = "as it must" if self.passed else f"FAILED. Look at {self.probe.look}"
        return f"{self.name}: {self.probe.must}: {self.course[0]:.2f} to {self.course[-1]:.2f}, {end}"

    __repr__ = __str__


def probe(name: str, seed: int = 0, **pieces) -> Probed:
    """Run a probe, with other pieces of the loop if they are given. Raises ValueError for a name there is not."""
    if name not in PROBES:
        raise ValueError(f"no probe {name!r}: choose one of {', '.join(PROBES)}")
    course = tuple(PROBES[name].course(seed, **pieces))
    return Probed(name, course, PROBES[name].passes(course), PROBES[name])


def run(model: nn.Module, prompts: str, reward: Callable[[Rollout], float], config: GRPOConfig, **pieces):
    """The real loop on a task of single symbols: the prompts in turn, a reward, and nothing of the world."""
    asked = [Problem("probe", 1, prompts[n % len(prompts)], "", (), f"probe:{n}") for n in range(config.prompts)]
    own = {"problems": lambda config, step: asked, "ask": str, "watch": lambda groups: {}}
    return grpo(model, SymbolTokenizer(), config, reward=reward, **{**own, **pieces})


# --- the probes -----------------------------------------------------------------------------------------------------


def constant_reward(seed: int, **pieces) -> Iterator[float]:
    """Every completion gets the same reward, so there is nothing to learn: how far the weights moved."""
    model, config = new_model(TINY, seed), replace(STEP, steps=5, max_new_tokens=8, truncation_reward=1.0, seed=seed)
    before = [weight.detach().clone() for weight in model.parameters()]
    for _ in run(model, "?", lambda one: 1.0, config, **pieces):
        pairs = zip(model.parameters(), before, strict=True)
        yield math.hypot(*(float((now.detach() - then).norm()) for now, then in pairs))


def one_token(seed: int, **pieces) -> Iterator[float]:
    """There is room for one token, and it is rewarded if it is the end: the share that is."""
    config = replace(STEP, max_new_tokens=1, learning_rate=3e-2, seed=seed)
    for stats in run(new_model(TINY, seed), "?", lambda one: 1.0, config, **pieces):
        yield stats["reward"]


def depends_on_prompt(seed: int, **pieces) -> Iterator[float]:
    """To `a` say `x` and end, to `b` say `y`; without reading the prompt, half at most is right: the share rewarded."""
    config = replace(STEP, max_new_tokens=2, learning_rate=3e-2, seed=seed)
    for stats in run(new_model(TINY, seed), "ab", fits_prompt, config, **pieces):
        yield stats["reward"]


def delayed_reward(seed: int, **pieces) -> Iterator[float]:
    """The first letter decides, and the reward comes after all the others: the share rewarded."""
    for stats in run(babbler(seed), "?", begins_right, replace(STEP, learning_rate=3e-3, seed=seed), **pieces):
        yield stats["reward"]


def length_trap(reduction: Reduction, seed: int, steps: int = STEP.steps, **pieces) -> Iterator[dict[str, float]]:
    """Length is of no use, the first letter decides: `step`, and mean tokens of `right` and of `wrong` replies.

    Let h be the chance to end after a letter. Of a reply of L tokens, ending pulls the log-odds of h by 1 - h and each
    letter that went on by -h, so the pull of a whole reply is 1 - hL and zero on average. If each token counts alike, h
    stays. If a reply counts alike, each pull is divided by L, and E[(1 - hL) / L] = E[1/L] - h > 0 (Jensen): right
    replies get shorter and wrong ones longer, though neither is rewarded. It takes a model that can tell.
    """
    config = replace(STEP, steps=steps, prompts=16, seed=seed)
    for stats in run(babbler(seed), "?", begins_right, config, reduction=reduction, **pieces):
        rows = stats["rollouts"].rows
        lengths = {"right": [one.tokens for one in rows if begins_right(one)]}
        lengths["wrong"] = [one.tokens for one in rows if not begins_right(one)]
        yield {"step": stats["step"], **{kind: mean(several) for kind, several in lengths.items()}}


def lengthening(course: Sequence[dict[str, float]], kind: str, steps: int = 5) -> float:
    """How many times as long replies of a kind (`right`, `wrong`) are over the last steps as they were at the first.

    The first is drawn before anything is learned. Not a number if there were none.
    """
    return mean([one[kind] for one in course[-steps:] if one[kind] == one[kind]]) / course[0][kind]


def wrong_lengths(seed: int, reduction: Reduction = token_mean, **pieces) -> Iterator[float]:
    """The length trap as a probe: the mean length of wrong replies."""
    for one in length_trap(reduction, seed, **pieces):
        yield one["wrong"]


def begins_right(one: Rollout) -> float:
    """1 for a reply that begins with `a`, else 0."""
    return float(one.completion.text.startswith("a"))


def fits_prompt(one: Rollout) -> float:
    """1 for the reply `x` to `a` and `y` to `b`, else 0."""
    return float(one.completion.text == {"a": "x", "b": "y"}[one.problem.question])


def babbler(seed: int) -> nn.Module:
    """A tiny network that has read babble: `a` and x's, or `b` and y's three times as often, both equally long.

    Lengths are geometric, so when it ends says nothing.
    """
    rng, examples = random.Random(seed), []
    for _ in range(2000):
        first, fill = ("a", "x") if rng.random() < RIGHT else ("b", "y")
        text = first + fill
        while rng.random() > ENDS and len(text) < READING.length - 2:
            text += fill
        examples.append(TrainingExample((1,), (*SymbolTokenizer().encode(text), 0)))
    model, config = new_model(TINY, seed), replace(READING, seed=seed)
    for _ in train(model, shuffled_batches(examples, config.rows, config.length, seed), config, loss=imitation_loss):
        pass
    return model


PROBES = {
    "constant reward": Probe(
        constant_reward,
        "equal rewards move no weight",
        lambda course: course[-1] == 0,
        "the advantage: nothing is taken off the reward, or it is divided by a spread of zero",
    ),
    "one-token bandit": Probe(
        one_token,
        "the rewarded token becomes more likely",
        lambda course: course[-1] > 0.9,
        "the loss: its sign if the share falls, whether a gradient arrives at all if it stays",
    ),
    "prompt-dependent token": Probe(
        depends_on_prompt,
        "the reply comes to depend on the prompt",
        lambda course: course[-1] > 0.9,
        "what the model is shown (prompts, padding), and whether prompts, replies and rewards stand in one order",
    ),
    "delayed reward": Probe(
        delayed_reward,
        "the first token learns from the reward at the end",
        lambda course: course[-1] > 0.9,
        "the mask, and how the advantage is spread: does it reach every token of the reply?",
    ),
    "length trap": Probe(
        wrong_lengths,
        "wrong replies stay as long as they were",
        lambda course: mean(course[-5:]) < 1.8 * course[0],
        "the reduction: a token of a long reply counts less than one of a short reply",
    ),
}
