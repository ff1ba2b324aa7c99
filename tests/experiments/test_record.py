"""Results files: what stands in them, that they are true to their code, and errors that name the remedy."""

import json
import math
import re

import pytest

from course.experiments import (
    Experiment,
    Findings,
    by_arm,
    conduct,
    every,
    find,
    plain,
    recorded,
    score,
    spread,
    summary,
    write,
)  # fmt: skip
from course.experiments import record as records
from course.think.evaluation import Score, estimate, paired_comparison
from tests.project import ROOT

EVERY = every()


def trial(seeds, problems):
    comparison = paired_comparison([0, 0, 1, 0], [1, 1, 1, 1])
    return Findings(
        {"scores": {"a": Score(3, 4)}, 2: [estimate([1, 2]), 1 / 3, None, "x"]}, {"b against a": comparison}, True
    )


def test_a_record_holds_everything_needed_to_judge_it_and_to_make_it_again(tmp_path):
    record = conduct(Experiment("trial", "It works.", "it does not", trial, settings={"heat": 1}), seeds=2, problems=4)
    assert json.loads(write(record, tmp_path / "new").read_text(encoding="utf-8")) == json.loads(json.dumps(record))
    assert record["command"] == "course experiment trial --seeds 2 --problems 4" and record["seeds"] == [0, 1]
    assert record["settings"] == {"problems": 4, "split": "test", "threads": 2, "heat": 1}
    assert record["comparisons"]["b against a"]["verdict"] == "can't tell" or record["holds"]
    assert record["figures"]["scores"]["a"] == {"mean": 0.75, "interval": plain(Score(3, 4).interval), "n": 4}
    assert re.fullmatch(r"[0-9a-f]{12}\+?", record["commit"]) and record["minutes"] >= 0
    assert score(record["figures"]["scores"]["a"]) == Score(3, 4)
    assert "It works." in summary(record) and "b against a: +0.750" in summary(record)


def test_numbers_are_kept_to_four_places():
    assert plain({1: (1 / 3, 2), "a": [True, None, "x"]}) == {"1": [0.3333, 2], "a": [True, None, "x"]}


@pytest.mark.parametrize("name", sorted(EVERY))
def test_what_is_committed_is_what_the_code_says(name):
    record, experiment = recorded(name), EVERY[name]
    assert (record["claim"], record["falsified if"]) == (experiment.claim, experiment.falsified_if)
    settings = {"problems": experiment.problems, "split": "test", "threads": 2, **experiment.settings}
    assert record["settings"] == json.loads(json.dumps(settings))
    assert record["seeds"] == list(range(experiment.seeds))
    assert record["command"] == f"course experiment {name} --seeds {experiment.seeds} --problems {experiment.problems}"
    for comparison in record["comparisons"].values():
        low, high = comparison["interval"]
        assert low <= comparison["difference"] <= high and comparison["n"] > 1
        verdict = "better" if low > 0 else "worse" if high < 0 else "can't tell"
        assert comparison["verdict"] == verdict


def test_what_is_committed_is_found_and_whatever_was_trained_has_three_seeds_or_more():
    asked_only = {"decimals", "difficulty", "overkill", "examples", "cues", "votes", "kept"}
    assert all((one.seeds == 1) is (name in asked_only) and one.seeds != 2 for name, one in EVERY.items())
    assert {path.stem for path in (ROOT / "results").glob("*.json")} == {*EVERY, "mini-base"}


def test_an_unknown_experiment_or_result_names_the_remedy():
    with pytest.raises(ValueError, match="unknown experiment 'x': choose one of spelling"):
        find("x")
    with pytest.raises(FileNotFoundError, match="make them with `course experiment x`"):
        recorded("x")
    with pytest.raises(ValueError, match="at least one seed"):
        conduct(EVERY["cues"], seeds=-1)


def test_outside_a_clone_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(records, "ROOT", tmp_path)
    assert records.commit() is None


def test_a_slope_is_the_line_s():
    from course.chapters.reasoning.experiments import slope

    exact = slope([(x, 3 - 2 * x) for x in range(5)])
    assert exact.mean == pytest.approx(-2) and exact.interval == pytest.approx((-2, -2))
    noisy = slope([(0, 0), (1, 2), (2, 1), (3, 4)])  # by hand: slope 1.1, residuals -.1 .8 -1.3 .6 around 0.1 + 1.1 x
    half = 4.302653 * math.sqrt((0.01 + 0.64 + 1.69 + 0.36) / 2 / 5)
    assert noisy.interval == pytest.approx((1.1 - half, 1.1 + half), abs=1e-5)


def piece(name: str, number: int) -> dict:
    """What a piece of `test_pieces...` does; in a module, since other processes have to find it."""
    import torch

    if number == 3:
        raise ValueError("the third piece fails")
    return {"name": name, "twice": 2 * number, "threads": torch.get_num_threads()}


@pytest.mark.slow
def test_pieces_run_apart_on_one_thread_and_what_was_done_is_not_done_again(tmp_path, capsys):
    with pytest.raises(ValueError, match="the third piece fails"):
        spread("trial", piece, [("a", 1), ("a", 2), ("a", 3)], folder=tmp_path)
    kept = {path.name for path in tmp_path.glob("*.json")}
    assert "a-3.json" not in kept
    (tmp_path / "a-1.json").write_text('{"name": "kept", "twice": 0, "threads": 1}')
    found = spread("trial", piece, [("a", 1), ("b", 2)], folder=tmp_path)
    assert found == {
        ("a", 1): {"name": "kept", "twice": 0, "threads": 1},
        ("b", 2): {"name": "b", "twice": 4, "threads": 1},
    }
    assert "1 of 2 pieces were done before" in capsys.readouterr().out


def test_what_pieces_found_comes_by_arm_in_the_order_of_the_jobs():
    found = {("b", 1): {"x": 0}, ("a", 1): {"x": 1}, ("b", 0): {"x": 2}}
    assert by_arm(found) == {"b": [{"x": 0}, {"x": 2}], "a": [{"x": 1}]}
    assert list(by_arm(found)) == ["b", "a"]
