"""The experiment of chapter 6 on a few problems, and its arithmetic by hand."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch

from course.chapters.grpo import noticing, takeoff, zero
from course.chapters.grpo.takeoff import signal, two_families
from course.chapters.grpo.zero import chance, mending, newly_solved, overall, reading, step_flops
from course.experiments import conduct, find, plain
from course.learn.monitoring import Noticing
from course.learn.training import TrainingConfig
from course.model.accounting import sampling_flops, training_flops
from course.think.evaluation import paired_comparison
from course.world import cups
from course.world.problem import split_of
from course.world.tokenizer import load_tokenizer
from tests.learn.rollouts import rollouts, small
from tests.learn.test_monitoring import said


@pytest.fixture
def in_this_process(monkeypatch):
    """Pieces run one after the other, here, and their results pass through JSON as they would in a file."""

    def spread(name, piece, jobs, **_):
        return {job: json.loads(json.dumps(plain(piece(*job)))) for job in jobs}

    for module in (zero, takeoff, noticing):
        monkeypatch.setattr(module, "spread", spread)


@pytest.mark.slow
def test_zero_runs_on_a_few_problems_and_says_how_each_claim_ends(in_this_process, monkeypatch):
    monkeypatch.setattr(zero, "CONFIG", replace(zero.CONFIG, steps=1, prompts=5, group_size=4, max_new_tokens=60))
    monkeypatch.setattr(zero, "SEVERAL", 4)
    monkeypatch.setattr(zero, "UNSEEN", 8)
    monkeypatch.setattr(zero, "PROBED", 3)
    monkeypatch.setattr(zero, "CHANCES", (1, 4))
    record = conduct(find("zero"), 2, 8)
    assert set(record["claims"]) == {"C6", "C8", "C13", "C14", "C16"}
    assert set(record["figures"]["after"]) == {"reward", "format", "coin", "reading"}
    assert record["figures"]["after"]["reward"]["plain"]["cups"]["right"]["n"] == 2
    assert json.loads(json.dumps(record, allow_nan=False)) == json.loads(json.dumps(record))


@pytest.mark.slow
def test_takeoff_runs_on_a_few_problems(in_this_process, monkeypatch):
    monkeypatch.setattr(takeoff, "SOME", replace(takeoff.SOME, steps=2, prompts=5, group_size=4, max_new_tokens=60))
    monkeypatch.setattr(takeoff, "HABITS", (0.0, 0.1))
    monkeypatch.setattr(takeoff, "IMITATING", replace(takeoff.IMITATING, steps=1))
    monkeypatch.setattr(takeoff, "SHOWN", 200)
    record = conduct(find("takeoff"), 2, 8)
    assert set(record["figures"]) == {"0.0", "0.1"}
    assert all(len(one["steps"]) == 2 for one in record["figures"].values())


@pytest.mark.slow
def test_the_length_experiment_follows_right_and_wrong_replies_under_each_loss(in_this_process, monkeypatch):
    monkeypatch.setattr(takeoff, "length_trap", partial(takeoff.length_trap, steps=12))
    record = conduct(find("length"), 2)
    assert set(record["figures"]) == {"sequence_mean", "token_mean", "constant"}
    for several in record["figures"].values():
        assert all(len(one["right"]) == len(one["wrong"]) > 10 for one in several)


@pytest.mark.slow
def test_noticing_runs_on_a_few_problems_from_three_starts(in_this_process, monkeypatch):
    small_steps = replace(noticing.CONFIG, steps=1, prompts=4, group_size=4, max_new_tokens=80)
    monkeypatch.setattr(noticing, "CONFIG", small_steps)
    monkeypatch.setattr(noticing, "STAGES", tuple(replace(stage, steps=1) for stage in noticing.STAGES))
    record = conduct(noticing.EXPERIMENTS[0], 2, 12)
    assert set(record["figures"]) == {"web", "read", "marked", "curves"}
    assert set(record["figures"]["marked"]) == {"before", "reward", "coin", "reading"}
    assert record["figures"]["web"]["reward"]["slips"]["n"] == 2 and record["claims"] == {"C8": record["holds"]}
    assert all(len(one["mended"]) == 1 for one in record["figures"]["curves"]["marked, coin"])
    assert json.loads(json.dumps(record, allow_nan=False)) == json.loads(json.dumps(record))


def test_a_second_try_behind_the_first_wrong_step_or_a_step_at_random(monkeypatch):
    """A wrong step stands second; whatever the model is asked to go on from ends in "wait" behind a step."""
    game = cups.ask(1, ((1, 2), (2, 3)))
    texts = ("start: 1\n1-2: 1\n2-3: 1\n", "start: 1\n1-2: 2\n2-3: 3\n")
    found = [said(game, f"<think>{texts[0]}</think>1"), said(cups.ask(1, ((1, 2), (2, 4))), "4")]
    model, asked = small(), []

    def goes_on(model, tokenizer, problems, ask, **_):
        asked.extend(ask(problem.question) for problem in problems)
        return [said(problem, problem.answer) for problem in problems]

    monkeypatch.setattr(noticing, "sample_rollouts", goes_on)
    assert noticing.another_try(model, None, found, "the first wrong one") == 1.0  # both, one of them without a try
    assert len(asked) == 1 and asked[0].endswith("<think>start: 1\n1-2: 1\nwait ")
    noticing.another_try(model, None, found, "at random")
    assert asked[1].endswith("\nwait ") and len(asked) == 2


def test_c8_needs_slips_noticed_before_a_rise_by_reward_and_none_by_a_coin():
    def figures(wrong, noticed, mended, alarms=1):
        return {"steps": vars(Noticing(100, wrong, alarms, noticed, mended))}

    def verdict(before, after, coin):
        marked = [{"before": before, "reward": after, "coin": coin}] * 2
        comparisons = {
            f"marked: mended, after {arm} against before": paired_comparison(
                [noticing.share(before, "mended") + way for way in (0, 0.01)],
                [noticing.share(end, "mended") + way for way in (0.001, 0.01)],
            )
            for arm, end in (("reward", after), ("coin", coin))
        }
        return noticing.surviving(marked, comparisons)

    before, after = figures(100, 50, 40), figures(20, 18, 16)
    assert verdict(before, after, before)
    assert not verdict(before, after, after)  # a coin does as much
    assert not verdict(before, figures(20, 18, 11), before)  # fifteen points are too few
    assert not verdict(figures(100, 50, 40, alarms=20), after, before)  # right steps are done again, too
    assert noticing.share({"steps": vars(Noticing(0, 0, 0, 0, 0))}, "slips") == 0


def test_the_flops_of_a_step_are_those_of_its_parts():
    """Three groups, of which one agrees: it was sampled, and gets no gradient."""
    model = small()
    drawn = rollouts(model)
    rewards = torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
    expected = 0.0
    for place, (ids, group) in enumerate(zip(drawn.prompt_ids, drawn.groups)):
        expected += sampling_flops(model.config, len(ids), [one.tokens for one in group])
        if place != 1:
            expected += sum(training_flops(model.config, len(ids) + one.tokens) for one in group)
    assert step_flops(model, drawn, rewards) == pytest.approx(expected)


def test_reading_for_so_many_flops_reads_so_many_texts_that_pretraining_has_not_shown():
    config = reading(410.4, seed=2)
    assert config.steps == 410 and config.seed not in range(100)
    assert (config.rows, config.length) == (TrainingConfig.rows, TrainingConfig.length)


def test_figures_by_hand():
    families = ("letters", "decimals", "sums", "cups", "countdown")
    figures = {
        "plain": {
            name: {"right": number / 10, "slips": 4, "mended": number % 2} for number, name in enumerate(families)
        }
    }
    assert overall(figures) == pytest.approx(0.2)
    assert mending(figures) == pytest.approx(2 / 20)
    assert chance([0, 256, 128], 1) == pytest.approx(0.5)
    assert chance([0, 1, 256], 256) == pytest.approx(2 / 3)
    assert [newly_solved(*pair) for pair in ((0, 0), (0, 3), (2, 0), (2, 3))] == [False, True, False, False]
    assert signal(0.05) == pytest.approx(1 - 0.663, abs=1e-3) and signal(0.5) == pytest.approx(1 - 2 / 256)


def test_what_a_start_imitates_is_worked_out_as_often_as_it_says_and_of_the_train_split(monkeypatch):
    monkeypatch.setattr(takeoff, "SHOWN", 400)
    tokenizer = load_tokenizer()
    for habit in (0.0, 0.1):
        examples = takeoff.replies_of_which_few_think(tokenizer, habit, 0)
        thinking = [one for one in examples if "<think>" in tokenizer.decode(one.reply)]
        assert len(examples) == 800 and abs(len(thinking) / 800 - habit) < 0.035
        assert all(one.reply[-1] == tokenizer.eos_token_id for one in examples)
        assert tokenizer.decode(examples[0].prompt).endswith("<assistant>")


def test_takeoff_asks_for_cups_and_sums_of_the_train_split_only():
    asked = two_families(takeoff.SOME, 0)
    assert {one.family for one in asked} == {"cups", "sums"} and len(asked) == takeoff.SOME.prompts
    assert {split_of(one.key) for one in asked} == {"train"}
