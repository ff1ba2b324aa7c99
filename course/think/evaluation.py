"""How good is it, and how sure are we? Scores with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from course.model import Completion, generate
from course.think.prompting import direct
from course.world import FAMILIES, Problem, draw_problems, thinks
from course.world.answers import Reply, split_reply


@dataclass(frozen=True, repr=False)
class Score:
    """How many of how many were right, with an interval for the share behind them."""

    right: int
    total: int

    @property
    def mean(self) -> float:
        """The share that was right."""
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson (1927), which holds its level also near 0 and 1; the unit is the problem."""
        from scipy.stats import binomtest  # a second to import, so not before it is needed

        found = binomtest(self.right, self.total).proportion_ci(0.95, method="wilson")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.mean:.2f} [{low:.2f}, {high:.2f}]"

    __repr__ = __str__


@dataclass(frozen=True)
class Answered:
    """A problem and the reply a model gave to it."""

    problem: Problem
    reply: Reply
    completion: Completion

    @property
    def right(self) -> bool:
        """Whether it ended by itself with the right answer."""
        return FAMILIES[self.problem.family].correct(self.problem, self.reply.answer)

    @property
    def thought(self) -> bool:
        """Whether it closed its thinking over at least one right step."""
        return self.reply.answer is not None and thinks(self.problem, self.reply.reasoning)


def accuracy(marks: Sequence[bool]) -> Score:
    """The share of true marks, as a score. Raises ValueError if there are none.

    >>> print(accuracy([True] * 8 + [False] * 2))
    0.80 [0.49, 0.94]
    """
    if not marks:
        raise ValueError("nothing to score: give at least one mark")
    return Score(sum(map(bool, marks)), len(marks))


def answer(
    model: nn.Module,
    tokenizer,
    problems: Sequence[Problem],
    ask: Callable[[str], str] = direct,
    *,
    temperature: float = 1.0,
    max_new_tokens: int = 160,
    seed: int,
) -> list[Answered]:
    """One reply of a model to each problem, `ask` turning its question into a prompt.

    A reply that was cut off has no answer.
    """
    prompts = [ask(problem.question) for problem in problems]
    drawn = generate(model, tokenizer, prompts, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    return [
        Answered(problem, read_reply(prompt, completion), completion)
        for problem, prompt, (completion,) in zip(problems, prompts, drawn, strict=True)
    ]


def ask_all(
    model: nn.Module,
    tokenizer,
    ways: Mapping[str, Callable[[str], str]],
    n: int,
    *,
    split: str = "dev",
    temperature: float = 1.0,
    seed: int = 0,
) -> dict[str, dict[str, list[Answered]]]:
    """The same `n` problems of every family, asked in several ways: `found[way][family]` is a list of answers.

    Shows a progress bar. Raises ValueError for an unknown split or more problems than there are.
    """
    from tqdm.auto import tqdm

    problems = {family: draw_problems(family, n, split=split) for family in FAMILIES}
    found: dict[str, dict[str, list[Answered]]] = {way: {} for way in ways}
    rounds = [(way, family) for way in ways for family in FAMILIES]
    for way, family in tqdm(rounds, desc="asking", unit="family", leave=False):
        settings = {"temperature": temperature, "seed": seed}
        found[way][family] = answer(model, tokenizer, problems[family], ways[way], **settings)
    return found


def scores(answered: Mapping[str, Sequence[Answered]]) -> dict[str, Score]:
    """The score of each group of answers."""
    return {group: accuracy([one.right for one in several]) for group, several in answered.items()}


def constant_scores(answered: Mapping[str, Sequence[Answered]]) -> dict[str, float]:
    """What somebody would score who always says the family's best constant answer."""
    return {
        family: accuracy(
            [FAMILIES[family].correct(one.problem, FAMILIES[family].constant_answer) for one in several]
        ).mean
        for family, several in answered.items()
    }


def read_reply(prompt: str, completion: Completion) -> Reply:
    """A completion cut into thinking and answer; thinking that the prompt began (a forced `<think>`) is part of it.

    A completion that was cut off has no answer, whatever it says so far.
    """
    reply = split_reply(prompt.rpartition("<assistant>")[2] + completion.text)
    return reply if completion.finished else Reply(reply.reasoning, None)
