"""A compute budget for a learner: FLOPs of its own, counted as they are spent, by whatever way it learns.

FLOPs are counted by `course.model.accounting`: what the learner reads, draws and learns from. What a teacher draws and
scores is counted apart.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from torch import nn

from course.learn.grpo import GRPOConfig, grpo, training_problems
from course.learn.settings import between, whole
from course.learn.sft import Packed, TrainingExample, imitation_loss, pack, shuffled_batches
from course.learn.training import LARGEST, TrainingConfig, train
from course.model.accounting import sampling_flops, training_flops
from course.world import Problem

BUDGET = 2e12  # FLOPs of the student
ROWS, LENGTH = 8, 320  # of a step that imitates: 2,560 tokens
QUESTIONS = 1000  # of each family


@dataclass
class BudgetedStudent:
    """A student, the compute budget it may spend (FLOPs of its own), and what it has spent so far."""

    student: nn.Module
    tokenizer: object
    rate: float  # learning rate
    seed: int = 0
    budget: float = BUDGET
    questions: int = QUESTIONS
    spent: dict[str, float] = field(default_factory=lambda: {"student": 0.0, "teacher": 0.0})

    def __post_init__(self) -> None:
        between(self, 0, LARGEST, "budget", least_too=False)  # one that is never spent would never end
        whole(self, 1, "questions")

    def until_spent(self, steps: Iterator[dict], until: float = 1.0) -> Iterator[dict[str, float]]:
        """The loss of each step and the FLOPs spent by then; ends when this share of the compute budget is spent."""
        for stats in steps:
            yield {"step": stats["step"], "loss": stats["loss"], "flops": self.spent["student"]}
            if self.spent["student"] >= until * self.budget:
                return


def imitate(
    learner: BudgetedStudent, examples: Sequence[TrainingExample], loss: Callable = imitation_loss, until: float = 1.0
) -> Iterator[dict[str, float]]:
    """Imitate examples until this share of the compute budget is spent."""
    cost = (
        ROWS * sum(training_flops(learner.student.config, len(one)) for one in examples) / len(pack(examples, LENGTH))
    )
    batch = metered(learner, shuffled_batches(examples, ROWS, LENGTH, learner.seed))
    yield from learner.until_spent(train(learner.student, batch, plan(learner, cost, until), loss=loss))


def reinforce(
    learner: BudgetedStudent,
    config: GRPOConfig,
    problems: Callable[[GRPOConfig, int], list[Problem]] = training_problems,
    until: float = 1.0,
) -> Iterator[dict[str, float]]:
    """GRPO, rewarded for right answers alone, until this share of the compute budget is spent.

    FLOPs count what is sampled and what is learned from; nothing is computed for zero-variance groups.
    """

    def steps() -> Iterator[dict]:
        for stats in grpo(learner.student, learner.tokenizer, config, problems=problems):
            rollouts = stats["rollouts"]
            for prompt, group, rewards in zip(rollouts.prompt_ids, rollouts.groups, stats["rewards"], strict=True):
                lengths = [one.tokens for one in group]
                charge_sampling(learner, len(prompt), lengths, learned_from=bool(rewards.std() > 0))
            yield stats

    yield from learner.until_spent(steps(), until)


def plan(learner: BudgetedStudent, cost: float, until: float = 1.0) -> TrainingConfig:
    """As many steps of this cost as the compute budget still allows."""
    steps = max(1, round((until * learner.budget - learner.spent["student"]) / cost))
    return TrainingConfig(steps, ROWS, LENGTH, learner.rate, warmup=min(20, steps), seed=learner.seed)


def metered(
    learner: BudgetedStudent, batch: Callable[[int], Packed], *, sampled: bool = False
) -> Callable[[int], Packed]:
    """The same batches; the FLOPs of learning from them are counted, and of sampling them if they were `sampled`."""

    def counted(step: int) -> Packed:
        packed = batch(step)
        for length, reply in zip(packed.lengths, packed.replies, strict=True):
            learner.spent["student"] += training_flops(learner.student.config, length)
            if sampled:
                charge_sampling(learner, length - reply, [reply])
        return packed

    return counted


def charge_sampling(
    learner: BudgetedStudent, prompt: int, replies: Sequence[int], *, learned_from: bool = False
) -> None:
    """Count the FLOPs of sampling replies of these lengths, and of learning from them if they are learned from."""
    config = learner.student.config
    learner.spent["student"] += sampling_flops(config, prompt, replies)
    learner.spent["student"] += learned_from * sum(training_flops(config, prompt + reply) for reply in replies)
