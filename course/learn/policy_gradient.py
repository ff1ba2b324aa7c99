"""Group relative policy optimization: draw a group of replies to each question, and make those likelier that beat it.

DeepSeekMath (arXiv:2402.03300, equations 3 and 4), the method behind DeepSeek-R1-Zero. One step: draw problems, sample
a group of completions for each, reward them, compare each with its group, move the weights. Every piece is a function
that is passed in, and a variant (Dr. GRPO, DAPO, RLOO, REINFORCE) is other functions in the same loop.

Departures from DeepSeekMath:
1. No KL term unless `kl` asks for one, which was found not to matter (DAPO, Dr. GRPO); its estimator is passed in.
2. The mean is over all tokens of a batch and not per completion first: `sequence_mean` is the paper's.
3. Log-probs of sampling are kept and not computed again, since scoring here reproduces them.
4. Groups without signal (all rewards equal) are counted in the mean, but nothing is computed for them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from course._shapes import Float, Int
from course.learn.monitoring import in_any_run, in_the_world
from course.learn.rewards import Reward, exact_answer
from course.learn.training import load_progress, save_progress
from course.model import score
from course.think.asking import Answered, answer_often
from course.think.prompting import direct
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
    updates: int = 1  # of the weights, each on the whole batch
    kl: float = 0.0  # weight of the KL term
    cut_off: float = 0.0  # reward of a completion that did not come to its end
    tokens_at_once: int = 4096  # that are scored together; more need more memory
    seed: int = 0


Loss = Callable[[Tensor, Tensor, Tensor], Tensor]  # new and old log-probs (B, T), advantages (B, 1): each token's loss
Reduction = Callable[[Tensor, int], Tensor]  # lengths (B,), the longest there could be: what a token of each row counts
Estimator = Callable[[Tensor, Tensor], Tensor]  # log-probs of the model and of the reference (B, T): each token's KL


def training_problems(config: GRPOConfig, step: int) -> list[Problem]:
    """The problems of a step: the families in turn, their standard mix, from the train split."""
    share, more = divmod(config.prompts, len(FAMILIES))
    counts = [share + (place < more) for place in range(len(FAMILIES))]
    seed = 1_000_003 * config.seed + step
    drawn = [draw_problems(name, n, split="train", seed=seed) for name, n in zip(FAMILIES, counts, strict=True) if n]
    return [problem for several in drawn for problem in several]


# --- advantages: how much better than its group? ------------------------------------------------------------------


def group_advantages(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """How far each completion stands above its group, in the group's standard deviations: GRPO's.

    (r - mean) / (std + 1e-4), with the std that divides by G - 1. A group that agrees gets zeros.
    """
    return centered(rewards) / (rewards.std(dim=1, keepdim=True) + 1e-4)


def centered(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """How far each completion stands above its group's mean: Dr. GRPO's (arXiv:2503.20783), unbiased up to 1 - 1/G."""
    exact = rewards.double()  # or rounding would tell the members of a group apart that are all paid .3
    return (exact - exact.mean(dim=1, keepdim=True)).float()


def leave_one_out(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """How far each completion stands above the mean of the others: RLOO's (arXiv:2402.14740), unbiased."""
    group = rewards.shape[1]
    return centered(rewards) * group / (group - 1)


def no_baseline(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """The reward itself: REINFORCE's (Williams 1992). Unbiased, and noisy."""
    return rewards


# --- losses of a token --------------------------------------------------------------------------------------------


def clipped_loss(
    new: Float[Tensor, "B T"], old: Float[Tensor, "B T"], advantages: Float[Tensor, "B 1"], low=0.2, high=0.2
) -> Float[Tensor, "B T"]:
    """-min(ratio * A, clip(ratio, 1 - low, 1 + high) * A), ratio = exp(new - old): PPO's, for A of either sign.

    Once a token has become likelier by `high`, or less likely by `low`, pushing it further that way pays nothing; the
    way back is always open. On the first update after sampling the ratio is 1 and nothing is clipped.
    """
    ratio = (new - old).exp()
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - low, 1 + high) * advantages)


def reinforce_loss(
    new: Float[Tensor, "B T"], old: Float[Tensor, "B T"], advantages: Float[Tensor, "B 1"]
) -> Float[Tensor, "B T"]:
    """-A log pi: its gradient is the policy gradient if the weights are those that sampled. `old` is not used."""
    return -advantages * new


# --- reductions: how much does one token of each completion count? ---------------------------------------------------


def token_mean(lengths: Int[Tensor, "B"], longest: int) -> Float[Tensor, "B"]:
    """Every token of the batch alike: DAPO's (arXiv:2503.14476)."""
    return torch.full(lengths.shape, 1 / int(lengths.sum()))


def sequence_mean(lengths: Int[Tensor, "B"], longest: int) -> Float[Tensor, "B"]:
    """Every completion alike, so a token of a long one counts less: GRPO's, and its length bias."""
    return 1 / (len(lengths) * lengths)


def constant(lengths: Int[Tensor, "B"], longest: int) -> Float[Tensor, "B"]:
    """Every token alike, whatever else is in the batch: one over the longest there could be. Dr. GRPO's."""
    return torch.full(lengths.shape, 1 / (len(lengths) * longest))


# --- how far from a reference? ------------------------------------------------------------------------------------


def k1(new: Float[Tensor, "B T"], reference: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """log(pi / ref): as a value unbiased for KL(pi, ref); as a loss its expected gradient is zero, so it is none."""
    return new - reference


def k2(new: Float[Tensor, "B T"], reference: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """log(pi / ref)^2 / 2: as a value biased; as a loss its expected gradient is that of KL(pi, ref)."""
    return (new - reference).square() / 2


def k3(new: Float[Tensor, "B T"], reference: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """ref/pi - 1 - log(ref/pi): as a value unbiased, with little variance; as a loss, GRPO's, KL(ref, pi)'s gradient.

    All three are Schulman's (2020, "Approximating KL divergence").
    """
    return (reference - new).expm1() - (reference - new)


# --- one step -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rollouts:
    """What one step drew: a group of replies to each problem."""

    prompt_ids: list[list[int]]  # one a problem
    answered: list[list[Answered]]  # P groups of G

    @property
    def rows(self) -> list[Answered]:
        """All replies, group after group."""
        return [one for group in self.answered for one in group]

    @property
    def lengths(self) -> Int[Tensor, "B"]:
        """Tokens of each completion, the end included."""
        return torch.tensor([one.tokens for one in self.rows])


def sample_groups(
    model: nn.Module, tokenizer, problems: Sequence[Problem], config: GRPOConfig, step: int, ask=direct
) -> Rollouts:
    """A group of completions for each problem, asked plainly unless `ask` says otherwise."""
    # The seed must change with every step, or the group of a problem that comes again is the same group.
    drawn = answer_often(
        model,
        tokenizer,
        problems,
        ask,
        samples=config.group_size,
        temperature=config.temperature,
        max_new_tokens=config.max_new_tokens,
        seed=1_000_003 * config.seed + step,
    )
    return Rollouts([encode(tokenizer, ask(problem.question)) for problem in problems], drawn)


def judge(rollouts: Rollouts, reward: Reward, config: GRPOConfig) -> Float[Tensor, "P G"]:
    """The reward of every completion."""
    return torch.tensor(
        [[reward(one) if one.completion.finished else config.cut_off for one in group] for group in rollouts.answered]
    )


def accumulate(
    model: nn.Module,
    rollouts: Rollouts,
    advantages: Float[Tensor, "P G"],
    config: GRPOConfig,
    loss: Loss = clipped_loss,
    reduction: Reduction = token_mean,
    reference: nn.Module | None = None,
    estimator: Estimator = k2,
) -> dict[str, float]:
    """Add the gradient of a batch to the weights' `grad`, one part of the batch after the other.

    The loss is the sum over rows and tokens of weight * (loss + kl * estimator). How rows are ordered, parted and
    padded changes nothing but rounding. Returns `loss`; over the rows that were computed `ratio` (mean of new over old,
    1 if there are none) and `kl` (nats a token); and `clipped`, the share of tokens with an advantage to which the loss
    gives no gradient.
    """
    rows, per_row = rollouts.rows, advantages.flatten()
    prompts = [ids for ids in rollouts.prompt_ids for _ in range(advantages.shape[1])]
    weights = reduction(rollouts.lengths, config.max_new_tokens)
    live = list(range(len(rows))) if config.kl else per_row.nonzero().squeeze(1).tolist()
    sizes = {row: len(prompts[row]) + rows[row].tokens for row in live}
    seen = {"loss": 0.0, "ratio": 0.0, "clipped": 0.0, "kl": 0.0}
    for part in parts_of_like_length(sizes, config.tokens_at_once):
        texts = [prompts[row] for row in part], [rows[row].completion.token_ids for row in part]
        new = score(model, *texts, temperature=config.temperature)
        old = pad_right([rows[row].completion.logprobs for row in part]).to(new.logprobs)
        weight, advantage = (value[part, None].to(new.logprobs) for value in (weights, per_row))
        per_token = loss(new.logprobs, old, advantage)
        (slope,) = torch.autograd.grad(per_token.sum(), new.logprobs, retain_graph=True)
        if config.kl:
            with torch.no_grad():
                expected = score(reference, *texts, temperature=config.temperature).logprobs
            distance = estimator(new.logprobs, expected)
            per_token = per_token + config.kl * distance
            seen["kl"] += float(distance.detach()[new.mask].sum())
        total = (per_token * new.mask * weight).sum()
        total.backward()
        seen["loss"] += float(total.detach())
        seen["ratio"] += float((new.logprobs.detach() - old).exp()[new.mask].sum())
        seen["clipped"] += int(((slope == 0) & (advantage != 0))[new.mask].sum())
    computed = sum(rows[row].tokens for row in live)
    pushed = sum(rows[row].tokens for row in live if per_row[row] != 0)
    seen["ratio"] = seen["ratio"] / computed if computed else 1.0
    return {**seen, "kl": seen["kl"] / max(1, computed), "clipped": seen["clipped"] / max(1, pushed)}


def parts_of_like_length(sizes: dict[int, int], most: int) -> Iterator[list[int]]:
    """Rows sorted by size and cut into parts of at most `most` tokens, padding included, so that little is padded."""
    part: list[int] = []
    for row in sorted(sizes, key=sizes.__getitem__):
        if part and sizes[row] * (len(part) + 1) > most:
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def pad_right(rows: Sequence[Sequence[float]]) -> Float[Tensor, "B T"]:
    """Rows of numbers, with zeros behind the shorter ones."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[0.0] * (longest - len(row))] for row in rows])


# --- the loop -----------------------------------------------------------------------------------------------------


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
    watch: Callable[[list[list[Answered]]], dict[str, float]] = in_the_world,
    checkpoint: Path | None = None,
    every: int = 10,
) -> Iterator[dict]:
    """Reinforce in place, yielding after each step what a practitioner watches, and the step's `rollouts`.

    Stop whenever you like: the model keeps what it has learnt. With a `checkpoint` file the run's progress is kept
    every so many steps, and a run that finds it goes on from there, to the same weights bit for bit. Routers' biases
    are no parameters, so they stay as they are. Raises ValueError for a checkpoint of another run, and for a KL term
    without a reference.
    """
    if config.kl and reference is None:
        raise ValueError("a KL term needs a reference to stay close to: give the model from before as `reference`")
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=0.0)
    start = load_progress(checkpoint, model, optimizer, config) if checkpoint and checkpoint.exists() else 0
    for step in range(start, config.steps):
        rollouts = sample_groups(model, tokenizer, problems(config, step), config, step, ask)
        rewards = judge(rollouts, reward, config)
        advantages = advantage(rewards)
        for _ in range(config.updates):
            seen = accumulate(model, rollouts, advantages, config, loss, reduction, reference, estimator)
            norm = nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()
            optimizer.zero_grad()
        done = step + 1
        if checkpoint and (done % every == 0 or done == config.steps):
            save_progress(checkpoint, model, optimizer, config, done)
        stats = {**in_any_run(rollouts.answered, rewards), **watch(rollouts.answered), **seen, "gradient": float(norm)}
        yield {"step": done, "steps": config.steps, **stats, "rollouts": rollouts, "rewards": rewards}
