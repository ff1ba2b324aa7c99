"""Exam items drawn from a seed: the same seed gives the same paper, and the library computes the answers.

Every kind of item is a function that draws its numbers from a `random.Random`. Paper and key are two texts, so that the
key never travels with the paper.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from course.learn.distillation import forward_kl
from course.learn.policy_gradient import (
    clipped_loss,
    group_advantages,
    leave_one_out_advantages,
    sequence_mean,
    token_mean,
)
from course.model.accounting import Sizes, count, grouped_query
from course.model.moe import Experts, softmax_routing
from course.think.evaluation import majority_vote, pass_at_k
from course.world import FAMILIES
from course.world.slips import hasty_solution


@dataclass(frozen=True)
class Item:
    """A question of an exam, in Markdown, with what it gives, its answer, and the way to it in a sentence."""

    kind: str
    question: str
    given: Mapping[str, object]
    answer: str
    way: str


def exam(seed: int, items: int = 8) -> list[Item]:
    """So many items, each of another kind, in an order drawn by the seed.

    Raises ValueError for more than there are kinds.
    """
    if not 1 <= items <= len(KINDS):
        raise ValueError(f"an exam has 1 to {len(KINDS)} items, not {items}")
    kinds = random.Random(f"exam:{seed}").sample(sorted(KINDS), items)
    return [KINDS[kind](random.Random(f"exam:{seed}:{kind}")) for kind in kinds]


def paper(items: list[Item], seed: int) -> str:
    """The questions, without an answer."""
    return "\n\n".join([f"# Exam {seed}", *(f"**{n}.** {one.question}" for n, one in enumerate(items, 1))]) + "\n"


def key(items: list[Item], seed: int) -> str:
    """The answers, each with the way to it."""
    lines = (f"**{n}.** {one.answer}\n\n{one.way}" for n, one in enumerate(items, 1))
    return "\n\n".join([f"# Exam {seed}: answer key", *lines]) + "\n"


def _rewards(rng: random.Random) -> list[int]:
    """Rewards of a group in which not all are equal."""
    right = rng.randrange(1, 8)
    return rng.sample([1] * right + [0] * (8 - right), 8)


def advantages(rng: random.Random) -> Item:
    """GRPO's advantages of a group."""
    rewards = _rewards(rng)
    found = group_advantages(torch.tensor([rewards], dtype=torch.float))[0]
    return Item(
        "advantages",
        f"Eight completions of one prompt earn the rewards {', '.join(map(str, rewards))}. What is the advantage of "
        "a right one and of a wrong one in GRPO? Give two decimals. The standard deviation divides by seven.",
        {"rewards": rewards},
        f"right {found.max():.2f}, wrong {found.min():.2f}",
        "Subtract the mean of the group from each reward and divide by the group's standard deviation.",
    )


def leave_one_out(rng: random.Random) -> Item:
    """RLOO's advantages of a group."""
    rewards = _rewards(rng)
    found = leave_one_out_advantages(torch.tensor([rewards], dtype=torch.float))[0]
    return Item(
        "leave one out",
        f"Eight completions of one prompt earn the rewards {', '.join(map(str, rewards))}. What are the "
        "leave-one-out advantages of a right one and of a wrong one, to two decimals?",
        {"rewards": rewards},
        f"right {found.max():.2f}, wrong {found.min():.2f}",
        "From each reward, subtract the mean reward of the other seven completions.",
    )


def at_least_one(rng: random.Random) -> Item:
    """pass@k from counts."""
    n = rng.randrange(6, 13)
    c, k = rng.randrange(1, n // 2 + 1), rng.randrange(2, 5)
    return Item(
        "pass at k",
        f"You draw {n} replies to a problem, and {c} of them are right. What is the unbiased estimate of pass@{k}, "
        "to two decimals?",
        {"n": n, "c": c, "k": k},
        f"{pass_at_k(n, c, k):.2f}",
        f"Among all ways to choose {k} of the {n} replies, count those that contain no right one, and subtract "
        "their share from one.",
    )


def vote(rng: random.Random) -> Item:
    """A majority vote with missing answers."""
    first, second, third = rng.sample(range(2, 30), 3)
    most = rng.randrange(3, 5)
    answers = [str(first)] * most + [str(second)] * (most - 1) + [str(third)] + [None] * (most + 1)
    truth = rng.choice(answers[:1] + answers[most : most + 1])
    rng.shuffle(answers)
    shown = ", ".join("none" if answer is None else answer for answer in answers)
    says = majority_vote(answers)
    return Item(
        "vote",
        f"Several replies to one question end in these answers: {shown}. *None* means that the reply was truncated. "
        f"The right answer is {truth}. What does the majority vote say, and is it right?",
        {"answers": answers, "truth": truth},
        f"{says}; it is {'right' if says == truth else 'wrong'}",
        "The most frequent answer wins, and no answer is none. A vote amplifies the mode, right or wrong.",
    )


def divergence(rng: random.Random) -> Item:
    """A KL divergence over three tokens."""
    teacher, student = ([share / 10 for share in part] for part in rng.sample(PARTS, 2))
    found = forward_kl(torch.tensor([teacher]).log(), torch.tensor([student]).log())
    return Item(
        "divergence",
        f"Over three tokens, the teacher has the probabilities {_listed(teacher)} and the student "
        f"{_listed(student)}. What is KL(teacher || student) in nats, to two decimals?",
        {"teacher": teacher, "student": student},
        f"{abs(float(found)):.2f}",
        "Add up p log(p/q) over the three tokens, with the teacher's probability as p and natural logarithms.",
    )


PARTS = ((7, 2, 1), (1, 2, 7), (5, 3, 2), (2, 3, 5), (4, 4, 2), (6, 1, 3), (1, 8, 1), (3, 5, 2))


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def parameters(rng: random.Random) -> Item:
    """Active parameters of a mixture of experts."""
    width, layers, experts = rng.choice((64, 128, 256)), rng.randrange(2, 7), rng.choice((4, 8, 16))
    used, inside, vocab = rng.randrange(1, 4), rng.choice((64, 128)), 512
    attention = grouped_query(width, 4, 4, width // 4)
    sizes = Sizes(layers, width, vocab, attention, 0, Experts(experts, used, inside, 0, dense_first=0), tied=True)
    return Item(
        "active parameters",
        f"A decoder has {layers} layers, hidden size {width} and {vocab} tokens; the output head is the table of "
        f"tokens. Attention has four square matrices in each layer, without biases. Each layer has {experts} "
        f"experts of intermediate size {inside}, three matrices each, of which a token uses {used}, and a router "
        f"without a bias. Each layer has two norms of {width} weights, and one more norm comes last. How many "
        "parameters are there, and how many are active?",
        {"width": width, "layers": layers, "experts": experts, "used": used, "inside": inside, "vocab": vocab},
        f"{count(sizes).total:,} in all, {count(sizes).active:,} active",
        "Count every matrix once. For the active parameters, count only the experts that a token uses.",
    )


def wrong_step(rng: random.Random) -> Item:
    """A worked solution in which one step does not follow."""
    while True:
        family = FAMILIES[rng.choice(("sums", "cups", "letters"))]
        problem = family.draw(rng, rng.choice(family.levels))
        steps, _ = hasty_solution(family, problem, rng, slip=0.2, mend=0.0)
        right = family.check_steps(problem, steps)
        if right.count(False) == 1:
            break
    shown = "\n".join(f"    {number}  {line}" for number, line in enumerate(steps, 1))
    return Item(
        "wrong step",
        f"A model was asked: *{problem.question}* Here is its reasoning, line by line:\n\n{shown}\n\nWhich line "
        "does not follow from the question and the lines before it? An error that is carried forward correctly "
        "counts as right.",
        {"family": family.name, "problem": problem, "steps": steps},
        f"line {right.index(False) + 1}",
        "Check each line against the question and the lines before it as they are written.",
    )


def clip(rng: random.Random) -> Item:
    """PPO's clipped objective for one token."""
    ratio, advantage = rng.choice((0.5, 0.7, 0.9, 1.1, 1.3, 1.5)), rng.choice((-2.0, -1.0, 1.0, 2.0))
    new = torch.tensor([[ratio]]).log()
    found = -clipped_loss(new, torch.zeros(1, 1), torch.tensor([[advantage]]))
    return Item(
        "clip",
        f"A token has become {ratio} times as probable as when it was sampled. Its advantage is {advantage:g}, and "
        "the clip range is .2. What is its clipped objective, and does it still give a gradient?",
        {"ratio": ratio, "advantage": advantage},
        f"{float(found):.2f}; {'a gradient' if _moves(ratio, advantage) else 'no gradient'}",
        "Take the smaller of ratio times advantage and clipped ratio times advantage. The gradient is gone if the "
        "clipped one is smaller.",
    )


def _moves(ratio: float, advantage: float) -> bool:
    new = torch.tensor([[ratio]]).log().requires_grad_()
    (slope,) = torch.autograd.grad(clipped_loss(new, torch.zeros(1, 1), torch.tensor([[advantage]])).sum(), new)
    return bool(slope.abs().sum() > 0)


def routing(rng: random.Random) -> Item:
    """Which experts a token goes to, and with what weights."""
    logits = [one / 10 for one in rng.sample(range(-20, 21), 4)]
    chosen, weights = softmax_routing(torch.tensor([logits]), torch.zeros(4), 2)
    shown = ", ".join(f"expert {int(one)} with {weight:.2f}" for one, weight in zip(chosen[0], weights[0], strict=True))
    return Item(
        "routing",
        f"A router gives a token the logits {_listed(logits)} for experts 0 to 3. It chooses two experts and takes "
        "a softmax over these two. Which experts are they, and what are their weights, to two decimals?",
        {"logits": logits},
        shown,
        "Take the two largest logits, exponentiate them, and divide each by their sum.",
    )


def token_weights(rng: random.Random) -> Item:
    """What a token counts under two reductions."""
    short, long = rng.randrange(2, 9), rng.randrange(10, 41)
    lengths = torch.tensor([short, long])
    by_reply, by_token = sequence_mean(lengths, 64), token_mean(lengths, 64)
    return Item(
        "token weights",
        f"A batch holds two completions, of {short} and of {long} tokens. By which factor does a token of the short "
        "one count more than a token of the long one if every completion counts alike, and if every token does? "
        "Give two decimals.",
        {"short": short, "long": long},
        f"{float(by_reply[0] / by_reply[1]):.2f} and {float(by_token[0] / by_token[1]):.2f}",
        "If every completion counts alike, a token's weight is one over the length of its completion.",
    )


KINDS: dict[str, Callable[[random.Random], Item]] = {
    "active parameters": parameters,
    "advantages": advantages,
    "clip": clip,
    "divergence": divergence,
    "leave one out": leave_one_out,
    "pass at k": at_least_one,
    "routing": routing,
    "token weights": token_weights,
    "vote": vote,
    "wrong step": wrong_step,
}
