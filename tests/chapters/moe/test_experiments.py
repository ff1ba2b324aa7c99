"""Experiments with experts: arms of equal size, texts held out, a book to know, ways that do what they say."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from course.chapters.moe import balancing, reading
from course.chapters.moe import experiments as trials
from course.experiments import plain
from course.learn.pretraining import new_model
from course.learn.training import next_token_loss
from course.model.moe import expert_layers, load_balancing_loss
from course.model.transformer import parameter_count
from course.world import FAMILIES, draw_problems
from course.world.problem import split_of


def test_arms_are_as_large_as_they_are_called():
    sizes = {
        arm: (parameter_count(model), parameter_count(model, active=True))
        for arm, model in ((arm, new_model(config, 0)) for arm, config in trials.ARMS.items())
    }
    active, total, experts = (sizes[arm] for arm in ("dense, same active", "dense, same total", "experts"))
    routers = 2 * 8 * 96
    assert experts == (total[0] + routers, active[0] + routers)
    assert experts[0] > 1.85 * active[0]


def test_what_is_measured_was_never_read():
    texts = trials.held_out(20)
    assert list(texts) == [*FAMILIES, "facts", "phone book"]
    asked = {f"<user>{one.question}<assistant>": one for name in FAMILIES for one in draw_problems(name, 20)}
    for name in FAMILIES:
        assert len(texts[name]) == 20
        for prompt, reply in texts[name]:
            assert split_of(asked[prompt].key) == "dev" and reply.endswith(f"</think>{asked[prompt].answer}<eos>")


@pytest.mark.slow
def test_the_phone_book_has_a_number_for_each_of_different_words_and_every_entry_is_read():
    book = reading.phone_book()
    assert len({word for word, _ in book}) == 300 and all(len(number) == 3 for _, number in book)
    read = [text for text, _ in zip(reading.library("0:1"), range(3000), strict=False)]
    entries = [text for text in read if "What is the number of" in text]
    assert len(entries) / len(read) == pytest.approx(0.3, abs=0.03)
    assert len(set(entries)) > 250 and set(entries) <= {
        f"<user>What is the number of {word}?<assistant>{number}<eos>" for word, number in book
    }


def test_both_arms_of_a_seed_read_the_same_texts_and_another_seed_others():
    config = trials.READING
    first, again = (reading.rows(reading.library, config, 3) for _ in range(2))
    assert torch.equal(first, again) and first.shape == (10, 256)
    assert not torch.equal(first, reading.rows(reading.library, config, 4))


@pytest.mark.parametrize("way", balancing.WAYS)
def test_a_way_of_balancing_moves_what_it_says_and_nothing_else(way):
    torch.set_num_threads(1)
    model, steps = balancing.train_skewed(way, share=0.01)
    for _ in zip(range(2), steps, strict=False):
        pass
    moved = any(bool(layer.router.bias.any()) for layer in expert_layers(model))
    assert moved is (way == "bias updates")


def test_the_auxiliary_loss_is_a_hundredth_of_switch_s_for_every_layer():
    torch.manual_seed(0)
    model = new_model(balancing.SIXTEEN, 0)
    rows = torch.randint(0, 512, (2, 30))
    plainly = next_token_loss(model, rows)
    found = balancing.loss_with_balance(model, rows)
    each = [load_balancing_loss(layer.router.logits, layer.chosen) for layer in expert_layers(model)]
    assert len(each) == 2 and (found - plainly).item() == pytest.approx(0.01 * sum(each).item(), rel=1e-4)


def test_max_violation_of_batches_and_of_all_of_them_together_by_hand():
    loads = [[torch.tensor([3, 1])], [torch.tensor([1, 3])]]
    assert reading.violations(loads) == {"mean of batches": [0.5], "of all batches": [0.0]}


def test_a_loss_at_a_time_in_between_lies_on_the_line():
    ends = (
        dict.fromkeys((*FAMILIES, "facts", "phone book"), 2.0),
        dict.fromkeys((*FAMILIES, "facts", "phone book"), 1.0),
    )
    run = {"seconds": {"1": 10.0, "2": 20.0}, "losses": dict(zip("12", ends, strict=True))}
    assert trials._loss_at(run, 15.0)["the five families"] == pytest.approx(1.5)
    assert trials._loss_at(run, 99.0)["facts and phone book"] == 1.0


@pytest.mark.slow
def test_it_runs_from_end_to_end_on_a_few_steps(monkeypatch):
    torch.set_num_threads(1)
    for module, name in ((trials, "READING"), (balancing, "SHORT")):
        monkeypatch.setattr(module, name, replace(getattr(module, name), steps=16, rows=2, length=64))
        monkeypatch.setattr(module, "spread", lambda name, piece, jobs: {job: stored(piece(*job)) for job in jobs})
    monkeypatch.setattr(reading, "phone_book", partial(reading.phone_book, 20))
    monkeypatch.setattr(trials, "taken_apart", lambda *anything: {"busiest": {}, "knocked out": {}})
    for run in (trials.experts, balancing.balancing):
        found = run(2, 2)
        assert found.figures and found.comparisons and isinstance(found.holds, bool)
        assert all(one.n == 2 for one in found.comparisons.values())


def stored(piece):
    """A piece as it comes back from its file: the keys are text."""
    return plain(piece)
