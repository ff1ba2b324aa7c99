"""Asking a model many questions: every reply cut into thinking and answer, and marked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course._shapes import Int
from course.model import Completion, generate
from course.think.prompting import direct
from course.world import FAMILIES, Problem, draw_problems, is_right, thinks
from course.world.answers import Reply, normalize, split_reply

Ask = Callable[[str], str]  # from a question to a prompt


@dataclass(frozen=True)
class Rollout:
    """A problem and the reply a model gave to it."""

    problem: Problem
    reply: Reply
    completion: Completion

    @property
    def right(self) -> bool:
        """Whether it ended by itself with the right answer."""
        return is_right(self.problem, self.reply.answer)

    @property
    def thought(self) -> bool:
        """Whether it closed its thinking over at least one right step."""
        return self.reply.answer is not None and thinks(self.problem, self.reply.reasoning)

    @property
    def vote(self) -> str | None:
        """What it answered, without how it is dressed, for counting votes; None if it is no answer."""
        return normalize(self.reply.answer) or None

    @property
    def tokens(self) -> int:
        """How many tokens the reply took, the end included."""
        return len(self.completion.token_ids)


def read_reply(prompt: str, completion: Completion) -> Reply:
    """A completion cut into thinking and answer; thinking that the prompt began (a forced `<think>`) is part of it.

    A completion that was cut off has no answer, whatever it says so far.
    """
    reply = split_reply(prompt.rpartition("<assistant>")[2] + completion.text)
    return reply if completion.finished else Reply(reply.reasoning, None)


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
    """One reply of a model to each problem, `ask` turning its question into a prompt.

    A reply that was cut off has no answer.
    """
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
    """`samples` replies of a model to each problem: a list per problem."""
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
    seed: int = 0,
) -> dict[str, dict[str, list[Rollout]]]:
    """The same `n` problems of every family, asked in several ways: `found[way][family]` is a list of answers.

    A way that differs from family to family (examples do) is a mapping from families. Shows a progress bar. Raises
    ValueError for an unknown split or more problems than there are.
    """
    from tqdm.auto import tqdm

    problems = {family: draw_problems(family, n, split=split) for family in FAMILIES}
    found: dict[str, dict[str, list[Rollout]]] = {way: {} for way in ways}
    rounds = [(way, family) for way in ways for family in FAMILIES]
    for way, family in tqdm(rounds, desc="asking", unit="family", leave=False):
        ask = ways[way]
        ask = ask[family] if isinstance(ask, Mapping) else ask
        settings = {"temperature": temperature, "seed": seed}
        found[way][family] = sample_rollouts(model, tokenizer, problems[family], ask, **settings)
    return found


@dataclass(frozen=True)
class RolloutBatch:
    """A batch of rollouts: a group of them for each problem, and the prompts they answer."""

    prompt_ids: list[list[int]]  # one a problem
    groups: list[list[Rollout]]  # P groups of G

    @property
    def rows(self) -> list[Rollout]:
        """All replies, group after group."""
        return [one for group in self.groups for one in group]

    @property
    def lengths(self) -> Int[Tensor, "B"]:
        """Tokens of each completion, the end included."""
        return torch.tensor([one.tokens for one in self.rows])
