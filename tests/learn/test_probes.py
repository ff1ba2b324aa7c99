"""The probes pass on the loop as it is, and each fails, in the way it says, when what it isolates is broken."""

import copy
import functools

import pytest
import torch

from course.learn import probes
from course.learn.policy_gradient import (
    centered_advantages,
    clipped_loss,
    constant_length,
    group_advantages,
    leave_one_out_advantages,
    no_baseline,
    sequence_mean,
    token_mean,
)
from course.learn.probes import ENDS, PROBES, RIGHT, SymbolTokenizer, babbler, length_trap, lengthening, probe
from course.model import generate


@pytest.fixture(autouse=True)
def babblers_read_once(monkeypatch):
    """A babbler reads the same each time: each test gets a copy of the first one."""
    monkeypatch.setattr(probes, "babbler", lambda seed: copy.deepcopy(read_once(seed)))


read_once = functools.cache(babbler)
LONG = {"delayed reward", "length trap"}  # forty steps of long replies
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in PROBES]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_loop_passes(name):
    found = probe(name)
    assert found.passed and str(found).endswith("as it must")


@pytest.mark.parametrize("advantage", [group_advantages, centered_advantages, leave_one_out_advantages])
def test_equal_rewards_move_nothing_at_all(advantage):
    assert set(probe("constant reward", advantage=advantage).course) == {0.0}


def without_care(rewards):
    return (rewards - rewards.mean(dim=1, keepdim=True)) / rewards.std(dim=1, keepdim=True)


def test_a_spread_of_zero_that_nobody_took_care_of_is_refused_by_the_loop_itself():
    with pytest.raises(ValueError, match="advantage is nan"):
        probe("constant reward", advantage=without_care)


def columns_for_rows(rewards):
    """As if the groups stood in columns: each reply gets the advantage of another prompt's."""
    return group_advantages(rewards).T.reshape(rewards.shape)


def on_the_last_token(new, old, advantages):
    last = (old != 0).cumsum(dim=1).argmax(dim=1, keepdim=True)  # where the reply ends; 0 in the padding
    return clipped_loss(new, old, advantages) * torch.zeros_like(new).scatter(1, last, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "broken", "where"),
    [
        ("constant reward", {"advantage": no_baseline}, "the advantage"),
        ("one-token bandit", {"loss": lambda *of: -clipped_loss(*of)}, "the loss"),
        ("one-token bandit", {"loss": lambda new, old, a: clipped_loss(new, old, a) * 0}, "the loss"),
        ("prompt-dependent token", {"ask": lambda question: "?"}, "what the model is shown"),
        ("prompt-dependent token", {"advantage": columns_for_rows}, "what the model is shown"),
        pytest.param("delayed reward", {"loss": on_the_last_token}, "the mask", marks=pytest.mark.slow),
        pytest.param("length trap", {"reduction": sequence_mean}, "the reduction", marks=pytest.mark.slow),
    ],
)
def test_a_broken_piece_is_found_by_its_probe(name, broken, where):
    found = probe(name, **broken)
    assert not found.passed and f"FAILED. Look at {where}" in str(found)


@pytest.mark.slow
def test_a_wrong_sign_makes_the_rewarded_token_rarer_and_no_gradient_leaves_it():
    wrong = probe("one-token bandit", loss=lambda *of: -clipped_loss(*of)).course
    assert wrong[-1] < 0.05 < wrong[0]
    still = probe("one-token bandit", loss=lambda new, old, a: clipped_loss(new, old, a) * 0).course
    assert max(still) < 0.3


@pytest.mark.slow
def test_a_probe_trusts_the_ones_before_it():
    """What breaks a later probe leaves the earlier ones passing: each isolates one thing."""
    assert probe("one-token bandit", ask=lambda question: "?").passed
    assert probe("one-token bandit", loss=on_the_last_token).passed
    for name in list(PROBES)[:-1]:
        assert probe(name, reduction=sequence_mean).passed


@pytest.mark.slow
def test_who_does_not_read_the_prompt_gets_half_at_most():
    assert 0.3 < probe("prompt-dependent token", ask=lambda question: "?").course[-1] < 0.7


@pytest.mark.slow
def test_the_babbler_is_right_as_often_as_it_says_and_both_kinds_are_equally_long():
    (drawn,) = generate(babbler(0), SymbolTokenizer(), ["?"], 2000, 120, seed=1)
    right, wrong = ([one for one in drawn if one.text.startswith(letter)] for letter in "ab")
    assert len(right) / 2000 == pytest.approx(RIGHT, abs=0.05) and len(right) + len(wrong) > 1980
    for several in (right, wrong):  # a letter, then a geometric number of letters, then the end
        assert sum(len(one.token_ids) for one in several) / len(several) == pytest.approx(1 + 1 / ENDS + 1, rel=0.15)


def test_the_argument_of_the_trap_holds_on_a_geometric_length():
    """Sums over all lengths: the pull on the ending is zero if tokens count alike, and up if replies do."""
    lengths = torch.arange(1, 2000, dtype=torch.double)
    chance = ENDS * (1 - ENDS) ** (lengths - 1)
    pull = 1 - ENDS * lengths
    assert float((chance * pull).sum()) == pytest.approx(0, abs=1e-9)
    assert float((chance * pull / lengths).sum()) == pytest.approx(float((chance / lengths).sum()) - ENDS)
    assert float((chance * pull / lengths).sum()) > 0.15


@pytest.mark.slow
def test_where_length_is_useless_wrong_replies_lengthen_only_if_replies_count_alike():
    found = {reduction: list(length_trap(reduction, 0)) for reduction in (sequence_mean, token_mean, constant_length)}
    assert lengthening(found[sequence_mean], "wrong") > 2 and lengthening(found[sequence_mean], "right") < 0.6
    for reduction in (token_mean, constant_length):
        assert 0.6 < lengthening(found[reduction], "wrong") < 1.6 and lengthening(found[reduction], "right") > 0.7
    assert len({(course[0]["right"], course[0]["wrong"]) for course in found.values()}) == 1, "one start for all"


def test_a_probe_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="choose one of constant reward"):
        probe("luck")
