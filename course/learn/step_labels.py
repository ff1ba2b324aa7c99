"""Labels for reward models: which tokens of a reply are labelled, and with what.

- *Outcome* (Cobbe and others 2021, arXiv:2110.14168): every token with whether the answer at the end is right.
- *Process* (Lightman and others 2023, arXiv:2305.20050): the end of each step with whether that step is right, up to
  the first wrong one. People gave those labels; here the oracle of the world does.
- *Rollouts* (Math-Shepherd, Wang and others 2024, arXiv:2312.08935): the end of each step with how often the model,
  left to go on from there, comes to the right answer. Nobody marks anything, but "can be saved" is not "is right".
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from torch import nn

from course.model import generate
from course.think.prompting import direct
from course.think.rollouts import Rollout, read_reply
from course.world import is_right
from course.world.answers import step_ends, steps
from course.world.conversation import begun
from course.world.problem import is_again
from course.world.tokenizer import encode


@dataclass(frozen=True)
class Labelled:
    """A reply as tokens, with labels from 0 to 1 at some of them; without any, it teaches nothing."""

    prompt: tuple[int, ...]
    reply: tuple[int, ...]
    places: tuple[int, ...]  # in the reply, ascending
    labels: tuple[float, ...]  # one a place: 1 is right

    def __post_init__(self) -> None:
        if not self.prompt or not self.reply:
            raise ValueError("a labelled reply needs a prompt and a reply of at least one token each")
        ascending = all(one < other for one, other in zip(self.places, self.places[1:], strict=False))
        if not ascending or not all(0 <= place < len(self.reply) for place in self.places):
            raise ValueError(f"places ascend within a reply of {len(self.reply)} tokens: found {self.places}")
        if len(self.labels) != len(self.places) or not all(0 <= label <= 1 for label in self.labels):
            raise ValueError(f"each of {len(self.places)} places has a label from 0 to 1: found {self.labels}")

    def __len__(self) -> int:
        return len(self.prompt) + len(self.reply)


@dataclass(frozen=True)
class RolloutLabels:
    """Labels that a model's own rollouts gave, and what they cost."""

    labelled: list[Labelled]  # in the order of the replies
    tokens: int  # sampled for them


def step_places(tokenizer, one: Rollout, ask: Callable[[str], str] = direct) -> list[int]:
    """The place, in the reply, of the token in which each step ends: its line end, or its last token without one.

    As many as the reply has steps. Raises ValueError for a reply that was not drawn with this `ask`, for a step that
    ends in the prompt, and for tokens that do not add up to the reply's text.
    """
    prompt = ask(one.problem.question)
    read = read_reply(prompt, one.completion)
    if (read, read.opened) != (one.reply, one.reply.opened):
        raise ValueError("this reply reads otherwise behind its prompt: give the `ask` that it was drawn with")
    start, text = len(begun(prompt)), one.completion.text
    ends = [place - start for place in step_ends(begun(prompt) + text)]
    if ends and ends[0] < 0:
        raise ValueError("a step of this reply ends in its prompt, so no token of the reply can carry its label")
    pieces = tokenizer.batch_decode([[token] for token in _said(tokenizer, one)])
    if "".join(pieces) != text:
        raise ValueError(f"the tokens of this reply do not add up to its text: {''.join(pieces)[:80]!r}, {text[:80]!r}")
    begins = list(accumulate(map(len, pieces), initial=0))[:-1]
    return [bisect_right(begins, place) - 1 for place in ends]


def outcome_labels(tokenizer, one: Rollout, ask: Callable[[str], str] = direct, *, last_only: bool = False) -> Labelled:
    """Every token of the reply, or the last alone, with whether the reply ends right."""
    reply = one.completion.token_ids
    places = range(len(reply) - 1 if last_only else 0, len(reply))
    return _labelled(tokenizer, one, ask, list(places), [float(one.right)] * len(places))


def process_labels(
    tokenizer,
    one: Rollout,
    ask: Callable[[str], str] = direct,
    *,
    first_error_only: bool = True,
    skip_mended: bool = False,
) -> Labelled:
    """The end of each step with whether the oracle calls it right, up to and with the first wrong one, or all of them.

    With `skip_mended`, a wrong step that the next one mends ("wait", and right) is no error and carries no label: what
    scores it wrong, scores down every reply that corrects itself. A reply without steps has no labels.
    """
    lines, verdicts, places = steps(one.reply.reasoning), one.verdicts, step_places(tokenizer, one, ask)
    again = [is_again(line) and right for line, right in zip(lines, verdicts, strict=False)]
    chosen = []
    for number, right in enumerate(verdicts):
        if skip_mended and not right and any(again[number + 1 : number + 2]):
            continue
        chosen.append(number)
        if first_error_only and not right:
            break
    return _labelled(tokenizer, one, ask, [places[n] for n in chosen], [float(verdicts[n]) for n in chosen])


def rollout_labels(
    model: nn.Module,
    tokenizer,
    rollouts: Sequence[Rollout],
    ask: Callable[[str], str] = direct,
    *,
    samples: int = 8,
    hard: bool = True,
    temperature: float = 1.0,
    max_new_tokens: int = 160,
    seed: int,
) -> RolloutLabels:
    """The end of each step with how the model fares from there: whether any sample ends right, or the share that does.

    Math-Shepherd's hard and soft estimation (equations 3 and 4). If the model saves a wrong step with probability q,
    its hard label is 1 with probability 1 - (1-q)^samples. All beginnings are gone on from in one call of `generate`,
    equal ones once; they are read as text, so that tokens which text would not be cut into are replaced by those it
    would. Raises ValueError as `step_places` and `generate` do.
    """
    places = [step_places(tokenizer, one, ask) for one in rollouts]
    starts: dict[tuple[str, str], object] = {}  # of a question and its beginning: its problem and prompt
    asked = []
    for one, ends in zip(rollouts, places, strict=True):
        prompt, said = ask(one.problem.question), _said(tokenizer, one)
        beginnings = tokenizer.batch_decode([said[: end + 1] for end in ends]) if ends else []
        asked.append([(one.problem.key, prompt + beginning) for beginning in beginnings])
        starts |= dict.fromkeys(asked[-1], one.problem)
    prompts = [prompt for _, prompt in starts]
    settings = {"samples": samples, "max_new_tokens": max_new_tokens, "temperature": temperature, "seed": seed}
    drawn = generate(model, tokenizer, prompts, **settings)
    shares, tokens = {}, 0
    for (key, problem), completions in zip(starts.items(), drawn, strict=True):
        right = [is_right(problem, read_reply(key[1], completion).answer) for completion in completions]
        shares[key] = float(any(right)) if hard else sum(right) / samples
        tokens += sum(len(completion.token_ids) for completion in completions)
    labels = [[shares[key] for key in keys] for keys in asked]
    labelled = [_labelled(tokenizer, *row) for row in zip(rollouts, [ask] * len(rollouts), places, labels, strict=True)]
    return RolloutLabels(labelled, tokens)


def harden(labelled: Labelled) -> Labelled:
    """Soft labels of rollouts made hard: 1 where any sample ended right."""
    return replace(labelled, labels=tuple(float(label > 0) for label in labelled.labels))


def reading(tokenizer, one: Rollout, ask: Callable[[str], str] = direct) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A rollout as tokens: the prompt it was drawn from, and its reply."""
    return tuple(encode(tokenizer, ask(one.problem.question))), tuple(one.completion.token_ids)


def _labelled(tokenizer, one: Rollout, ask, places: list[int], labels: list[float]) -> Labelled:
    return Labelled(*reading(tokenizer, one, ask), tuple(places), tuple(labels))


def _said(tokenizer, one: Rollout) -> list[int]:
    """The tokens of a reply without its end."""
    ids = one.completion.token_ids
    return ids[:-1] if one.completion.finished else ids
