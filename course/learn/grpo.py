"""Group relative policy optimization: sample a group of completions for each question, and raise the
probability of those that beat the group's mean.

DeepSeekMath (arXiv:2402.03300, equations 3 and 4), the method behind DeepSeek-R1-Zero. One step: draw problems, sample
a group of completions for each, reward them, compare each with its group, move the weights. Every piece is a function
that is passed in, and a variant (Dr. GRPO, DAPO, RLOO, REINFORCE) is other functions in the same loop.

Departures from DeepSeekMath:
1. No KL term unless `kl` asks for one, which was found not to matter (DAPO, Dr. GRPO); its estimator is passed in.
2. The mean is over all tokens of a batch and not per completion first: `sequence_mean` is the paper's.
3. Log-probs of sampling are kept and not computed again, since scoring here reproduces them.
4. Zero-variance groups (all rewards equal) are counted in the mean, but nothing is computed for them.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from course.learn.monitoring import run_statistics, world_statistics
from course.learn.policy_gradient import (
    Estimator,
    Loss,
    Reduction,
    accumulate_gradients,
    clipped_loss,
    group_advantages,
    k2,
    token_mean,
)
from course.learn.progress import Progress
from course.learn.rewards import Reward, compute_rewards, exact_answer, require_finite
from course.learn.settings import between, finite, whole
from course.learn.training import LARGEST, naming_step, step_seed, stop_unless_finite
from course.think.prompting import direct
from course.think.rollouts import Rollout, RolloutBatch, sample_groups
from course.world import FAMILIES, Problem, draw_problems
from course.world.tokenizer import encode


@dataclass(frozen=True)
class GRPOConfig:
    """How much a step draws, and how far it moves."""

    steps: int = 50
    prompts: int = 50  # problems a step
    group_size: int = 8  # completions a problem
    max_new_tokens: int = 160  # of a completion
    temperature: float = 1.0  # of sampling, and so of scoring
    learning_rate: float = 3e-4
    clip_norm: float = 1.0  # largest norm of the gradient
    iterations: int = 1  # of the optimizer on each batch (TRL: num_iterations)
    kl: float = 0.0  # weight of the KL term
    truncation_reward: float = 0.0  # reward of a completion that was truncated
    tokens_at_once: int = 4096  # that are scored together; more need more memory
    seed: int = 0

    def __post_init__(self) -> None:
        whole(self, 1, "steps", "prompts", "group_size", "max_new_tokens", "iterations", "tokens_at_once")
        whole(self, 0, "seed")
        between(self, 0, LARGEST, "temperature", least_too=False)
        between(self, 0, LARGEST, "learning_rate", "kl")
        between(self, 0, math.inf, "clip_norm", least_too=False)
        finite(self, "truncation_reward")


def training_problems(config: GRPOConfig, step: int) -> list[Problem]:
    """The problems of a step: the families in turn, their standard mix, from the train split."""
    share, more = divmod(config.prompts, len(FAMILIES))
    counts = [share + (place < more) for place in range(len(FAMILIES))]
    seed = step_seed(config.seed, step)
    drawn = [draw_problems(name, n, split="train", seed=seed) for name, n in zip(FAMILIES, counts, strict=True) if n]
    return [problem for several in drawn for problem in several]


def sample_batch(
    model: nn.Module, tokenizer, problems: Sequence[Problem], config: GRPOConfig, step: int, ask=direct
) -> RolloutBatch:
    """A group of completions for each problem, asked directly unless `ask` says otherwise."""
    # The seed must change with every step, or the group of a problem that comes again is the same group.
    drawn = sample_groups(
        model,
        tokenizer,
        problems,
        ask,
        samples=config.group_size,
        temperature=config.temperature,
        max_new_tokens=config.max_new_tokens,
        seed=step_seed(config.seed, step),
    )
    return RolloutBatch([encode(tokenizer, ask(problem.question)) for problem in problems], drawn)


def scoring(config: GRPOConfig) -> dict[str, float | int]:
    """What of a configuration `accumulate_gradients` needs to know."""
    return {
        "longest": config.max_new_tokens,
        "temperature": config.temperature,
        "kl": config.kl,
        "tokens_at_once": config.tokens_at_once,
    }


def grpo(
    model: nn.Module,
    tokenizer,
    config: GRPOConfig = GRPOConfig(),
    *,
    reward: Reward = exact_answer,
    advantage: Callable[[Tensor], Tensor] = group_advantages,
    loss: Loss = clipped_loss,
    reduction: Reduction = token_mean,
    estimator: Estimator = k2,
    reference: nn.Module | None = None,
    problems: Callable[[GRPOConfig, int], list[Problem]] = training_problems,
    ask: Callable[[str], str] = direct,
    watch: Callable[[list[list[Rollout]]], dict[str, float]] = world_statistics,
    checkpoint: Path | None = None,
    every: int = 10,
) -> Iterator[dict]:
    """Reinforce in place, yielding after each step what a practitioner watches, and the step's `rollouts`.

    Stop whenever you like: the model keeps what it has learned. With a `checkpoint` file the run's progress is kept
    every so many steps and when it is interrupted, and a run that finds it goes on from there, to the same weights bit
    for bit. Routers' biases are no parameters, so they stay as they are. Raises ValueError for a checkpoint of another
    run, for a KL term without a reference, and before a reward, an advantage or a gradient that is not finite reaches
    the weights; BlockingIOError if another process trains with the checkpoint.
    """
    if config.kl and reference is None:
        raise ValueError("a KL term needs a reference to stay close to: give the model from before as `reference`")
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=0.0)
    pieces = {"tokenizer": tokenizer, "reward": reward, "advantage": advantage, "loss": loss, "reduction": reduction}
    pieces |= {"estimator": estimator, "reference": reference, "problems": problems, "ask": ask}
    with Progress(checkpoint, model, optimizer, config, every, **pieces) as progress:
        for step in range(progress.done, config.steps):
            rollouts = sample_batch(model, tokenizer, problems(config, step), config, step, ask)
            with naming_step(step + 1):
                rewards = compute_rewards(rollouts, reward, config.truncation_reward)
                advantages = advantage(rewards)
                require_finite(advantages, "advantage")
            for _ in range(config.iterations):
                optimizer.zero_grad()  # whatever a step left behind that was interrupted
                seen = accumulate_gradients(
                    model, rollouts, advantages, loss, reduction, reference, estimator, **scoring(config)
                )
                norm = float(nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm))
                stop_unless_finite(step + 1, loss=seen["loss"], gradient=norm)
                optimizer.step()
                optimizer.zero_grad()
            stats = {**run_statistics(rollouts.groups, rewards), **watch(rollouts.groups), **seen, "gradient": norm}
            stats = {"step": step + 1, "steps": config.steps, **stats}
            progress.step_done(last=step + 1 == config.steps)
            yield {**stats, "rollouts": rollouts, "rewards": rewards}
