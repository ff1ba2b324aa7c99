"""What one step of GRPO does to a group of replies: rewards, advantages, and each word's change in log-prob.

The change shown is measured: the log-prob of each token after the step minus the one with which it was sampled. It
includes what the whole batch did to the weights, so words of a zero-variance group move as well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

import torch
from torch import Tensor, nn

from course.learn.policy_gradient import group_advantages
from course.model import score
from course.teach.widgets import Pages, Turn
from course.think.rollouts import Rollout, RolloutBatch

STRONG = 0.2  # nats; a change this large or larger gets the full color, and below a tenth of it a word is left plain
UP, DOWN = (
    "0,114,178",
    "213,94,0",
)  # blue and vermilion, which color-blind readers can tell apart; the line says the same
_BOX = "border:1px solid rgba(128,128,128,.5);border-radius:6px;padding:.4em .8em;margin:.4em 0;max-width:60em"


@dataclass(frozen=True)
class Group:
    """The replies to one prompt in one step, and what the step did to them."""

    step: int
    rollouts: list[Rollout]
    rewards: list[float]
    advantages: list[float]
    changes: list[list[float]]  # of each reply, token by token: log-prob after the step minus before, in nats


def look_into(
    model: nn.Module,
    stats: Mapping,
    advantage: Callable[[Tensor], Tensor] = group_advantages,
    temperature: float = 1.0,
) -> dict[str, Group]:
    """The first group of every family in a step that `grpo` has just yielded, with the model as it is now.

    Call it before the loop goes on: the model must have made this step and no other.
    """
    rollouts: RolloutBatch = stats["rollouts"]
    advantages, groups = advantage(stats["rewards"]), {}
    for place, answered in enumerate(rollouts.groups):
        family = answered[0].problem.family
        if family in groups:
            continue
        replies = [one.completion.token_ids for one in answered]
        with torch.no_grad():
            now = score(model, [rollouts.prompt_ids[place]] * len(replies), replies, temperature=temperature).logprobs
        changes = [
            [after - before for after, before in zip(row, one.completion.logprobs, strict=False)]
            for row, one in zip(now.tolist(), answered, strict=True)
        ]
        rewards, standing = stats["rewards"][place].tolist(), advantages[place].tolist()
        groups[family] = Group(stats["step"], answered, rewards, standing, changes)
    return groups


class Groups(Pages):
    """Choose a prompt and a step to see a group: its rewards, and which words the step made more or less likely.

    `recorded[step][family]` is a group from `look_into`. The prompts of a family differ from step to step, since
    training never repeats one; the first shown is one whose rewards differ.

    Raises ValueError if there is nothing to show.
    """

    def __init__(self, tokenizer, recorded: Mapping[int, Mapping[str, Group]]):
        if not recorded:
            raise ValueError("no groups to show: record some steps of a run with `look_into`")
        self.tokenizer, self.recorded = tokenizer, recorded
        step, families = next(iter(recorded.items()))
        signal = (family for family, group in families.items() if len(set(group.rewards)) > 1)
        family = next(signal, next(iter(families)))
        turns = Turn("prompt", list(families)), Turn("step", [str(number) for number in recorded], slide=True)
        pages = {f"{family}|{step}": self.page(step, family) for step, of in recorded.items() for family in of}
        first = f"{family}|{step}"
        super().__init__("groups of a run", turns, pages, first=first, text=self.words(step, family))

    def page(self, step: int, family: str) -> str:
        """One group: the question, then each reply with its reward, its advantage, and its words marked."""
        group = self.recorded[step][family]
        rows = "".join(self._row(group, place) for place in range(len(group.rewards)))
        asked = escape(group.rollouts[0].problem.question)
        legend = f"{_marked('more likely', STRONG)} {_marked('less likely', -STRONG)} after step {step} than before it"
        return f'<div style="{_BOX}"><p><strong>{asked}</strong><br><small>{legend}</small></p>{rows}</div>'

    def words(self, step: int, family: str) -> str:
        """The same in plain text: rewards, advantages, and the word that moved most in each reply."""
        group = self.recorded[step][family]
        lines = [f"step {step}: {group.rollouts[0].problem.question}"]
        for reward, advantage, one, changes in zip(
            group.rewards, group.advantages, group.rollouts, group.changes, strict=True
        ):
            place = max(range(len(changes)), key=lambda at: abs(changes[at]))
            word = self._piece(one.completion.token_ids[place])
            lines.append(f"  reward {reward:g}, advantage {advantage:+.2f}, most moved {word!r} {changes[place]:+.2f}")
        return "\n".join(lines)

    def _row(self, group: Group, place: int) -> str:
        ids = group.rollouts[place].completion.token_ids
        words = "".join(
            _marked(self._piece(token), change) for token, change in zip(ids, group.changes[place], strict=True)
        )
        standing = f"reward {group.rewards[place]:g}, advantage {group.advantages[place]:+.2f}"
        look = "font-family:monospace;line-height:1.8;overflow-wrap:anywhere"
        return f'<p style="margin:.3em 0"><small>{standing}</small><br><span style="{look}">{words}</span></p>'

    def _piece(self, token: int) -> str:
        if token == self.tokenizer.eos_token_id:
            return "(end)"
        return self.tokenizer.decode([token]).replace("\n", "↵")


def _marked(word: str, change: float) -> str:
    """A word with a line above it if it became more likely, below it if less; a larger change has a stronger color."""
    strength = min(1.0, abs(change) / STRONG)
    if strength < 0.1:
        return escape(word)
    color, line = (UP, "overline") if change > 0 else (DOWN, "underline")
    style = f"background:rgba({color},{0.35 * strength:.2f});text-decoration:{line}"
    return f'<span style="{style}" title="{change:+.2f}">{escape(word)}</span>'
