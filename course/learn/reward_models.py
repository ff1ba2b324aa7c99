"""Reward models: the network reads a solution and says how good it is, as a whole or step by step.

The language-model head is replaced by a scalar one, so that every token gets a logit: of what, the labels decide
(`course.learn.step_labels`). An outcome reward model (ORM) learned from the answer alone, a process reward model (PRM)
from each step. The network is causal: the score of a step cannot depend on what follows it.

Departures: Cobbe and others train the verifier on the language-model loss as well, and Lightman's PRM says "positive",
"negative" or "neutral" by tokens of its vocabulary; here one logit says right or wrong, and there is no other loss.
"""

import copy
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from course._shapes import Bool, Float, Int
from course.learn.policy_gradient import parts_of_like_length
from course.learn.rewards import Together
from course.learn.step_labels import Labelled, reading, step_places
from course.model.sampling import require_numbers
from course.model.transformer import Transformer
from course.think.prompting import direct
from course.think.rollouts import Rollout
from course.think.search import Scorer

TOKENS_AT_ONCE = 4096  # that are scored together, padding included; more need more memory


class RewardModel(nn.Module):
    """A copy of a language model with one number for each token in place of the next token's probabilities.

    The head starts at zero: probability 1/2 everywhere. Training it leaves the model it was made from as it was.
    """

    def __init__(self, model: Transformer):
        super().__init__()
        self.backbone = copy.deepcopy(model)
        self.head = nn.Linear(model.config.hidden_size, 1, device=model.device, dtype=model.embedding.weight.dtype)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.backbone.device

    def forward(
        self,
        input_ids: Int[Tensor, "B T"],
        attention_mask: Int[Tensor, "B T"] | Float[Tensor, "B 1 T T"] | None = None,
    ) -> Float[Tensor, "B T"]:
        """The logit at each token that what was read up to there is right; the mask is that of `Transformer`."""
        hidden = self.backbone.norm(self.backbone.hidden(input_ids, attention_mask))  # (B, T, D)
        return self.head(hidden).squeeze(-1)


# --- learning -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LabelledBatch:
    """Labelled replies in rows, each behind its prompt, padded on the right, where no token attends to."""

    ids: Int[Tensor, "B T"]
    labels: Float[Tensor, "B T"]  # 0 where there is none
    is_labelled: Bool[Tensor, "B T"]

    def to(self, device: torch.device | str) -> "LabelledBatch":
        """The same on a device."""
        return LabelledBatch(self.ids.to(device), self.labels.to(device), self.is_labelled.to(device))


def collate(examples: Sequence[Labelled]) -> LabelledBatch:
    """Labelled replies as tensors, as wide as the longest. Raises ValueError if there are none."""
    if not examples:
        raise ValueError("a batch needs at least one labelled reply")
    shape = len(examples), max(map(len, examples))
    ids, labels = torch.zeros(shape, dtype=torch.long), torch.zeros(shape)
    is_labelled = torch.zeros(shape, dtype=torch.bool)
    for row, one in enumerate(examples):
        ids[row, : len(one)] = torch.tensor(one.prompt + one.reply)
        places = [len(one.prompt) + place for place in one.places]
        labels[row, places] = torch.tensor(one.labels)
        is_labelled[row, places] = True
    return LabelledBatch(ids, labels, is_labelled)


def batches(examples: Sequence[Labelled], rows: int, seed: int = 0) -> Callable[[int], LabelledBatch]:
    """The batch of each step: `rows` replies of like length, again and again in another order.

    Replies without labels are left out. A step's batch depends on its number alone, so that a run can be taken up
    again. What is left over of an epoch is another part each time. Raises ValueError if there are too few replies with
    labels to fill one step, and for less than one row.
    """
    useful = [one for one in examples if one.places]
    steps = len(useful) // rows if rows > 0 else 0
    if not steps:
        raise ValueError(f"{len(useful)} replies with labels do not fill a step of {rows} rows: collect more")

    def batch(step: int) -> LabelledBatch:
        epoch, turn = divmod(step, steps)
        rng = random.Random(f"{seed}:{epoch}")
        drawn = sorted(rng.sample(useful, steps * rows), key=len)  # equals stay shuffled
        start = rng.sample(range(steps), steps)[turn] * rows
        return collate(drawn[start : start + rows])

    return batch


def reward_model_loss(model: nn.Module, batch: LabelledBatch) -> Float[Tensor, ""]:
    """Mean binary cross-entropy at the labelled tokens, in nats: -[y log p + (1 - y) log(1 - p)], p the sigmoid.

    Cobbe and others 2021 (arXiv:2110.14168) at every token, Lightman and others 2023 (arXiv:2305.20050) at the end of
    each step; every labelled token of the batch counts alike. The batch may lie elsewhere than the model.
    """
    batch = batch.to(next(model.parameters()).device)
    logits = model(batch.ids)[batch.is_labelled]  # (N,)
    return binary_cross_entropy_with_logits(logits.float(), batch.labels[batch.is_labelled])


# --- scoring ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepScores:
    """What a reward model says of a reply, as probabilities that it is right."""

    steps: list[float]  # at the end of each step
    outcome: float  # at the last token


Aggregate = Callable[[StepScores], float]  # one number for a reply


def product(scores: StepScores) -> float:
    """The probability that all steps are right, if each were right or not by itself (Lightman); 0 without steps.

    A long solution scores lower than a short one of equally good steps.
    """
    return math.prod(scores.steps) if scores.steps else 0.0


def minimum(scores: StepScores) -> float:
    """The worst step (Math-Shepherd); 0 without steps."""
    return min(scores.steps, default=0.0)


def mean_score(scores: StepScores) -> float:
    """The mean of all steps; 0 without steps. Steps that are right and lead nowhere hide one that is wrong."""
    return sum(scores.steps) / len(scores.steps) if scores.steps else 0.0


def last_step(scores: StepScores) -> float:
    """The last step; 0 without steps. A slip that was mended before costs nothing."""
    return scores.steps[-1] if scores.steps else 0.0


def outcome(scores: StepScores) -> float:
    """The last token of the reply, as an outcome reward model is asked."""
    return scores.outcome


@torch.inference_mode()
def score_steps(
    model: RewardModel, tokenizer, rollouts: Sequence[Rollout], ask: Callable[[str], str] = direct
) -> list[StepScores]:
    """What a reward model says of each reply: one pass over it gives all its steps; replies of like length together.

    Raises ValueError for a reply not drawn with this `ask` (`step_places`), and for logits that are not numbers.
    """
    places = [step_places(tokenizer, one, ask) for one in rollouts]
    texts = [reading(tokenizer, one, ask) for one in rollouts]
    values = reply_values(texts, lambda ids: require_numbers(model(ids)).float().sigmoid(), model.device)
    return [StepScores([row[place] for place in ends], row[-1]) for row, ends in zip(values, places, strict=True)]


def reply_values(
    texts: Sequence[tuple[Sequence[int], Sequence[int]]],
    read: Callable[[Int[Tensor, "B T"]], Float[Tensor, "B T"]],
    device: torch.device,
) -> list[list[float]]:
    """A number at each token of each reply, behind its prompt; texts of like length are read together, padded."""
    found: list[list[float]] = [[] for _ in texts]
    sizes = {row: len(prompt) + len(reply) for row, (prompt, reply) in enumerate(texts) if reply}
    for rows in parts_of_like_length(sizes, TOKENS_AT_ONCE):
        ids = [[*texts[row][0], *texts[row][1]] for row in rows]
        longest = max(map(len, ids))
        padded = torch.tensor([one + [0] * (longest - len(one)) for one in ids], device=device)
        for row, values, one in zip(rows, read(padded).tolist(), ids, strict=True):
            found[row] = values[len(texts[row][0]) : len(one)]
    return found


def scorer(model: RewardModel, tokenizer, aggregate: Aggregate = product, ask: Callable[[str], str] = direct) -> Scorer:
    """A reward model as the scorer of a search: `pick(rollouts, scorer(model, tokenizer, minimum))`."""

    def score(rollouts: Sequence[Rollout]) -> list[float]:
        return [aggregate(one) for one in score_steps(model, tokenizer, rollouts, ask)]

    return score


def model_reward(
    model: RewardModel, tokenizer, aggregate: Aggregate = product, ask: Callable[[str], str] = direct
) -> Together:
    """A reward model as the reward of reinforcement: `grpo(..., reward=model_reward(model, tokenizer, last_step))`.

    It is a number the policy can learn to please without solving anything: watch the verifier beside it.
    """
    return Together(scorer(model, tokenizer, aggregate, ask))
