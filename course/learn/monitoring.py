"""What a practitioner watches while a model is reinforced: is there signal, where do rewards come from, what grows?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from course._shapes import Float
from course.think.evaluation import mean, shares
from course.think.rollouts import Rollout
from course.world import FAMILIES
from course.world.answers import steps
from course.world.problem import is_again


def run_statistics(groups: Sequence[Sequence[Rollout]], rewards: Float[Tensor, "P G"]) -> dict[str, float]:
    """Statistics of a batch of rollouts that exist whatever the task is.

    `reward`, the mean; `zero_variance`, the share of groups whose rewards are all equal, which give no gradient (TRL:
    `frac_reward_zero_std`); `entropy`, minus the mean log-prob of the sampled tokens, an estimate in nats; `length` in
    tokens, also of the replies with the highest reward and of the others (`length_rewarded`, `length_unrewarded`);
    `unfinished`, the share that was truncated.
    """
    rows = [one for group in groups for one in group]
    rewarded = (rewards >= rewards.max()).flatten().tolist() if rewards.max() > rewards.min() else [True] * len(rows)
    logprobs = [value for one in rows for value in one.completion.logprobs]
    return {
        "reward": float(rewards.mean()),
        "zero_variance": float((rewards == rewards[:, :1]).all(dim=1).float().mean()),
        "entropy": -mean(logprobs),
        "length": mean([one.tokens for one in rows]),
        "length_rewarded": mean([one.tokens for one, good in zip(rows, rewarded, strict=True) if good]),
        "length_unrewarded": mean([one.tokens for one, good in zip(rows, rewarded, strict=True) if not good]),
        "unfinished": mean([not one.completion.finished for one in rows]),
    }


def world_statistics(groups: Sequence[Sequence[Rollout]]) -> dict[str, float]:
    """Statistics of the course's own questions: the shares right (also by family), that think, and of slips mended."""
    rows = [one for group in groups for one in group]
    of_all = shares(rows)
    made, mended = (sum(counts) for counts in zip(*(slips(one) for one in rows), strict=True))
    by_family = {
        family: mean([one.right for one in rows if one.problem.family == family])
        for family in FAMILIES
        if any(one.problem.family == family for one in rows)
    }
    return {
        "right": of_all["right"],
        "thinks": of_all["thinks"],
        "mended": mended / made if made else float("nan"),
        **by_family,
    }


@dataclass(frozen=True)
class Noticing:
    """What follows the steps of replies, by the oracle. Steps done again ("wait") are not counted as steps."""

    right: int  # steps
    wrong: int
    false_alarms: int  # right steps that are done again
    noticed: int  # wrong ones that are done again
    mended: int  # and are right then

    @property
    def figures(self) -> dict[str, float]:
        """`slips` in 100 steps, and shares: of slips `noticed` and `mended`, of right steps `false_alarms`.

        Not a number where there is nothing to take a share of.
        """
        return {
            "slips": 100 * _share(self.wrong, self.wrong + self.right),
            "noticed": _share(self.noticed, self.wrong),
            "mended": _share(self.mended, self.wrong),
            "false_alarms": _share(self.false_alarms, self.right),
        }


def noticing(rollouts: Sequence[Rollout]) -> Noticing:
    """Count what a model does behind its own steps, right and wrong ones."""
    counts = Counter(found for one in rollouts for found in _followed(one))
    wrong = {again: counts[False, again] for again in (None, False, True)}
    alarms = counts[True, False] + counts[True, True]
    return Noticing(alarms + counts[True, None], sum(wrong.values()), alarms, wrong[False] + wrong[True], wrong[True])


def _followed(one: Rollout) -> Iterator[tuple[bool, bool | None]]:
    """For each step: whether it is right, and whether it is when done again (None: it is not done again)."""
    again, verdicts = [is_again(line) for line in steps(one.reply.reasoning)], one.verdicts
    for place, right in enumerate(verdicts):
        if not again[place]:
            done_again = place + 1 < len(verdicts) and again[place + 1]
            yield right, verdicts[place + 1] if done_again else None


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def slips(one: Rollout) -> tuple[int, int]:
    """How many steps of a reply are wrong, and how many of these the next line mends ("wait", and right).

    A wrong line that is itself a "wait" is a slip of its own.
    """
    lines, verdicts = steps(one.reply.reasoning), one.verdicts
    wrong = [place for place, right in enumerate(verdicts) if not right]
    mended = [place for place in wrong if place + 1 < len(lines) and verdicts[place + 1] and is_again(lines[place + 1])]
    return len(wrong), len(mended)
