"""Rollouts: sample a model's replies to problems, cut each into thinking and answer, and check them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from course._shapes import Int
from course.model import Completion, generate
from course.think.prompting import direct
from course.world import FAMILIES, Problem, draw_problems, is_right, thinks
from course.world.answers import Reply, normalize, split_reply, steps
from course.world.conversation import begun

Ask = Callable[[str], str]  # from a question to a prompt


@dataclass(frozen=True)
class Rollout:
    """One reply that a model gave to a problem, as it was sampled and as it reads."""

    problem: Problem
    reply: Reply
    completion: Completion

    @property
    def right(self) -> bool:
        """Whether the reply is complete and its answer right."""
        return is_right(self.problem, self.reply.answer)

    @property
    def thought(self) -> bool:
        """Whether the reply closed its thinking over at least one right step, and went on to an answer."""
        return self.reply.answer is not None and thinks(self.problem, self.reply.reasoning)

    @property
    def verdicts(self) -> list[bool]:
        """For each step of the reasoning, whether the oracle calls it right; none for a fact, which has no steps."""
        family = FAMILIES.get(self.problem.family)
        return [] if family is None else family.check_steps(self.problem, steps(self.reply.reasoning))

    @property
    def vote(self) -> str | None:
        """The normalized answer, for counting votes; None if there is no answer."""
        return normalize(self.reply.answer) or None

    @property
    def tokens(self) -> int:
        """The number of tokens of the reply, the end included."""
        return len(self.completion.token_ids)


def read_reply(prompt: str, completion: Completion) -> Reply:
    """Cut a completion into thinking and answer; thinking that the prompt began (a forced `<think>`) is part of it.

    A truncated completion has no answer, whatever it says so far.
    """
    reply = split_reply(begun(prompt) + completion.text)
    return reply if completion.finished else replace(reply, answer=None)


def sample_rollouts(
    model: nn.Module,
    tokenizer,
    problems: Sequence[Problem],
    ask: Ask = direct,
    *,
    temperature: float = 1.0,
    max_new_tokens: int = 160,
    seed: int,
) -> list[Rollout]:
    """Sample one reply to each problem; `ask` turns its question into a prompt."""
    settings = {"temperature": temperature, "max_new_tokens": max_new_tokens, "seed": seed}
    return [one for (one,) in sample_groups(model, tokenizer, problems, ask, samples=1, **settings)]


def sample_groups(
    model: nn.Module,
    tokenizer,
    problems: Sequence[Problem],
    ask: Ask = direct,
    *,
    samples: int,
    temperature: float = 1.0,
    max_new_tokens: int = 160,
    seed: int,
) -> list[list[Rollout]]:
    """Sample `samples` replies to each problem: a list per problem. `ask` turns a question into a prompt."""
    prompts = [ask(problem.question) for problem in problems]
    drawn = generate(model, tokenizer, prompts, samples, max_new_tokens, temperature, seed=seed)
    return [
        [Rollout(problem, read_reply(prompt, completion), completion) for completion in completions]
        for problem, prompt, completions in zip(problems, prompts, drawn, strict=True)
    ]


def ask_all(
    model: nn.Module,
    tokenizer,
    ways: Mapping[str, Ask | Mapping[str, Ask]],
    n: int,
    *,
    split: str = "dev",
    temperature: float = 1.0,
    max_new_tokens: int = 160,
    seed: int = 0,
) -> dict[str, dict[str, list[Rollout]]]:
    """Ask the same `n` problems of every family in several ways: `found[way][family]` is a list of rollouts.

    A way is a function from a question to a prompt, or a mapping from families to such functions where it differs from
    family to family, as examples do. Shows a progress bar. Raises ValueError for an unknown split or more problems
    than there are.
    """
    from tqdm.auto import tqdm

    problems = {family: draw_problems(family, n, split=split) for family in FAMILIES}
    found: dict[str, dict[str, list[Rollout]]] = {way: {} for way in ways}
    rounds = [(way, family) for way in ways for family in FAMILIES]
    for way, family in tqdm(rounds, desc="asking", unit="family", leave=False):
        ask = ways[way]
        ask = ask[family] if isinstance(ask, Mapping) else ask
        settings = {"temperature": temperature, "max_new_tokens": max_new_tokens, "seed": seed}
        found[way][family] = sample_rollouts(model, tokenizer, problems[family], ask, **settings)
    return found


@dataclass(frozen=True)
class RolloutBatch:
    """The rollouts of one training step, in groups of replies to the same problem, with the prompts' token ids."""

    prompt_ids: list[list[int]]  # one prompt a problem
    groups: list[list[Rollout]]  # P groups of G

    @property
    def rows(self) -> list[Rollout]:
        """All rollouts, group after group."""
        return [one for group in self.groups for one in group]

    @property
    def lengths(self) -> Int[Tensor, "B"]:
        """The number of tokens of each completion, the end included."""
        return torch.tensor([one.tokens for one in self.rows])
