"""How noisy is a policy gradient? The same prompts drawn again and again, and how far apart the gradients lie."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course._shapes import Float
from course.learn.grpo import GRPOConfig, sample_batch, scoring
from course.learn.policy_gradient import accumulate_gradients
from course.learn.rewards import Reward, compute_rewards, exact_answer
from course.think.rollouts import RolloutBatch
from course.world import Problem


@dataclass(frozen=True, repr=False)
class GradientNoise:
    """How large the mean of independently drawn gradients is, and how far they scatter around it."""

    signal: float  # squared length of the mean gradient, without what noise adds to it; may fall below 0 by chance
    noise: float  # mean squared distance from the mean gradient: the variances of all weights' gradients, added

    @property
    def noise_scale(self) -> float:
        """The gradient noise scale, in batches: how many of these it takes until their mean's noise equals the signal.

        tr(covariance) / |mean gradient|^2, the simple noise scale of McCandlish and others (2018, arXiv:1812.06162,
        equation 2.9). They count in training examples: multiply by the completions of a batch.
        """
        return self.noise / self.signal if self.signal > 0 else float("inf")

    def __str__(self) -> str:
        return f"signal {self.signal:.2g}, noise {self.noise:.2g}, noise scale {self.noise_scale:.2g}"

    __repr__ = __str__


def noise_of(gradients: Float[Tensor, "N W"]) -> GradientNoise:
    """Noise and signal of N gradients that were drawn independently. Raises ValueError for fewer than two."""
    if len(gradients) < 2:
        raise ValueError("noise needs at least two gradients: draw more")
    noise = float(gradients.var(dim=0).sum())
    return GradientNoise(float(gradients.mean(dim=0).square().sum()) - noise / len(gradients), noise)


def draws(
    model: nn.Module,
    tokenizer,
    problems: Sequence[Problem],
    config: GRPOConfig,
    number: int,
    reward: Reward = exact_answer,
) -> Iterator[tuple[RolloutBatch, Float[Tensor, "P G"]]]:
    """The same prompts answered `number` times by the same model: rollouts and rewards of each time."""
    for step in range(number):
        rollouts = sample_batch(model, tokenizer, problems, config, step)
        yield rollouts, compute_rewards(rollouts, reward, config.truncation_reward)


def gradient(
    model: nn.Module, rollouts: RolloutBatch, advantages: Float[Tensor, "P G"], config: GRPOConfig, **pieces
) -> Float[Tensor, "W"]:
    """The gradient of a batch as one vector; the model stays as it is. `pieces` are those of `accumulate_gradients`."""
    model.zero_grad()
    accumulate_gradients(model, rollouts, advantages, **scoring(config), **pieces)
    weights = list(model.parameters())
    found = torch.cat([torch.zeros_like(one).flatten() if one.grad is None else one.grad.flatten() for one in weights])
    model.zero_grad()
    return found


def compared(
    model: nn.Module,
    drawn: Sequence[tuple[RolloutBatch, Float[Tensor, "P G"]]],
    advantages: Mapping[str, Callable[[Tensor], Tensor]],
    config: GRPOConfig,
    **pieces,
) -> dict[str, GradientNoise]:
    """The noise of several ways to make advantages of rewards, on the very same draws."""
    return {
        name: noise_of(
            torch.stack([gradient(model, rollouts, way(rewards), config, **pieces) for rollouts, rewards in drawn])
        )
        for name, way in advantages.items()
    }
