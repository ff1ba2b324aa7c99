"""Results files: what stands in them, that they are true to their code, and errors that name the remedy."""

import json
import math
import re
import subprocess

import pytest

from course import _place
from course.experiments import (
    Experiment,
    Findings,
    commit,
    conduct,
    every,
    find,
    place,
    plain,
    recorded,
    score,
    summary,
    write,
)  # fmt: skip
from course.experiments import record as records
from course.experiments.record import FEWEST_PROBLEMS
from course.think.evaluation import Score, estimate, paired_comparison
from tests.project import ROOT

EVERY = every()
# Made before a record said how it came about; take a name away when its experiment is run again.
OLDER = {"balancing", "cues", "decimals", "difficulty", "distillation", "examples", "experts", "kept", "length"}
OLDER |= {"overkill", "sizes", "takeoff", "votes", "zero"}
ASKED_ONLY = {"decimals", "difficulty", "overkill", "history", "examples", "cues", "votes", "kept"}


def trial(seeds, problems):
    comparison = paired_comparison([0, 0, 1, 0], [1, 1, 1, 1])
    return Findings(
        {"scores": {"a": Score(3, 4)}, 2: [estimate([1, 2]), 1 / 3, None, "x"]}, {"b against a": comparison}, True
    )


TRIAL = Experiment("trial", "It works.", "it does not", trial, seeds=3, problems=9, settings={"heat": 1})


def test_a_record_holds_everything_needed_to_judge_it_and_to_make_it_again(tmp_path):
    record = conduct(TRIAL, seeds=2, problems=8)
    assert json.loads(write(record, tmp_path / "new").read_text(encoding="utf-8")) == json.loads(json.dumps(record))
    assert record["command"] == "course experiment trial --seeds 2 --problems 8" and record["seeds"] == [0, 1]
    assert record["settings"] == {"problems": 8, "split": "test", "threads": 2, "heat": 1}
    assert record["comparisons"]["b against a"]["verdict"] == "can't tell" or record["holds"]
    assert record["figures"]["scores"]["a"] == {"mean": 0.75, "interval": plain(Score(3, 4).interval), "n": 4}
    assert re.fullmatch(r"[0-9a-f]{12}\+?", record["commit"]) and record["minutes"] >= 0
    assert record.get("draft", False) is record["commit"].endswith("+")
    assert score(record["figures"]["scores"]["a"]) == Score(3, 4)
    assert "It works." in summary(record) and "b against a: +0.750" in summary(record)


def test_a_record_holds_no_seeds_or_problems_where_none_were_used():
    record = conduct(Experiment("trial", "It works.", "it does not", trial, problems=None))
    assert record["command"] == "course experiment trial" and record["settings"] == {"threads": 2}
    assert "seeds" not in record and "pieces" not in record


@pytest.mark.parametrize(
    ("experiment", "seeds", "problems", "words"),
    [
        (TRIAL, 1, None, "--seeds 2 or more"),
        (TRIAL, -1, None, "--seeds 2 or more"),
        (TRIAL, None, 3, "--problems 8 or more"),
        (TRIAL, None, 0, "--problems 8 or more"),
        (TRIAL, None, 600, "ask for"),
        (EVERY["cues"], 2, None, "cues trains nothing, so that it has no seeds: leave out --seeds"),
        (EVERY["length"], None, 8, "length draws no problems: leave out --problems"),
    ],
)
def test_what_an_experiment_cannot_use_is_refused_before_any_work(experiment, seeds, problems, words, monkeypatch):
    monkeypatch.setattr(records, "FAMILIES", ["countdown"])  # whose test split has 548
    monkeypatch.setattr(Findings, "__init__", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(ValueError, match=words):
        conduct(experiment, seeds, problems)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ASKED_ONLY - {"kept"}))
def test_as_many_problems_as_it_has_of_its_own_can_be_drawn(name):
    EVERY[name].draw(EVERY[name].problems)


def test_numbers_are_kept_to_four_places():
    assert plain({1: (1 / 3, 2), "a": [True, None, "x"]}) == {"1": [0.3333, 2], "a": [True, None, "x"]}


@pytest.mark.parametrize("name", sorted(EVERY))
def test_what_is_committed_is_what_the_code_says(name):
    record, experiment = recorded(name), EVERY[name]
    assert (record["claim"], record["falsified if"]) == (experiment.claim, experiment.falsified_if)
    assert record["settings"] == json.loads(json.dumps(records.settings(experiment, experiment.problems)))
    assert record.get("seeds") == (None if experiment.seeds is None else list(range(experiment.seeds)))
    assert record["command"] == experiment.command(experiment.seeds, experiment.problems)
    assert not record.get("draft"), "results are made from a clean commit"
    assert ("pieces" in record) == ("minutes" in record and experiment.threads == 1)
    # Records that are older than the rule above: time of the last call only, or files that no commit held.
    assert ("minutes of the last call" in record) is (name in OLDER and experiment.threads == 1)
    assert record["commit"].endswith("+") <= (name in OLDER)
    for comparison in record["comparisons"].values():
        low, high = comparison["interval"]
        assert low <= comparison["difference"] <= high and comparison["n"] > 1
        verdict = "better" if low > 0 else "worse" if high < 0 else "can't tell"
        assert comparison["verdict"] == verdict


def test_what_is_committed_is_found_and_whatever_was_trained_has_three_seeds_or_more():
    assert {name for name, one in EVERY.items() if one.seeds is None} == ASKED_ONLY
    assert all((one.seeds or 3) >= 3 and (one.problems or FEWEST_PROBLEMS) >= FEWEST_PROBLEMS for one in EVERY.values())
    assert {path.stem for path in (ROOT / "results").glob("*.json")} == {*EVERY, "mini-base"}


def test_an_unknown_experiment_or_result_names_the_remedy(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="unknown experiment 'x': choose one of spelling"):
        find("x")
    with pytest.raises(ValueError, match="unknown experiment 'x': choose one of spelling"):
        recorded("x")
    monkeypatch.setattr(_place, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "think-step-by-step"')
    with pytest.raises(FileNotFoundError, match="make them with `course experiment cues`"):
        recorded("cues")


def test_a_damaged_record_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(_place, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "think-step-by-step"')
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "cues.json").write_text('{"experiment": "cu')
    with pytest.raises(ValueError, match=r"cues\.json is damaged"):
        recorded("cues")


@pytest.mark.parametrize("name", ["../results/cues", "..", "/etc/hosts", "", "."])
def test_a_name_of_a_record_is_no_path(name):
    with pytest.raises(ValueError, match="unknown experiment"):
        recorded(name)


def test_a_record_that_cannot_be_written_leaves_the_old_one_whole(tmp_path, monkeypatch):
    path = write({"experiment": "trial", "old": True}, tmp_path)
    with pytest.raises(TypeError):
        write({"experiment": "trial", "new": object()}, tmp_path)
    assert json.loads(path.read_text()) == {"experiment": "trial", "old": True}
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file"):
        place("trial", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def git(folder, *command):
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *who, *command], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone of the course with one file and one commit."""
    root = tmp_path / "around" / "clone"
    (root / "course").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "think-step-by-step"')
    (root / "course" / "a.py").write_text("")
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "a")
    monkeypatch.setattr(_place, "ROOT", root)
    return root


def test_the_commit_is_that_of_the_clone_with_a_plus_for_files_that_it_does_not_hold(clone, monkeypatch):
    clean = commit()
    assert re.fullmatch("[0-9a-f]{12}", clean)
    monkeypatch.setenv("GIT_DIR", str(ROOT / ".git"))  # as inside a hook of another repository
    assert commit() == clean
    (clone / "notes.txt").write_text("")
    assert commit() == clean, "only the course's own files matter"
    (clone / "course" / "b.py").write_text("")
    assert commit() == clean + "+"
    assert conduct(TRIAL)["draft"] is True


def test_outside_a_clone_there_is_no_commit_even_inside_somebody_else_s_repository(clone, monkeypatch, tmp_path):
    git(clone.parent, "init")
    git(clone.parent, "commit", "--allow-empty", "-m", "theirs")
    inside = clone.parent / "site-packages"
    inside.mkdir()
    for root in (tmp_path, inside, clone.parent):
        monkeypatch.setattr(_place, "ROOT", root)
        assert commit() is None
    (inside / "pyproject.toml").write_text('[project]\nname = "think-step-by-step"')  # an archive unpacked in there
    monkeypatch.setattr(_place, "ROOT", inside)
    assert commit() is None


def test_a_slope_is_the_line_s():
    from course.chapters.reasoning.experiments import slope

    exact = slope([(x, 3 - 2 * x) for x in range(5)])
    assert exact.mean == pytest.approx(-2) and exact.interval == pytest.approx((-2, -2))
    noisy = slope([(0, 0), (1, 2), (2, 1), (3, 4)])  # by hand: slope 1.1, residuals -.1 .8 -1.3 .6 around 0.1 + 1.1 x
    half = 4.302653 * math.sqrt((0.01 + 0.64 + 1.69 + 0.36) / 2 / 5)
    assert noisy.interval == pytest.approx((1.1 - half, 1.1 + half), abs=1e-5)
