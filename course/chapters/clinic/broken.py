"""Pieces broken on purpose, one wrong line each, after mistakes made in public. Nothing here is used elsewhere.

Pass them to the loop of `course.learn.grpo`, which itself is correct.
"""

import re

import torch
from torch import Tensor

from course._shapes import Float, Int
from course.chapters.clinic.tasks import SAYS
from course.learn.policy_gradient import clipped_loss, k2
from course.model.transformer import Output, Transformer
from course.think.rollouts import Rollout


def own_shadow(
    new: Float[Tensor, "B T"], old: Float[Tensor, "B T"], advantages: Float[Tensor, "B 1"]
) -> Float[Tensor, "B T"]:
    """The clipped loss of new log-probs against themselves: the ratio is always 1, so nothing is ever clipped."""
    old = new.detach()
    return clipped_loss(new, old, advantages)


def without_the_end(
    new: Float[Tensor, "B T"], old: Float[Tensor, "B T"], advantages: Float[Tensor, "B 1"]
) -> Float[Tensor, "B T"]:
    """The clipped loss of every token except the last of each reply, as if the end token were padding."""
    places = torch.arange(1, new.shape[1] + 1)
    last = ((old != 0) * places).amax(dim=1, keepdim=True)  # padding has log-probs of 0
    return clipped_loss(new, old, advantages) * (places != last)


def found_inside(one: Rollout) -> float:
    """1 if the reply is contained in the right answer. So is the empty reply: `"" in "x"` is true."""
    return float(one.completion.text in SAYS[one.problem.question])


def tags_in_the_reply(one: Rollout) -> float:
    """1 if the reply itself opens and closes its thoughts. Where the prompt has opened them, none does."""
    return float(re.fullmatch(r"<think>.+</think>.+", one.completion.text, re.DOTALL) is not None)


def going_away(new: Float[Tensor, "B T"], reference: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """The squared log-ratio with the wrong sign: the farther from the reference, the smaller the loss."""
    return -k2(new, reference)


class CountsPadding(Transformer):
    """A network that scores rows padded on the left without the mask that says which tokens are padding.

    Sampling is not affected, since it uses a cache.
    """

    def forward(
        self, input_ids: Int[Tensor, "B T"], attention_mask=None, cache=None, logits_to_keep: int = 0
    ) -> Output:
        """Logits at the positions asked for; padding is moved to the left, and the logits back."""
        if cache is not None:
            return super().forward(input_ids, attention_mask, cache, logits_to_keep)
        places = torch.arange(input_ids.shape[1])
        gaps = (input_ids.flip(1).cumsum(1) == 0).sum(1, keepdim=True)  # padding after each row
        rows = input_ids.gather(1, (places - gaps) % len(places))
        logits = super().forward(rows, self.mask(places, gaps)).logits
        back = ((places + gaps) % len(places))[..., None].expand_as(logits)
        return Output(logits.gather(1, back))

    def mask(self, places: Int[Tensor, "T"], gaps: Int[Tensor, "B 1"]) -> Int[Tensor, "B T"] | None:
        """Which positions hold tokens. It returns nothing, so padding is attended to like text."""
        return None


class MasksPadding(CountsPadding):
    """The same network with the mask passed on."""

    def mask(self, places: Int[Tensor, "T"], gaps: Int[Tensor, "B 1"]) -> Int[Tensor, "B T"] | None:
        """1 for tokens, 0 for the padding before them."""
        return (places >= gaps).long()
