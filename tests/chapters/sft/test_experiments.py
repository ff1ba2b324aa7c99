"""Chapter 4's experiments: what is read, what is counted, and that every piece runs on a little."""

import pytest
import torch

from course.chapters.sft import experiments, selftaught
from course.chapters.sft.broken import end_masked, losses, not_shifted, shifted_twice
from course.chapters.sft.learners import ALEX, READ, RILEY, Reading, example, fresh_problems, longer, watched
from course.chapters.sft.side_by_side import Moment, SideBySide, follow
from course.learn.sft import TrainingExample, stack
from course.model.transformer import ModelConfig, Transformer
from course.world import FAMILIES
from course.world.answers import split_reply, steps
from course.world.problem import split_of
from course.world.tokenizer import load_tokenizer

SMALL = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)


def test_both_read_the_same_fresh_train_problems_and_only_the_reply_differs():
    tokenizer = load_tokenizer()
    problems = fresh_problems(40, "0:1")
    assert problems == fresh_problems(40, "0:1") != fresh_problems(40, "0:2")
    assert {split_of(one.key) for one in problems} == {"train"}
    assert {one.level for one in problems if one.family == "cups"} <= set(FAMILIES["cups"].levels)
    assert [one.family for one in problems[:4]] == [*READ, *READ]
    for problem in problems:
        alex, riley = (example(tokenizer, problem, style) for style in (ALEX, RILEY))
        assert alex.prompt == riley.prompt and alex.reply[-1] == riley.reply[-1] == tokenizer.eos_token_id
        short, long = (split_reply(tokenizer.decode(one.reply)) for one in (alex, riley))
        assert short.reasoning is None and short.answer == long.answer == problem.answer
        assert all(FAMILIES[problem.family].check_steps(problem, steps(long.reasoning)))
    with pytest.raises(ValueError, match="unknown style"):
        example(tokenizer, problems[0], "both")


def test_as_many_tokens_are_as_many():
    tokenizer = load_tokenizer()
    problems = fresh_problems(2000, "tokens")
    alex, riley = (sum(len(example(tokenizer, one, style)) for one in problems) for style in (ALEX, RILEY))
    assert riley / alex == pytest.approx(experiments.TIMES, rel=0.02)
    assert longer(Reading(steps=100), experiments.TIMES).steps == 227


@pytest.mark.slow
def test_a_reader_is_asked_before_along_the_way_and_at_the_end():
    points = list(watched(RILEY, Reading(steps=4, at_once=4), checks=2, problems=8))
    assert [one["examples"] for one in points] == [0, 8, 16] and set(points[0]["right"]) == set(READ)
    assert points[0]["tokens"] == 0 < points[1]["tokens"] < points[2]["tokens"]
    assert points[-1]["model"] is points[0]["model"]


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("at_once", 0), ("learning_rate", -1.0), ("seed", -1)])
def test_readings_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"Reading.{name} must be"):
        Reading(**{name: value})


def test_enough_is_reached_at_the_first_look_that_shows_it_or_never():
    curve = [{"examples": n, "right": {"cups": share}} for n, share in ((0, 0.2), (64, 0.96), (128, 0.9))]
    assert experiments.to_reach(curve, "cups") == 64 and experiments.to_reach(curve, "cups", 0.97) is None
    sooner = experiments._sooner
    assert sooner([64, 64], [None, 128]) and not sooner([64], [64]) and not sooner([None], [None])


def invented(right):
    """Pieces without a model, right as often as `right(job)` says."""
    return lambda name, piece, jobs: {job: right(job) for job in jobs}


def test_steps_have_to_be_better_and_sooner_with_every_seed(monkeypatch):
    def found(job):
        way, seed, _ = job
        share = {RILEY: 0.97, ALEX: 0.2, experiments.EQUAL_TOKENS: 0.3}[way] + 0.01 * seed * (way == RILEY)
        points = [(0, 0.1), (64, share)]
        return {"curve": [{"examples": n, "tokens": 9 * n, "right": dict.fromkeys(READ, y)} for n, y in points]}

    monkeypatch.setattr(experiments, "spread", invented(found))
    outcome = experiments.imitation(3, 8)
    assert outcome.holds and len(outcome.comparisons) == 4
    assert outcome.figures[RILEY]["examples to 95 %"]["cups"] == [64, 64, 64]
    assert outcome.figures[ALEX]["examples to 95 %"]["sums"] == [None] * 3
    assert outcome.comparisons[f"cups: {RILEY} against {ALEX}"].difference == pytest.approx(0.78)
    assert outcome.figures[ALEX]["curve"]["cups"][64].mean == pytest.approx(0.2)


def test_more_solutions_have_to_teach_more(monkeypatch):
    monkeypatch.setattr(experiments, "ask", lambda *_: dict.fromkeys(READ, 0.1))
    shares = {100: 0.4, 300: 0.6, 1000: 0.8, 3000: 0.9}
    monkeypatch.setattr(
        experiments,
        "spread",
        invented(lambda job: {"right": dict.fromkeys(READ, shares[job[1]] + 1e-4 * job[1] * job[2] / 100)}),
    )
    outcome = experiments.solutions(3, 8)
    assert outcome.holds and outcome.comparisons["3000 solutions against 100"].difference == pytest.approx(
        0.5, abs=0.01
    )
    masks = [one for name, one in outcome.comparisons.items() if "loss on" in name]
    assert len(masks) == 4 and all(one.difference == 0 for one in masks)


@pytest.mark.slow
def test_few_solutions_are_read_with_either_loss(monkeypatch):
    monkeypatch.setattr(experiments, "TRAINING", experiments.TrainingConfig(steps=2, rows=2, length=320))
    for learned in experiments.LEARNED:
        assert set(experiments.imitate_few(learned, 20, 0, 8)["right"]) == set(READ)


# --- self-training ---


def test_a_beginner_s_problems_are_mostly_short_and_those_of_a_round_are_not():
    few, several = selftaught.mostly_short("sums", 300, 0), selftaught.of_round("sums", 90, 0, 1)
    assert {split_of(one.key) for one in (*few, *several)} == {"train"}
    counts = [sum(one.level == level for one in few) for level in selftaught.levels("sums")]
    assert counts[0] > 2 * counts[3] > counts[-1] and sum(counts) == 300
    assert [sum(one.level == level for one in several) for level in selftaught.levels("sums")] == [10] * 9
    assert several != selftaught.of_round("sums", 90, 0, 2)


@pytest.mark.slow
@pytest.mark.parametrize("arm", [*selftaught.STAIRCASE, selftaught.CONTROL])
def test_every_arm_of_the_staircase_runs_and_is_asked_after_each_round(arm, monkeypatch):
    monkeypatch.setattr(selftaught, "REREAD", 1)
    model, tokenizer = selftaught.beginner("sums", 0)
    rounds = [
        {"kept": len(found["kept"]), **selftaught.sources(found)}
        for found in selftaught.climb(arm, model, tokenizer, 0, rounds=1, asked=90)
    ]
    assert (rounds[0]["kept"] > 20) == (arm != selftaught.CONTROL)
    assert (rounds[0]["hinted"] > 0) == (arm == selftaught.HINTS)
    assert set(selftaught.by_length(model, tokenizer, 4)) == set(selftaught.LENGTHS)


def test_the_staircase_is_summed_up_round_by_round(monkeypatch):
    def found(job):
        arm, seed, _ = job
        gain = 0.0 if arm == selftaught.CONTROL else 0.1 + 0.01 * seed
        before = {"right": dict.fromkeys(map(str, selftaught.LENGTHS), 0.2)}
        kept = {"kept": 30, "hinted": 3, "false positives": 0.1, "false positives with a hint": None}
        after = {"right": dict.fromkeys(map(str, selftaught.LENGTHS), 0.2 + gain), **kept}
        return {"rounds": [before, after]}

    monkeypatch.setattr(selftaught, "spread", invented(found))
    outcome = selftaught.staircase(3, 8)
    go_on = outcome.figures[selftaught.GO_ON]
    assert [round(one.mean, 2) for one in go_on["mean"]] == [0.2, 0.31] and go_on["false positives"] == pytest.approx(
        [0.1]
    )
    comparison = outcome.comparisons[f"{selftaught.GO_ON} against {selftaught.CONTROL}"]
    assert outcome.holds and comparison.difference == pytest.approx(0.11)
    assert not outcome.comparisons[f"{selftaught.GO_ON} against {selftaught.RESTART}"].difference


@pytest.mark.slow
def test_reasons_are_counted_and_learned_from_at_each_temperature(monkeypatch):
    monkeypatch.setattr(selftaught, "PLAYED", 60)
    monkeypatch.setattr(selftaught, "MISTAUGHT", 1)
    for name in ("1.0", selftaught.SOUND):
        found = selftaught.mistaught(name, 0, 20)
        assert len(found["learned"]) == 1 and len(found["tested"]) == 2
        assert (found["learned"][0] == 0) == (name == selftaught.SOUND)
        assert all(one["sound"] <= one["right"] for one in found["tested"])
    shares = selftaught.count("cups", "1.0", 30)
    assert sum(shares[kind] for kind in selftaught.KINDS) == pytest.approx(1)


# --- side by side, and broken ---


@pytest.mark.slow
def test_the_slider_shows_both_at_every_number_of_examples():
    reading = Reading(steps=2, at_once=4)
    alex, riley = (list(follow(style, reading, checks=2, problems=4)) for style in (ALEX, RILEY))
    slider = SideBySide(alex, riley)
    assert list(slider.state["pages"]) == ["0", "4", "8"] and slider.state["first"] == "8"
    assert all("Alex" in page and "Riley" in page for page in slider.state["pages"].values())
    assert slider.state["turns"][0]["slide"] and "after 8 examples" in slider.text
    with pytest.raises(ValueError, match="equally often"):
        SideBySide(alex, riley[:-1])
    with pytest.raises(ValueError, match="equally often"):
        SideBySide([], [])
    assert isinstance(alex[0], Moment) and len(alex[0].replies) == len(READ)


def test_each_broken_loss_breaks_what_it_says():
    torch.manual_seed(0)
    model = Transformer(SMALL).eval()
    one = TrainingExample((100, 101), (200, 201, 1))
    batch = stack([[one, TrainingExample((102, 103), (1,))]])
    assert batch.ids[end_masked(batch, 1)].tolist() == [200, 201]
    alone = stack([[one]])
    logits = model(torch.tensor([[100, 101, 200, 201, 1]])).logits[0].log_softmax(-1)
    ahead = -(logits[0, 200] + logits[1, 201] + logits[2, 1]) / 3  # each two tokens ahead
    read = -(logits[2, 200] + logits[3, 201] + logits[4, 1]) / 3  # each where it stands
    assert torch.allclose(shifted_twice(model, alone), ahead, atol=1e-5)
    assert torch.allclose(not_shifted(model, alone), read, atol=1e-5)
    values = {name: loss(model, batch).item() for name, loss in losses(1).items()}
    assert len({round(value, 5) for value in values.values()}) == len(values)
