"""What the clinic's runs learn: two tiny tasks of single symbols, and families of questions for `mini-base`.

Each function runs the real loop, `course.learn.grpo.grpo`, on one task; a broken piece is passed in as an argument.
"""

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

from torch import nn

from course.learn.grpo import GRPOConfig, grpo
from course.learn.policy_gradient import sequence_mean
from course.learn.pretraining import new_model
from course.learn.probes import STEP, TINY, babbler, begins_right, fits_prompt, run
from course.learn.training import step_seed
from course.model import Completion, load
from course.model.transformer import Transformer
from course.presets import Preset
from course.think.evaluation import mean
from course.think.rollouts import Rollout, read_reply
from course.world import Problem, draw_problems

SAYS = {"a": "x", "b": "y"}  # what the right reply says to each prompt
BABBLE = replace(STEP, steps=30, prompts=16, learning_rate=2e-3)
SMALL = GRPOConfig(steps=12, prompts=10)  # steps of `mini-base` that take a second or less


def two_prompts(seed: int, *, steps: int = 30, rate: float = 3e-2, iterations: int = 1, **pieces) -> Iterator[dict]:
    """To `a` say `x` and end, to `b` say `y` and end: an untrained network, right one time in 36 at first.

    `right` is the share of replies that fit their prompt, whatever is rewarded.
    """
    config = replace(STEP, steps=steps, max_new_tokens=2, learning_rate=rate, iterations=iterations, seed=seed)
    pieces = {"reward": fits_prompt, "watch": shares_right, **pieces}
    return run(new_model(TINY, seed), "ab", config=config, **pieces)


def shares_right(groups: list[list[Rollout]]) -> dict[str, float]:
    """The share of replies that fit their prompt."""
    return {"right": mean([fits_prompt(one) for group in groups for one in group])}


def babble(seed: int, *, kind: type[Transformer] = Transformer, kl: float = 0.0, **pieces) -> Iterator[dict]:
    """Replies that begin with `a` earn the reward, whatever their length: a network that has read babble.

    `kind` is the class of the network; `kl` weighs a KL term that keeps it close to its start.
    """
    model = kind(TINY).eval()
    model.load_state_dict(_babbler(seed).state_dict())
    reference = copy.deepcopy(model) if kl else None
    config = replace(BABBLE, kl=kl, seed=seed)
    return run(model, "?", begins_right, config, reference=reference, **pieces)


@functools.cache
def _babbler(seed: int) -> nn.Module:
    return babbler(seed)  # two seconds of reading, the same for every case


def ask_mini(
    seed: int, dial: Preset, family: str, level: int | None = None, *, kl: float = 0.0, **pieces
) -> Iterator[dict]:
    """`mini-base` reinforced on one family of problems, with every reply counting equally, as in GRPO's paper."""
    model, tokenizer = load("mini-base")
    config = replace(SMALL, steps=steps_of(dial, SMALL.steps), kl=kl, seed=seed)
    reference = load("mini-base")[0] if kl else None

    def problems(config: GRPOConfig, step: int) -> list[Problem]:
        seed = step_seed(config.seed, step)
        return draw_problems(family, config.prompts, level=level, split="train", seed=seed)

    pieces = {"reduction": sequence_mean, **pieces}
    return grpo(model, tokenizer, config, problems=problems, reference=reference, **pieces)


def steps_of(dial: Preset, steps: int) -> int:
    """How many steps of a run of `mini-base` the preset allows: two at least."""
    return max(2, round(steps * dial.steps))


def as_if_sampled(problem: Problem, text: str, ask: Callable[[str], str]) -> Rollout:
    """A reply that somebody wrote, as a reward would see it had a model written it behind this prompt."""
    completion = Completion(text, token_ids=[], logprobs=[], finished=True)
    return Rollout(problem, read_reply(ask(problem.question), completion), completion)
