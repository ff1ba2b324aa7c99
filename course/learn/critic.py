"""A critic: the language model reads a question and somebody's solution, and objects to the first wrong line.

It reads the solution as if the thoughts were its own, and behind each line it either goes on or says "wait", which is
how the world begins a step that is done again. So the verdict is a token of its vocabulary (Lightman's process reward
model says "positive" or "negative"), and what it writes behind "wait" is its critique: how the line should be.

It learns from solutions that were tampered with, as CriticGPT does (McAleese and others 2024, arXiv:2407.00215):
whoever puts an error in knows where it is, so nobody marks anything. Whether it then finds errors that nobody put in is
another question.
"""

import math
import random
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from course._shapes import Float
from course.learn.reward_models import LabelledBatch, reply_values
from course.learn.step_labels import Labelled
from course.learn.training import TrainingConfig
from course.model import generate
from course.model.sampling import require_numbers
from course.think.evaluation import Score, accuracy
from course.think.prompting import force_thinking
from course.think.rollouts import Rollout
from course.think.search import Scorer
from course.world import FAMILIES, Family, Problem
from course.world.answers import steps
from course.world.conversation import Prompt
from course.world.problem import WAIT
from course.world.tokenizer import encode, load_tokenizer

LONGEST_SOLUTION = 26  # lines, where errors would make one go on for ever
LONGEST_LINE = 24  # tokens of a correction
CRITIC = TrainingConfig(steps=120, rows=24, length=128, learning_rate=1.5e-3, warmup=20)  # from `mini-careful`

# --- errors that are put in ---------------------------------------------------------------------------------------

Tampering = Callable[[Family, Problem, Any, list[str], random.Random], str | None]  # state, lines before: a wrong line


def slip(family: Family, problem: Problem, state: Any, before: list[str], rng: random.Random) -> str | None:
    """The step with a wrong result, as the family's hasty solver gets it."""
    return family.slip(problem, state, rng)


def digit(family: Family, problem: Problem, state: Any, before: list[str], rng: random.Random) -> str | None:
    """The step with another digit at any one place: a wrong term, a wrong cup, a wrong result."""
    line = family.next_step(problem, state, rng) or ""
    places = [place for place, character in enumerate(line) if character in string.digits]
    if not places:
        return None
    place = rng.choice(places)
    return line[:place] + rng.choice(string.digits.replace(line[place], "")) + line[place + 1 :]


def skip(family: Family, problem: Problem, state: Any, before: list[str], rng: random.Random) -> str | None:
    """The step after this one, as if this one were written."""
    line = family.next_step(problem, state, rng)
    return None if line is None else family.next_step(problem, family.follow(problem, state, line)[1], rng)


def again(family: Family, problem: Problem, state: Any, before: list[str], rng: random.Random) -> str | None:
    """The line before once more."""
    return before[-1] if before else None


KINDS: tuple[Tampering, ...] = (slip, digit, skip, again)


def tampered_solution(
    family: Family,
    problem: Problem,
    rng: random.Random,
    share: float | None = None,
    kinds: Sequence[Tampering] = KINDS,
) -> list[str]:
    """A worked solution with errors put in, each carried forward from where it stands.

    This `share` of lines goes wrong, or one line at any place if it is None. Where the error that was drawn is none, by
    the oracle, the line stays right. Solutions end after 26 lines. Raises ValueError for a share beyond 0 and 1.
    """
    if share is not None and not 0 <= share <= 1:
        raise ValueError(f"the share of wrong lines lies between 0 and 1: found {share}")
    place = rng.randrange(len(family.solution(problem))) if share is None else None
    state, lines = family.begin(problem), []
    while len(lines) < LONGEST_SOLUTION and (line := family.next_step(problem, state, rng)) is not None:
        if len(lines) == place if share is None else rng.random() < share:
            other = rng.choice(kinds)(family, problem, state, lines, rng)
            if other is not None and not family.follow(problem, state, other)[0]:
                line = other
        _, state = family.follow(problem, state, line)
        lines.append(line)
    return lines


# --- learning -----------------------------------------------------------------------------------------------------


def critic_example(
    tokenizer, problem: Problem, lines: Sequence[str], ask: Callable[[str], str] = force_thinking
) -> Labelled:
    """A solution as the critic reads it, labelled at each line's end with whether the line is right, by the oracle.

    What stands in the lines is text, whatever it looks like: no control token in them counts. Raises ValueError for a
    solution without lines, and for characters the tokenizer cannot hold.
    """
    if not lines:
        raise ValueError("a solution without lines gives a critic nothing to read")
    verdicts = FAMILIES[problem.family].check_steps(problem, list(lines))
    return Labelled(*_reading(tokenizer, problem, lines, ask), tuple(map(float, verdicts)))


def critic_examples(
    tokenizer,
    problems: Sequence[Problem],
    *,
    share: float = 0.3,
    clean: float = 0.5,
    kinds: Sequence[Tampering] = KINDS,
    ask: Callable[[str], str] = force_thinking,
    seed: int = 0,
) -> list[Labelled]:
    """A solution of each problem to learn from: of those that are not `clean`, this `share` of lines goes wrong."""
    rng = random.Random(f"critic:{seed}")
    solved = [
        tampered_solution(FAMILIES[one.family], one, rng, 0.0 if rng.random() < clean else share, kinds)
        for one in problems
    ]
    return [critic_example(tokenizer, *one, ask) for one in zip(problems, solved, strict=True)]


def critic_loss(model: nn.Module, batch: LabelledBatch) -> Float[Tensor, ""]:
    """Mean binary cross-entropy of objecting behind wrong lines and not behind right ones, in nats a line.

    P(object) is the probability of the token that begins "wait"; what else would be said does not count.
    """
    batch = batch.to(next(model.parameters()).device)
    logits = model(batch.ids).logits[batch.is_labelled]  # (N, V)
    return binary_cross_entropy_with_logits(objection_logits(logits), 1 - batch.labels[batch.is_labelled])


def objection_logits(logits: Float[Tensor, "... V"]) -> Float[Tensor, "..."]:
    """log P - log(1 - P) of the token that begins "wait", from next-token logits."""
    token = _objection()
    others = torch.cat((logits[..., :token], logits[..., token + 1 :]), -1).float()
    return logits[..., token].float() - others.logsumexp(-1)


# --- criticizing --------------------------------------------------------------------------------------------------


@torch.inference_mode()
def objections(
    model: nn.Module,
    tokenizer,
    problems: Sequence[Problem],
    solutions: Sequence[Sequence[str]],
    ask: Callable[[str], str] = force_thinking,
) -> list[list[float]]:
    """For each line of each solution the probability that the critic objects to it, all from one pass a solution.

    Raises ValueError if there is not one solution a problem, and for logits that are not numbers.
    """
    texts = [_reading(tokenizer, *one, ask) for one in zip(problems, solutions, strict=True)]
    replies = [(prompt, reply) for prompt, reply, _ in texts]
    values = reply_values(
        replies, lambda ids: objection_logits(require_numbers(model(ids).logits)).sigmoid(), model.device
    )
    return [[row[place] for place in places] for row, (_, _, places) in zip(values, texts, strict=True)]


def critique(
    model: nn.Module,
    tokenizer,
    problems: Sequence[Problem],
    solutions: Sequence[Sequence[str]],
    ask: Callable[[str], str] = force_thinking,
    *,
    threshold: float = 0.5,
) -> list[int | None]:
    """The line of each solution, counted from 0, that the critic objects to first; None where it objects to none.

    It objects where its probability of doing so is above `threshold`: greedily at 1/2; a lower one finds more and
    raises more false alarms. Raises ValueError as `objections` does, and unless the threshold lies between 0 and 1.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"the threshold is a probability between 0 and 1: found {threshold}")
    chances = objections(model, tokenizer, problems, solutions, ask)
    return [next((place for place, one in enumerate(several) if one > threshold), None) for several in chances]


def corrections(
    model: nn.Module,
    tokenizer,
    problems: Sequence[Problem],
    solutions: Sequence[Sequence[str]],
    wrong: Sequence[int],
    ask: Callable[[str], str] = force_thinking,
) -> list[str | None]:
    """What the critic writes behind line `wrong` of each solution, made to object there: how it should be.

    None where that cannot be read (`read_correction`). Whether it is right is for the oracle to say. The loss asks
    for "wait" and not for what follows, so that training spoils some of what the model could write there before.
    """
    shown = [list(lines[: place + 1]) for lines, place in zip(solutions, wrong, strict=True)]
    prompts = [ask(one.question) + _typed(lines) + WAIT for one, lines in zip(problems, shown, strict=True)]
    drawn = generate(model, tokenizer, prompts, max_new_tokens=LONGEST_LINE, temperature=0.0, seed=0)
    return [read_correction(completion.text) for (completion,) in drawn]


def read_correction(text: str) -> str | None:
    """The line that a critic wrote: what stands before the first line end, if that is like a step at all; or None.

    A step is up to 40 of the letters, digits and signs that the world's steps are written with. Any text is safe.

    >>> read_correction("2-5: 5\\n3-4: 5"), read_correction("<think>"), read_correction("2-5: 5")
    ('2-5: 5', None, None)
    """
    found = re.match(r"([a-z0-9 .:?+*/()<=>-]{1,40})\n", text)
    return found[1].strip() or None if found else None


def critic_scorer(model: nn.Module, tokenizer, ask: Callable[[str], str] = force_thinking) -> Scorer:
    """A critic as the scorer of a search: the probability that it objects to no line; 0 without lines."""

    def score(rollouts: Sequence[Rollout]) -> list[float]:
        solutions = [steps(one.reply.reasoning) for one in rollouts]
        chances = objections(model, tokenizer, [one.problem for one in rollouts], solutions, ask)
        return [math.prod(1 - one for one in several) if several else 0.0 for several in chances]

    return score


@dataclass(frozen=True)
class Findings:
    """How a critic did on solutions whose first wrong line is known."""

    found: Score  # of the solutions with a wrong line: it named the first one
    misplaced: Score  # of these: it named another line
    false_alarms: Score  # of the solutions without: it named a line


def findings(said: Sequence[int | None], true: Sequence[int | None]) -> Findings:
    """Compare what a critic said with the first wrong line of each solution, None where there is none.

    Raises ValueError unless both kinds of solutions are there.
    """
    pairs = list(zip(said, true, strict=True))
    wrong, clean = [pair for pair in pairs if pair[1] is not None], [one for one, place in pairs if place is None]
    return Findings(
        accuracy([one == place for one, place in wrong]),
        accuracy([one is not None and one != place for one, place in wrong]),
        accuracy([one is not None for one in clean]),
    )


def first_wrong(problem: Problem, lines: Sequence[str]) -> int | None:
    """The first line, counted from 0, that the oracle calls wrong, or None."""
    verdicts = FAMILIES[problem.family].check_steps(problem, list(lines))
    return verdicts.index(False) if False in verdicts else None


@cache
def _objection() -> int:
    """The token that begins "wait"."""
    return encode(load_tokenizer(), WAIT)[0]


def _typed(lines: Sequence[str]) -> Prompt:
    """Lines as text of somebody else's, in which no control token counts."""
    said = "".join(line + "\n" for line in lines)
    return Prompt(said, ((0, len(said)),))


def _reading(
    tokenizer, problem: Problem, lines: Sequence[str], ask: Callable[[str], str]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """A solution as tokens: the prompt, the lines behind it, and where each of these ends."""
    read = [encode(tokenizer, _typed([line])) for line in lines]
    ends = tuple(end - 1 for end in accumulate(map(len, read)))
    return tuple(encode(tokenizer, ask(problem.question))), tuple(token for line in read for token in line), ends
