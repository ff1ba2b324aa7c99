"""Distillation: a small model learns from a large one's replies, its distributions, or its view of the small one's.

- *By replies* (sequence-level, Kim and Rush 2016): collect the teacher's traces, keep those that end right, imitate.
- *By distributions* (logits, Hinton and others 2015): at each token of a reply, match the teacher's whole distribution
  over what comes next, by a divergence that is passed in.
- *On policy* (Agarwal and others 2024, Gu and others 2024): the same on replies that the student draws itself.

Departures: DeepSeek-R1's distilled models are of the first kind alone, with solutions that people and another model had
looked through; here the verifier decides. No mixture of own and teacher's replies (GKD's lambda is 0 or 1). No gradient
goes through sampling, so the on-policy gradient leaves out that other replies would be drawn.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from course._shapes import Float
from course.learn.sft import Packed, TrainingExample, pack, reply_logits, stack
from course.learn.training import TrainingConfig, step_seed, train
from course.think.prompting import direct
from course.think.rollouts import Rollout, sample_groups, sample_rollouts
from course.world import FAMILIES, Problem
from course.world.conversation import begun, exchange_ids
from course.world.tokenizer import encode

Divergence = Callable[[Tensor, Tensor], Tensor]  # log-probs of teacher and student (N, V): how far apart, each (N,)
Write = Callable[[object, Rollout], Sequence[int]]  # with a tokenizer: what of a reply is to be learned, as tokens

# --- traces -------------------------------------------------------------------------------------------------------


def ends_right(one: Rollout) -> bool:
    """Whether the verifier accepts the answer; how it came about is not looked at."""
    return one.right


def everything(one: Rollout) -> bool:
    """No filter at all: wrong and truncated replies are learned too."""
    return True


def collect_traces(
    teacher: nn.Module,
    tokenizer,
    problems: Sequence[Problem],
    *,
    samples: int = 1,
    ask: Callable[[str], str] = direct,
    keep: Callable[[Rollout], bool] = ends_right,
    max_new_tokens: int = 160,
    temperature: float = 1.0,
    seed: int,
) -> list[Rollout]:
    """Replies of a teacher that pass `keep`, each to one problem once, in the order of the problems."""
    settings = {"samples": samples, "max_new_tokens": max_new_tokens, "temperature": temperature, "seed": seed}
    drawn = sample_groups(teacher, tokenizer, problems, ask, **settings)
    return distinct([one for several in drawn for one in several if keep(one)])


def distinct(answered: Sequence[Rollout]) -> list[Rollout]:
    """The first of replies that say the same to the same problem: a solution learned twice teaches no other way."""
    first: dict[tuple, Rollout] = {}
    for one in answered:
        first.setdefault((one.problem.key, tuple(one.completion.token_ids)), one)
    return list(first.values())


def whole_reply(tokenizer, one: Rollout) -> list[int]:
    """The reply as it was drawn, thoughts included."""
    return one.completion.token_ids


def answer_alone(tokenizer, one: Rollout) -> list[int]:
    """What follows the thoughts, and the end. Raises ValueError for a reply without an answer."""
    if one.reply.answer is None:
        raise ValueError("this reply has no answer to learn: keep those that end right")
    return [*encode(tokenizer, one.reply.answer), tokenizer.eos_token_id]


def as_examples(
    tokenizer, answered: Sequence[Rollout], *, ask: Callable[[str], str] = direct, write: Write = whole_reply
) -> list[TrainingExample]:
    """Training examples: the direct question and a reply to learn, whatever the teacher was asked with.

    What `ask` began for the teacher, a forced `<think>`, is part of what the student is to say by itself.
    """
    examples = []
    for one in answered:
        prompt = encode(tokenizer, direct(one.problem.question))
        first = encode(tokenizer, begun(ask(one.problem.question)))
        examples.append(TrainingExample(tuple(prompt), (*first, *write(tokenizer, one))))
    return examples


def worked_solutions(tokenizer, problems: Sequence[Problem]) -> list[TrainingExample]:
    """The world's own solutions, without slips: what nobody has for real problems."""
    solved = ((one, FAMILIES[one.family].solution(one)) for one in problems)
    return [TrainingExample(*exchange_ids(tokenizer, one.question, one.answer, lines)) for one, lines in solved]


# --- how far is the student from the teacher? ---------------------------------------------------------------------


def forward_kl(teacher: Float[Tensor, "N V"], student: Float[Tensor, "N V"]) -> Float[Tensor, "N"]:
    """KL(teacher || student) = sum p_T (log p_T - log p_S), from log-probs: all the teacher may say is covered."""
    return (teacher.exp() * (teacher - student)).sum(-1)


def reverse_kl(teacher: Float[Tensor, "N V"], student: Float[Tensor, "N V"]) -> Float[Tensor, "N"]:
    """KL(student || teacher), of log-probs: the student may settle on one of the things the teacher says."""
    return forward_kl(student, teacher)


def distillation_loss(
    teacher: nn.Module, divergence: Divergence = forward_kl, temperature: float = 1.0
) -> Callable[[nn.Module, Packed], Tensor]:
    """The loss that compares a student with this teacher, at every token of the replies in a batch: nats a token.

    Both distributions are softened: softmax(logits / temperature). That makes gradients smaller by its square, so the
    mean is multiplied by the square (Hinton and others 2015, section 2). No gradient reaches the teacher.
    """

    def loss(student: nn.Module, batch: Packed) -> Float[Tensor, ""]:
        with torch.no_grad():
            expected, _ = reply_logits(teacher, batch)
        found, _ = reply_logits(student, batch)
        soft = [(logits.float() / temperature).log_softmax(-1) for logits in (expected.to(found.device), found)]
        return temperature**2 * divergence(*soft).mean()

    return loss


# --- the loops ----------------------------------------------------------------------------------------------------


def distill(
    student: nn.Module,
    teacher: nn.Module,
    batch: Callable[[int], Packed],
    config: TrainingConfig,
    *,
    divergence: Divergence = forward_kl,
    temperature: float = 1.0,
    checkpoint: Path | None = None,
    every: int = 100,
) -> Iterator[dict[str, float]]:
    """Teach a student in place by what a teacher expects at each token, yielding statistics as `train` does.

    `batch` says of which replies: `shuffled_batches(examples, ...)` are the teacher's, `on_policy(student, ...)` the
    student's own.
    """
    loss = distillation_loss(teacher, divergence, temperature)
    yield from train(student, batch, config, loss=loss, checkpoint=checkpoint, every=every)


def on_policy(
    student: nn.Module,
    tokenizer,
    problems: Callable[[int], Sequence[Problem]],
    *,
    length: int = 256,
    max_new_tokens: int = 160,
    temperature: float = 1.0,
    seed: int = 0,
) -> Callable[[int], Packed]:
    """The batch of each step: one reply of the student, as it is by then, to each of the step's problems."""

    def batch(step: int) -> Packed:
        # The seed must change with every step, or a problem that comes again gets the same luck.
        settings = {"max_new_tokens": max_new_tokens, "temperature": temperature, "seed": step_seed(seed, step)}
        drawn = sample_rollouts(student, tokenizer, problems(step), **settings)
        return stack(pack(as_examples(tokenizer, drawn), length))

    return batch
