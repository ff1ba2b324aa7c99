"""The policy gradient in pieces: advantages, losses of a token, reductions, and how far from a reference.

Each piece is a pure function named after its quantity, and `accumulate_gradients` puts them together for one batch of
rollouts. Preferences, critics and pipelines use the same pieces as GRPO does (`course.learn.grpo`).
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from course._shapes import Float, Int
from course.model import score
from course.think.rollouts import RolloutBatch

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]  # new and old log-probs (B, T), advantages (B, 1): each token's loss
Reduction = Callable[[Tensor, int], Tensor]  # lengths (B,), the longest there could be: what a token of each row counts
Estimator = Callable[[Tensor, Tensor], Tensor]  # log-probs of the model and of the reference (B, T): each token's KL


# --- advantages: how much better than its group? ------------------------------------------------------------------


def group_advantages(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """How far each completion stands above its group, in the group's standard deviations: GRPO's.

    (r - mean) / (std + 1e-4), with the std that divides by G - 1. A group that agrees gets zeros.
    """
    return centered_advantages(rewards) / (rewards.std(dim=1, keepdim=True) + 1e-4)


def centered_advantages(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """How far each completion stands above its group's mean: Dr. GRPO's (arXiv:2503.20783), unbiased up to 1 - 1/G.

    Raises ValueError for groups of one, as the two that build on it do.
    """
    if rewards.shape[1] < 2:
        raise ValueError("a group of one completion has no other to be compared with: group_size must be at least 2")
    exact = rewards.double()  # or rounding would tell the members of a group apart whose rewards are all .3
    return (exact - exact.mean(dim=1, keepdim=True)).float()


def leave_one_out_advantages(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """How far each completion stands above the mean of the others: RLOO's (arXiv:2402.14740), unbiased."""
    group = rewards.shape[1]
    return centered_advantages(rewards) * group / (group - 1)


def no_baseline(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """The reward itself: REINFORCE's (Williams 1992). Unbiased, and noisy."""
    return rewards


# --- losses of a token --------------------------------------------------------------------------------------------


def clipped_loss(
    new: Float[Tensor, "B T"], old: Float[Tensor, "B T"], advantages: Float[Tensor, "B 1"], low=0.2, high=0.2
) -> Float[Tensor, "B T"]:
    """-min(ratio * A, clip(ratio, 1 - low, 1 + high) * A), ratio = exp(new - old): PPO's, for A of either sign.

    Once a token has become more probable by `high`, or less probable by `low`, going further gains nothing; the way
    back is always open. In the first iteration after sampling the ratio is 1 and nothing is clipped.
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
    return torch.full(lengths.shape, 1 / int(lengths.sum()), device=lengths.device)


def sequence_mean(lengths: Int[Tensor, "B"], longest: int) -> Float[Tensor, "B"]:
    """Every completion alike, so a token of a long one counts less: GRPO's, and its length bias."""
    return 1 / (len(lengths) * lengths)


def constant_length(lengths: Int[Tensor, "B"], longest: int) -> Float[Tensor, "B"]:
    """Every token alike, whatever else is in the batch: one over the longest there could be. Dr. GRPO's."""
    return torch.full(lengths.shape, 1 / (len(lengths) * longest), device=lengths.device)


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


# --- one batch ----------------------------------------------------------------------------------------------------


def accumulate_gradients(
    model: nn.Module,
    rollouts: RolloutBatch,
    advantages: Float[Tensor, "P G"],
    loss: Loss = clipped_loss,
    reduction: Reduction = token_mean,
    reference: nn.Module | None = None,
    estimator: Estimator = k2,
    *,
    longest: int,
    temperature: float = 1.0,
    kl: float = 0.0,
    tokens_at_once: int = 4096,
) -> dict[str, float]:
    """Add the gradient of a batch to the weights' `grad`, one part of the batch after the other.

    The loss is the sum over rows and tokens of weight * (loss + kl * estimator). How rows are ordered, parted and
    padded changes nothing but rounding. Returns `loss`; over the rows that were computed `ratio` (mean of new over old,
    1 if there are none) and `kl` (nats a token); and `clipped`, the share of tokens with an advantage to which the loss
    gives no gradient.
    """
    rows, per_row = rollouts.rows, advantages.flatten()
    prompts = [ids for ids in rollouts.prompt_ids for _ in range(advantages.shape[1])]
    weights = reduction(rollouts.lengths, longest)
    live = list(range(len(rows))) if kl else per_row.nonzero().squeeze(1).tolist()
    sizes = {row: len(prompts[row]) + rows[row].tokens for row in live}
    seen = {"loss": 0.0, "ratio": 0.0, "clipped": 0.0, "kl": 0.0}
    for part in parts_of_like_length(sizes, tokens_at_once):
        texts = [prompts[row] for row in part], [rows[row].completion.token_ids for row in part]
        new = score(model, *texts, temperature=temperature)
        old = pad_right([rows[row].completion.logprobs for row in part]).to(new.logprobs)
        weight, advantage = (value[part, None].to(new.logprobs) for value in (weights, per_row))
        per_token = loss(new.logprobs, old, advantage)
        (slope,) = torch.autograd.grad(per_token.sum(), new.logprobs, retain_graph=True)
        if kl:
            with torch.no_grad():
                expected = score(reference, *texts, temperature=temperature).logprobs.to(new.logprobs)
            distance = estimator(new.logprobs, expected)
            per_token = per_token + kl * distance
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
