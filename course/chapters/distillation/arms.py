"""Nine ways to teach one student, each for the same FLOPs of its own (chapter 9).

FLOPs are counted by `course.model.accounting`: what the student reads, draws and learns from. What the teacher draws
and scores is counted apart. Every arm begins with the same weights, takes as many trials of its learning rate on dev as
any other, and is measured after its last step.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import torch
from torch import nn

from course.learn.budget import BUDGET as BUDGET
from course.learn.budget import LENGTH, ROWS, BudgetedStudent, charge_sampling, imitate, metered, plan, reinforce
from course.learn.budget import QUESTIONS as QUESTIONS
from course.learn.distillation import (
    as_examples,
    collect_traces,
    distillation_loss,
    distinct,
    ends_right,
    everything,
    forward_kl,
    on_policy,
    reverse_kl,
    worked_solutions,
)
from course.learn.grpo import GRPOConfig
from course.learn.pretraining import rows
from course.learn.sft import Packed, TrainingExample
from course.learn.training import step_seed, train
from course.model import load
from course.model.accounting import forward_flops, sampling_flops, training_flops
from course.think.prompting import direct
from course.think.rollouts import Rollout, sample_groups
from course.world import FAMILIES, Problem, draw_problems
from course.world.conversation import exchange_ids
from course.world.corpus import Mixture
from course.world.tokenizer import encode

TEACHER, STUDENT = "mini-zero", "mini-student"
ROUNDS, SAMPLES = 3, 4  # of expert iteration
AT_ONCE = 40  # problems a step on policy
GROUPS, GROUP = 30, 8  # problems and completions a step of reinforcement
PROMPT, REPLY = 32, 54  # tokens of a question and a worked reply on average, to plan the steps on policy


Arm = Callable[[BudgetedStudent], Iterator[dict[str, float]]]

# --- what is imitated ---------------------------------------------------------------------------------------------


def corpus(learner: BudgetedStudent) -> Iterator[dict[str, float]]:
    """More of what it was pretrained on, other texts."""
    cost = ROWS * training_flops(learner.student.config, LENGTH)
    config = plan(learner, cost)

    def batch(step: int) -> torch.Tensor:
        learner.spent["student"] += cost
        return rows(Mixture(), replace(config, seed=1000 + learner.seed), step)

    yield from learner.until_spent(train(learner.student, batch, config))


def answers(learner: BudgetedStudent) -> Iterator[dict[str, float]]:
    """Right answers alone, to twice as many questions, as they are half as long to read."""
    asked = questions(learner.seed, 2 * learner.questions)
    examples = (exchange_ids(learner.tokenizer, one.question, one.answer) for one in asked)
    yield from imitate(learner, [TrainingExample(*example) for example in examples])


def unfiltered(learner: BudgetedStudent) -> Iterator[dict[str, float]]:
    """All the teacher's replies, wrong and truncated ones included."""
    yield from imitate(learner, as_examples(learner.tokenizer, teacher_rollouts(learner)))


def traces(learner: BudgetedStudent) -> Iterator[dict[str, float]]:
    """The teacher's replies that end right."""
    yield from imitate(learner, as_examples(learner.tokenizer, list(filter(ends_right, teacher_rollouts(learner)))))


def solutions(learner: BudgetedStudent) -> Iterator[dict[str, float]]:
    """The world's own worked solutions of the same questions: no teacher, and nobody has them for real problems."""
    yield from imitate(learner, worked_solutions(learner.tokenizer, questions(learner.seed, learner.questions)))


# --- what the teacher expects -------------------------------------------------------------------------------------


def logits(learner: BudgetedStudent) -> Iterator[dict[str, float]]:
    """The same replies as `traces`, and at each token all that the teacher might have said (forward KL)."""
    examples = as_examples(learner.tokenizer, list(filter(ends_right, teacher_rollouts(learner))))
    yield from imitate(learner, examples, scored(learner, forward_kl))


def own_replies(learner: BudgetedStudent) -> Iterator[dict[str, float]]:
    """The student's own replies, and at each token all that the teacher would have said (reverse KL)."""
    config, asked, spent = learner.student.config, [AT_ONCE], [0.0]
    cost = AT_ONCE * (sampling_flops(config, PROMPT, [REPLY]) + training_flops(config, PROMPT + REPLY))

    def problems(step: int) -> list[Problem]:
        if step:  # while replies are short the budget allows more of them
            asked.append(min(4 * AT_ONCE, round(asked[-1] * cost / (learner.spent["student"] - spent[-1]))))
            spent.append(learner.spent["student"])
        return by_step(learner, asked[-1])(step)

    drawn = on_policy(learner.student, learner.tokenizer, problems, length=LENGTH, seed=learner.seed)
    batch, loss = metered(learner, drawn, sampled=True), scored(learner, reverse_kl)
    yield from learner.until_spent(train(learner.student, batch, plan(learner, cost), loss=loss))


# --- what the student finds by itself -----------------------------------------------------------------------------


def reinforcement(learner: BudgetedStudent) -> Iterator[dict[str, float]]:
    """GRPO on the student, rewarded for right answers alone."""
    settings = {"prompts": GROUPS, "group_size": GROUP, "learning_rate": learner.rate, "seed": 1000 + learner.seed}
    yield from reinforce(learner, GRPOConfig(steps=10_000, **settings))


def own_right_ones(learner: BudgetedStudent) -> Iterator[dict[str, float]]:
    """Expert iteration: draw several replies, imitate those that end right, draw again (C24)."""
    problems = by_step(learner, len(FAMILIES) * learner.questions // ROUNDS)
    for number in range(ROUNDS):
        seed = 1000 * learner.seed + number
        drawn = sample_groups(learner.student, learner.tokenizer, problems(number), samples=SAMPLES, seed=seed)
        for several in drawn:
            prompt = encode(learner.tokenizer, direct(several[0].problem.question))
            charge_sampling(learner, len(prompt), [one.tokens for one in several])
        kept = distinct([one for several in drawn for one in several if ends_right(one)])
        yield from imitate(learner, as_examples(learner.tokenizer, kept), until=(number + 1) / ROUNDS)


GRPO = "GRPO on the student"
ARMS: dict[str, Arm] = {
    "more corpus": corpus,
    "answers only": answers,
    "traces, unfiltered": unfiltered,
    "traces": traces,
    "logits": logits,
    "on policy": own_replies,
    GRPO: reinforcement,
    "expert iteration": own_right_ones,
    "worked solutions": solutions,
}

# --- questions, and counting FLOPs --------------------------------------------------------------------------------


def questions(seed: int, each: int) -> list[Problem]:
    """So many problems of each family, from the train split."""
    return [one for name in FAMILIES for one in draw_problems(name, each, split="train", seed=1000 + seed)]


def by_step(learner: BudgetedStudent, several: int) -> Callable[[int], list[Problem]]:
    """Other problems every step, the families alike."""
    return lambda step: questions(step_seed(1 + learner.seed, step), max(1, several // len(FAMILIES)))


@cache
def teacher() -> nn.Module:
    """The teacher, loaded once."""
    return load(TEACHER)[0]


@cache
def teacher_traces(seed: int, each: int) -> list[Rollout]:
    """One reply of the teacher to each of a seed's questions; the arms that learn from them share them."""
    return collect_traces(teacher(), load(TEACHER)[1], questions(seed, each), keep=everything, seed=seed)


def teacher_rollouts(learner: BudgetedStudent) -> list[Rollout]:
    """The teacher's replies to the learner's questions; the FLOPs of sampling them are counted."""
    replies = teacher_traces(learner.seed, learner.questions)
    for one in replies:
        prompt = len(encode(learner.tokenizer, direct(one.problem.question)))
        learner.spent["teacher"] += sampling_flops(teacher().config, prompt, [one.tokens])
    return replies


def scored(learner: BudgetedStudent, divergence: Callable) -> Callable:
    """The loss against the teacher's distributions; the FLOPs of its reading are counted."""
    loss = distillation_loss(teacher(), divergence)

    def counted(student: nn.Module, batch: Packed) -> torch.Tensor:
        learner.spent["teacher"] += sum(forward_flops(teacher().config, length) for length in batch.lengths)
        return loss(student, batch)

    return counted
