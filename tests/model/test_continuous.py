"""Continuous batching: a row's reply is `generate`'s, whatever runs beside it and whenever it joins."""

import random

import pytest
import torch

from course.model import generate, load
from course.model.continuous import Batch, Row
from course.model.sampling import sampling_logprobs
from course.world import FAMILIES, draw_problems
from course.world.tokenizer import encode
from tests.model.conftest import SIZES, fresh

QUESTIONS = [problem.question for family in FAMILIES for problem in draw_problems(family, 8, seed=5)]
PROMPTS = [f"<user>{question}<assistant>" for question in QUESTIONS] + ["<user>", "<user>hi<assistant><think>"]
LENGTH = 60


@pytest.fixture(scope="module")
def base():
    return load("mini-base")


def row(tokenizer, prompt, seed=0, length=LENGTH, **options):
    """A row that draws the numbers that `generate` draws with this seed."""
    uniform = torch.rand(1, 1, length, generator=torch.Generator().manual_seed(seed)).flatten().tolist()
    return Row(encode(tokenizer, prompt), uniform, **options)


def finish(batch):
    """Step until nothing is left; what each step drew."""
    steps = []
    while batch.busy:
        steps.append(batch.step())
    return steps


def alone(model, tokenizer, prompt, seed, length=LENGTH, **options):
    return generate(model, tokenizer, [prompt], max_new_tokens=length, seed=seed, **options)[0][0].token_ids


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("mini-base", {}),
        ("mini-base", {"temperature": 0.0}),
        ("mini-base", {"temperature": 1.3, "top_p": 0.9}),
        ("experts", {}),
    ],
    ids=str,
)
def test_rows_that_come_and_go_get_the_replies_they_get_alone(kind, options, base):
    model, tokenizer = base if kind == "mini-base" else (fresh(SIZES["experts"]), base[1])
    generator = random.Random(1)
    plan = [(prompt, seed, generator.choice([3, 20, LENGTH])) for seed, prompt in enumerate(PROMPTS)]
    plan = plan if kind == "mini-base" else plan[::4]
    rows = [row(tokenizer, *one, **options) for one in plan]
    batch, left = Batch(model, tokenizer.eos_token_id, places=7), list(rows)
    while left or batch.busy:
        for _ in range(generator.choice([0, 0, 1, 3]) if left else 0):
            batch.add(left.pop(0)) if left else None
        batch.step()
    expected = [alone(model, tokenizer, *one, **options) for one in plan]
    same = sum(one.token_ids == reply for one, reply in zip(rows, expected))
    assert same >= len(rows) - 1, "but for a draw that rounding tips"
    for one, (_, _, length) in zip(rows, plan):
        assert one.ended == ("stop" if one.token_ids[-1] == tokenizer.eos_token_id else "length")
        assert len(one.token_ids) <= length


@pytest.mark.slow
def test_rows_of_many_kinds_in_one_batch_each_get_their_own(base):
    model, tokenizer = base
    kinds = [{}, {"temperature": 0.0}, {"temperature": 0.7}, {"top_p": 0.5}]
    plan = [(prompt, place, kinds[place % 4]) for place, prompt in enumerate(PROMPTS[:16])]
    rows = [row(tokenizer, prompt, seed, **kind) for prompt, seed, kind in plan]
    batch = Batch(model, tokenizer.eos_token_id, places=16)
    for one in rows:
        batch.add(one)
    finish(batch)
    assert [one.token_ids for one in rows] == [alone(model, tokenizer, p, seed, **kind) for p, seed, kind in plan]


@pytest.mark.parametrize("places", [1, 3])
def test_a_row_gets_its_first_token_within_two_steps_of_a_place_being_free(base, places):
    model, tokenizer = base
    batch = Batch(model, tokenizer.eos_token_id, places)
    long = [row(tokenizer, "<user>", seed, barred=(tokenizer.eos_token_id,)) for seed in range(places)]
    for one in long:
        batch.add(one)
    for _ in range(10):
        batch.step()
    late = row(tokenizer, "<user>hi<assistant>", length=5)
    batch.add(late)
    while not any(one.ended for one in long):
        assert late not in [drawn.row for drawn in batch.step()], "all places are taken"
    assert len(long[0].token_ids) == LENGTH and not late.token_ids
    batch.step()
    assert len(late.token_ids) == 1, "it joins in the very next step"


def test_a_row_joins_a_running_batch_that_has_room_in_the_next_step(base):
    model, tokenizer = base
    batch = Batch(model, tokenizer.eos_token_id, places=2)
    batch.add(row(tokenizer, PROMPTS[0], barred=(tokenizer.eos_token_id,)))
    for _ in range(5):
        batch.step()
    late = row(tokenizer, PROMPTS[1])
    batch.add(late)
    assert len(batch.step()) == 2 and len(late.token_ids) == 1


def test_rows_come_in_in_the_order_in_which_they_were_added(base):
    model, tokenizer = base
    batch = Batch(model, tokenizer.eos_token_id, places=1)
    rows = [row(tokenizer, "<user>", length=2, seed=seed, barred=(1,)) for seed in range(4)]
    for one in rows:
        batch.add(one)
    assert [drawn.row for step in finish(batch) for drawn in step] == [one for one in rows for _ in range(2)]


def test_a_row_that_is_dropped_frees_its_place_and_disturbs_nobody(base):
    model, tokenizer = base
    rows = [row(tokenizer, prompt, seed, length=30, barred=(1,)) for seed, prompt in enumerate(PROMPTS[:5])]
    undisturbed = [row(tokenizer, prompt, seed, length=30, barred=(1,)) for seed, prompt in enumerate(PROMPTS[:5])]
    for some, dropped in ((undisturbed, []), (rows, [rows[0], rows[4]])):
        batch = Batch(model, tokenizer.eos_token_id, places=4)
        for one in some:
            batch.add(one)
        for _ in range(5):
            batch.step()
        for one in dropped:  # one that runs, one that waits
            batch.drop(one)
        finish(batch)
    assert [len(one.token_ids) for one in rows] == [5, 30, 30, 30, 0]
    assert [one.token_ids for one in rows[1:4]] == [one.token_ids for one in undisturbed[1:4]]
    batch.drop(rows[1])  # it has ended
    batch.step()
    assert not batch.busy


def test_a_row_ends_where_the_context_does(base):
    model, tokenizer = base
    context = model.config.context
    one = Row([tokenizer.convert_tokens_to_ids("<user>")] * (context - 4), [0.5] * 50, barred=(1,))
    batch = Batch(model, tokenizer.eos_token_id, places=1)
    batch.add(one)
    finish(batch)
    assert (len(one.token_ids), one.ended) == (4, "length")


@pytest.mark.parametrize(
    ("ids", "uniform"), [([], [0.5]), ([2] * 512, [0.5]), ([2], [])], ids=["empty", "long", "none"]
)
def test_a_row_without_room_for_a_token_is_refused(base, ids, uniform):
    model, tokenizer = base
    with pytest.raises(ValueError, match="at least one token"):
        Batch(model, tokenizer.eos_token_id).add(Row(ids, uniform))


def test_a_barred_token_is_never_drawn_and_the_others_keep_their_ratios(base):
    model, tokenizer = base
    with torch.no_grad():
        ids = encode(tokenizer, PROMPTS[0])
        logits = model(torch.tensor([ids])).logits[0, -1]
    first = int(logits.argmax())
    probabilities = sampling_logprobs(logits).exp()
    probabilities[first] = 0
    reached = (probabilities / probabilities.sum()).cumsum(0)
    numbers = [0.05, 0.3, 0.5, 0.8, 0.95]
    rows = [Row(ids, [number], barred=(first,)) for number in numbers]
    batch = Batch(model, tokenizer.eos_token_id)
    for one in rows:
        batch.add(one)
    batch.step()
    assert [one.token_ids for one in rows] == [[int((reached <= number).sum())] for number in numbers]


def test_a_token_that_is_decided_is_drawn_and_the_reply_goes_on_from_it(base):
    model, tokenizer = base
    closing = tokenizer.convert_tokens_to_ids("</think>")
    one = row(tokenizer, "<user>What is 2+3?<assistant><think>", temperature=0.0,
              forced=lambda ids: closing if len(ids) == 2 else None)  # fmt: skip
    batch = Batch(model, tokenizer.eos_token_id)
    batch.add(one)
    finish(batch)
    begun = "<user>What is 2+3?<assistant><think>" + tokenizer.decode(one.token_ids[:2]) + "</think>"
    assert one.token_ids[2] == closing
    assert one.token_ids[3:] == alone(model, tokenizer, begun, 0, LENGTH - 3, temperature=0.0)


def test_logprobs_are_the_model_s_at_temperature_one_whatever_it_is_drawn_with(base):
    model, tokenizer = base
    one = row(tokenizer, PROMPTS[0], length=8, temperature=0.5, top_p=0.8, top=4, barred=(5,))
    beside = row(tokenizer, PROMPTS[3], length=8)
    batch = Batch(model, tokenizer.eos_token_id)
    batch.add(one)
    batch.add(beside)
    steps = [each for step in finish(batch) for each in step]
    drawn = [each for each in steps if each.row is one]
    assert {each.logprob for each in steps if each.row is beside} == {None}, "where they are not asked for"
    with torch.no_grad():
        logprobs = (
            model(torch.tensor([one.prompt_ids + one.token_ids]))
            .logits[0, len(one.prompt_ids) - 1 : -1]
            .log_softmax(-1)
        )
    for place, each in enumerate(drawn):
        assert each.logprob == pytest.approx(float(logprobs[place, each.token]), abs=1e-4)
        values, ids = logprobs[place].topk(4)
        assert [token for token, _ in each.top] == ids.tolist()
        assert [value for _, value in each.top] == pytest.approx(values.tolist(), abs=1e-4)


def test_logits_that_are_no_numbers_empty_the_batch_and_the_next_rows_are_as_ever(base):
    """NaN times no weight is NaN: nothing of the broken step may stay in the cache."""
    model, tokenizer = fresh(SIZES["dense"]), base[1]
    batch = Batch(model, tokenizer.eos_token_id, places=3)
    broken = [row(tokenizer, PROMPTS[place], place) for place in range(3)]
    for one in broken:
        batch.add(one)
    batch.step()
    weight = model.embedding.weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="not numbers"):
        batch.step()
    assert not batch.busy
    with torch.no_grad():
        weight.copy_(kept)
    plan = [("<user>", 1), (PROMPTS[5], 2), ("<user>hi<assistant>", 3)]
    rows = [row(tokenizer, *one, length=20) for one in plan]
    for one in rows:
        batch.add(one)
    finish(batch)
    assert [one.token_ids for one in rows] == [alone(model, tokenizer, *one, 20) for one in plan]
