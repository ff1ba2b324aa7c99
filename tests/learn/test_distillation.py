"""Distillation against sums written out: traces kept, divergences, what reaches the teacher, the on-policy gradient."""

import math

import pytest
import torch

from course.learn.distillation import (
    answer_alone,
    as_examples,
    collect_traces,
    distill,
    distillation_loss,
    distinct,
    ends_right,
    everything,
    forward_kl,
    on_policy,
    reverse_kl,
    worked_solutions,
)
from course.learn.sft import TrainingExample, shuffled_batches, stack
from course.learn.training import TrainingConfig
from course.model import load
from course.model.transformer import ModelConfig, Output, Transformer
from course.think.prompting import direct, force_thinking
from course.think.rollouts import sample_rollouts
from course.world import FAMILIES, draw_problems, is_right, thinks
from course.world.answers import split_reply
from course.world.tokenizer import load_tokenizer

SMALL = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)
CONFIG = TrainingConfig(steps=4, rows=2, length=160, warmup=1)
P, Q = [0.5, 0.3, 0.2], [0.1, 0.6, 0.3]


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


@pytest.fixture(scope="module")
def teacher():
    return load("mini-base")[0]


def fresh(seed, kind=Transformer):
    torch.manual_seed(seed)
    return kind(SMALL).eval()


def examples(count=8):
    numbers = torch.randint(6, 512, (count, 20), generator=torch.Generator().manual_seed(3)).tolist()
    return [TrainingExample(tuple(row[:8]), tuple(row[8:])) for row in numbers]


# --- traces ---


@pytest.mark.slow
def test_kept_traces_are_right_and_no_two_are_the_same(teacher, tokenizer):
    problems = draw_problems("cups", 12, split="train")
    settings = {"samples": 3, "ask": force_thinking, "seed": 1}
    kept = collect_traces(teacher, tokenizer, problems, **settings)
    unfiltered = collect_traces(teacher, tokenizer, problems, keep=everything, **settings)
    said = [(one.problem.key, tuple(one.completion.token_ids)) for one in unfiltered]
    assert len(set(said)) == len(said) < 36  # most games have one solution, drawn again and again
    assert kept == [one for one in unfiltered if is_right(one.problem, one.reply.answer)]
    assert 0 < len(kept) < len(unfiltered)


def test_of_equal_replies_the_first_stays_and_the_order_with_it(teacher, tokenizer):
    one, other = sample_rollouts(teacher, tokenizer, draw_problems("sums", 2), seed=0)
    assert distinct([one, other, one, other, one]) == [one, other]


def test_an_example_is_the_plain_question_and_all_that_was_said_with_its_end(teacher, tokenizer):
    drawn = sample_rollouts(teacher, tokenizer, draw_problems("letters", 6, split="train"), force_thinking, seed=2)
    for one, example in zip(drawn, as_examples(tokenizer, drawn, ask=force_thinking), strict=True):
        assert tokenizer.decode(example.prompt) == direct(one.problem.question).lower()
        end = "<eos>" if one.completion.finished else ""
        assert tokenizer.decode(example.reply) == f"<think>{one.completion.text}{end}"


def test_answers_alone_have_no_thoughts_but_an_end(teacher, tokenizer):
    drawn = sample_rollouts(teacher, tokenizer, draw_problems("cups", 6), force_thinking, seed=2)
    right = [one for one in drawn if ends_right(one)]
    taught = as_examples(tokenizer, right, write=answer_alone)
    assert [tokenizer.decode(example.reply) for example in taught] == [f"{one.reply.answer}<eos>" for one in right]


def test_worked_solutions_think_and_are_right(tokenizer):
    for family in FAMILIES:
        for problem, example in zip(
            draw_problems(family, 5), worked_solutions(tokenizer, draw_problems(family, 5)), strict=True
        ):
            reply = split_reply(tokenizer.decode(example.reply))
            assert is_right(problem, reply.answer) and thinks(problem, reply.reasoning)
            assert example.reply[-1] == tokenizer.eos_token_id


# --- divergences ---


def enumerated(first, second):
    return sum(p * (math.log(p) - math.log(q)) for p, q in zip(first, second, strict=True))


def test_divergences_are_the_sums_they_stand_for():
    teacher, student = torch.tensor([P, Q, P]).log(), torch.tensor([Q, P, P]).log()
    assert forward_kl(teacher, student).tolist() == pytest.approx([enumerated(P, Q), enumerated(Q, P), 0], abs=1e-6)
    assert reverse_kl(teacher, student).tolist() == pytest.approx([enumerated(Q, P), enumerated(P, Q), 0], abs=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("divergence", [forward_kl, reverse_kl])
def test_the_loss_is_the_mean_over_replies_at_this_temperature_times_its_square(divergence, temperature):
    teacher, student, batch = fresh(0), fresh(1), stack([examples(3)[:2], examples(3)[2:]])
    expected = []
    for example in examples(3):
        ids = torch.tensor([example.prompt + example.reply])
        for place in range(len(example.prompt) - 1, len(example) - 1):
            p, q = ((model(ids).logits[0, place] / temperature).softmax(-1).tolist() for model in (teacher, student))
            expected.append(enumerated(p, q) if divergence is forward_kl else enumerated(q, p))
    by_hand = temperature**2 * sum(expected) / len(expected)
    assert distillation_loss(teacher, divergence, temperature)(student, batch).item() == pytest.approx(
        by_hand, rel=1e-3
    )


def test_the_square_keeps_gradients_of_one_size_at_high_temperatures():
    """Hinton and others 2015, section 2.1: far up, the gradient is (student - teacher) / V at any temperature."""
    teacher, student = torch.tensor([[0.4, -0.3, -0.1]]), torch.tensor([[0.1, 0.2, -0.3]], requires_grad=True)
    for temperature in (50.0, 200.0):
        soft = [(logits / temperature).log_softmax(-1) for logits in (teacher, student)]
        (gradient,) = torch.autograd.grad(temperature**2 * forward_kl(*soft).sum(), student)
        assert torch.allclose(gradient, (student - teacher) / 3, rtol=0.02)


def test_no_gradient_reaches_the_teacher_and_its_weights_stay():
    teacher, student = fresh(0), fresh(1)
    before = [weight.clone() for weight in teacher.parameters()]
    for divergence in (forward_kl, reverse_kl):
        distillation_loss(teacher, divergence)(student, stack([examples(2)])).backward()
    assert all(weight.grad is None for weight in teacher.parameters())
    assert all(weight.grad is not None for weight in student.parameters())
    list(distill(student, teacher, shuffled_batches(examples(), 2, 40), CONFIG))
    assert all(torch.equal(one, other) for one, other in zip(before, teacher.parameters(), strict=True))


def test_a_student_comes_to_expect_what_its_teacher_expects():
    teacher, student = fresh(0), fresh(1)
    config = TrainingConfig(steps=150, rows=2, length=40, warmup=5, learning_rate=1e-2)
    losses = [stats["loss"] for stats in distill(student, teacher, shuffled_batches(examples(), 2, 40), config)]
    assert losses[-1] < 0.2 * losses[0]


# --- on policy ---


class TwoTokens(Transformer):
    """A model that only ever says one of two tokens, or ends: small enough to list all its replies."""

    SAID = (1, 7)  # the end, and another

    def forward(self, *inputs, **settings) -> Output:
        """The logits of the two tokens as they are, of all others far below."""
        logits = super().forward(*inputs, **settings).logits
        other = torch.ones(logits.shape[-1], dtype=torch.bool).index_fill(0, torch.tensor(self.SAID), False)
        return Output(logits.masked_fill(other, -1e9))


def replies(model, prompt, longest):
    """Every reply of at most `longest` tokens with its probability."""
    found, open_ends = {}, {(): 1.0}
    while open_ends:
        begun, chance = open_ends.popitem()
        shares = model(torch.tensor([[*prompt, *begun]])).logits[0, -1].softmax(-1).tolist()
        for token in TwoTokens.SAID:
            done = token == 1 or len(begun) + 1 == longest
            (found if done else open_ends)[(*begun, token)] = chance * shares[token]
    return found


def exact_loss(student, teacher, prompt, chances):
    """Expected sum of reverse KL over a reply over its expected length, by enumeration; chances stay as they are."""
    total, tokens = torch.zeros(()), 0.0
    for reply, chance in chances.items():
        for place in range(len(reply)):
            ids = torch.tensor([[*prompt, *reply[:place]]])
            p, q = (model(ids).logits[0, -1, list(TwoTokens.SAID)].softmax(-1) for model in (student, teacher))
            total = total + chance * (p * (p / q).log()).sum()
        tokens += chance * len(reply)
    return total / tokens


@pytest.mark.slow
def test_the_on_policy_gradient_is_that_of_all_replies_weighed_by_their_chance(tokenizer):
    student, teacher = fresh(0, TwoTokens), fresh(1, TwoTokens)
    with torch.no_grad():  # far apart, and neither sure of itself
        for model in (student, teacher):
            model.embedding.weight[7] *= 3
    problem = draw_problems("cups", 1)[0]
    prompt = tokenizer.encode(direct(problem.question), add_special_tokens=False)
    chances = replies(student, prompt, 3)
    assert len(chances) == 4 and sum(chances.values()) == pytest.approx(1)
    batch = on_policy(student, tokenizer, lambda step: [problem] * 4000, length=64, max_new_tokens=3, seed=5)(0)
    distillation_loss(teacher, reverse_kl)(student, batch).backward()
    sampled = torch.cat([weight.grad.flatten() for weight in student.parameters()])
    # Brute force: move the weights a little along a direction, and see how the enumerated loss changes.
    for seed in range(3):
        torch.manual_seed(seed)
        direction = sampled / sampled.norm() + 0.02 * torch.randn(len(sampled)) / len(sampled) ** 0.5
        slope = []
        for sign in (1, -1):
            moved = fresh(0, TwoTokens)
            moved.load_state_dict(student.state_dict())
            with torch.no_grad():
                vector = torch.nn.utils.parameters_to_vector(moved.parameters()) + sign * 1e-3 * direction
                torch.nn.utils.vector_to_parameters(vector, moved.parameters())
                slope.append(exact_loss(moved, teacher, prompt, chances).item())
        assert (sampled @ direction).item() == pytest.approx((slope[0] - slope[1]) / 2e-3, rel=0.05)


def test_each_step_reads_what_the_student_says_by_then(tokenizer):
    student = fresh(0)
    batch = on_policy(student, tokenizer, lambda step: draw_problems("cups", 3), length=128, max_new_tokens=8)
    first, again, next_step = batch(0), batch(0), batch(1)
    assert torch.equal(first.ids, again.ids)
    assert not (first.ids.shape == next_step.ids.shape and torch.equal(first.ids, next_step.ids))
    with torch.no_grad():
        student.embedding.weight[1] *= 20
        student.embedding.weight[7] += 1
    assert not torch.equal(batch(0).ids, first.ids)


def test_an_interrupted_on_policy_run_ends_with_the_same_weights(tokenizer, tmp_path):
    teacher, ends = fresh(1), []
    for stop in (4, 2):
        for _ in range(2):  # the second call goes on where the first one was left
            student = fresh(0)
            batch = on_policy(student, tokenizer, lambda step: draw_problems("cups", 3, seed=step), max_new_tokens=8)
            run = distill(student, teacher, batch, CONFIG, checkpoint=tmp_path / f"{stop}.safetensors", every=1)
            for _, _ in zip(range(stop), run):
                pass
        ends.append(list(student.parameters()))
    assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True))
