"""Reward functions: plain functions from a marked reply to a number. The verifier never asks how it came about.

Those of outcomes look at the answer; those of processes ask the oracle about every line of the thoughts. A reward that
scores many replies at once (a reward model) is wrapped in `Together`. Truncated replies are shown to none of them:
`GRPOConfig.truncation_reward` says what those get.
"""

import hashlib
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course._shapes import Float
from course.learn.monitoring import slips
from course.think.rollouts import Rollout, RolloutBatch
from course.think.search import Scorer

Reward = Callable[[Rollout], float]  # or a `Together`


@dataclass(frozen=True)
class Together:
    """A reward that scores all completions of a step at once, in one forward pass and not one each."""

    score: Scorer

    def __call__(self, one: Rollout) -> float:
        """The reward of one completion."""
        return self.score([one])[0]


def exact_answer(one: Rollout) -> float:
    """1 for the right answer, exactly and to the end; 0 for anything else, an empty answer included."""
    return float(one.right)


def closed_thoughts(one: Rollout) -> float:
    """1 if the reply opens its thoughts, closes them over some text, and answers; what it says does not count.

    Thoughts that the prompt opened (a forced `<think>`) are open.
    DeepSeek-R1-Zero's format reward (arXiv:2501.12948, section 2.2.2) asks for tags alone, too.
    """
    return float(one.reply.opened and bool(one.reply.reasoning) and one.reply.answer is not None)


def answer_and_format(one: Rollout) -> float:
    """The two above with equal weight, as R1-Zero was rewarded."""
    return exact_answer(one) + closed_thoughts(one)


def coin(one: Rollout) -> float:
    """1 or 0 by a coin: the control. The same reply to the same question gets the same side, so that runs repeat."""
    said = f"{one.problem.key}:{one.completion.token_ids}"
    return float(hashlib.blake2b(said.encode(), digest_size=1).digest()[0] % 2)


def right_steps(one: Rollout) -> float:
    """The share of lines that the oracle calls right; 0 without lines."""
    verdicts = one.verdicts
    return sum(verdicts) / len(verdicts) if verdicts else 0.0


def right_throughout(one: Rollout, forgive_mended: bool = True) -> float:
    """1 for the right answer under lines that are all right, and at least one; 0 for anything else.

    A wrong line that the next one mends ("wait", and right) is forgiven unless told otherwise: else a model would be
    taught to leave its slips alone.
    """
    wrong, mended = slips(one)
    return float(one.right and bool(one.verdicts) and wrong == (mended if forgive_mended else 0))


def summed_steps(one: Rollout) -> float:
    """The number of lines that the oracle calls right. Not to be used: the same try again, or "wait" and the same line
    again, is right as often as it is written, so that the longest reply earns most."""
    return float(sum(one.verdicts))


def soft_overlong(length: int, longest: int, margin: int) -> float:
    """DAPO's penalty for long replies (arXiv:2503.14476, equation 13): 0 until `margin` before `longest`, then to -1.

    Lengths in tokens. Raises ValueError for a margin that is not between 1 and `longest`.

    >>> soft_overlong(18432, 20480, 4096)
    -0.5
    """
    if not 1 <= margin <= longest:
        raise ValueError(f"the margin lies between 1 and the longest reply, {longest}: found {margin}")
    return -min(max(0.0, (length - (longest - margin)) / margin), 1.0)


def compute_rewards(rollouts: RolloutBatch, reward: Reward, truncation_reward: float) -> Float[Tensor, "P G"]:
    """The reward of every completion: of a truncated one `truncation_reward`.

    Raises ValueError for a reward that is no finite number, naming the completion, and for a `Together` that gives
    another number of rewards than it was given completions.
    """
    whole = [one for one in rollouts.rows if one.completion.finished]
    values = iter(_together(reward.score, whole) if isinstance(reward, Together) else map(reward, whole))
    found = [
        [next(values) if one.completion.finished else truncation_reward for one in group] for group in rollouts.groups
    ]
    for row, group in enumerate(found):
        for place, value in enumerate(group):
            if not isinstance(value, numbers.Real | np.bool_) and not (isinstance(value, Tensor) and value.ndim == 0):
                raise ValueError(f"{_which(row, place)}: its reward must be a number, found {value!r}")
    rewards = torch.tensor([[float(value) for value in group] for group in found])
    require_finite(rewards, "reward")
    return rewards


def _together(score: Scorer, whole: Sequence[Rollout]) -> Sequence[float]:
    """The rewards of all of these completions, from one call."""
    values = score(whole) if whole else []
    if len(values) != len(whole):
        raise ValueError(f"a reward gives one number a completion: found {len(values)} for {len(whole)}")
    return values


def require_finite(values: Float[Tensor, "P G"], name: str) -> None:
    """Check the numbers of all completions. Raises ValueError naming the first that is not finite."""
    for row, place in (~values.isfinite()).nonzero().tolist():
        raise ValueError(f"{_which(row, place)}: its {name} is {float(values[row, place])}, not a finite number")


def _which(row: int, place: int) -> str:
    return f"completion {place + 1} of problem {row + 1}"
