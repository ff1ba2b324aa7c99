"""Pieces side by side: each on one thread, each kept with what made it, none taken for what it is not."""

import json

import pytest
import torch

from course import _place
from course.experiments import Experiment, Findings, by_arm, conduct, parallel, pieces, spread
from course.experiments.provenance import code


def piece(name: str, number: int) -> dict:
    """What a piece does here; in a module, since other processes have to find it."""
    if number == 3:
        raise ValueError("the third piece fails")
    return {"name": name, "twice": 2 * number, "threads": torch.get_num_threads()}


JOBS = [("a", 1), ("a", 2)]


class Here:
    """A pool that runs what it is given in this process, one after the other, when it is asked for."""

    def __init__(self, *_, **__): ...

    def __enter__(self):
        return self

    def __exit__(self, *_): ...

    def shutdown(self, **_): ...

    def submit(self, function, *arguments):
        from concurrent.futures import Future

        future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def here(monkeypatch):
    """Pieces run in this process."""
    monkeypatch.setattr(parallel, "ProcessPoolExecutor", Here)


def experiment(jobs=JOBS, folder=None, **settings):
    """An experiment of pieces, kept in a folder."""

    def run(seeds, problems):
        return Findings({"found": list(spread("trial", piece, jobs, folder=folder).values())}, {}, True)

    return Experiment("trial", "It works.", "it does not", run, problems=None, threads=1, settings=settings)


@pytest.mark.slow
def test_pieces_run_apart_on_one_thread_and_what_was_done_is_not_done_again(tmp_path, capsys):
    with pytest.raises(ValueError, match="the third piece fails"):
        spread("trial", piece, [*JOBS, ("a", 3)], folder=tmp_path)
    done = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert done and all(name.startswith(("a-1.", "a-2.")) and name.endswith(".json") for name in done)
    found = spread("trial", piece, [*JOBS, ("b", 2)], folder=tmp_path)
    assert found[("b", 2)] == {"name": "b", "twice": 4, "threads": 1} and list(found) == [*JOBS, ("b", 2)]
    assert f"{len(done)} of 3 pieces were done before" in capsys.readouterr().out
    assert {name: (tmp_path / name).read_bytes() for name in done} == done


def test_the_minutes_of_a_resumed_run_are_those_of_all_its_pieces(here, tmp_path):
    conduct(experiment(JOBS, tmp_path))
    for file in tmp_path.iterdir():
        file.write_text(json.dumps(json.loads(file.read_text()) | {"seconds": 600}))
    record = conduct(experiment([*JOBS, ("b", 4)], tmp_path))
    assert record["minutes"] == pytest.approx(20, abs=0.2)
    assert record["pieces"] == {"in all": 3, "done before": 2}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"settings": {"steps": 50}}, r"other settings \(steps: 50 then, 60 now\)"),
        ({"code": {"model/moe.py": "0"}}, r"other code \(.*commit [0-9a-f]{12}\+? then, [0-9a-f]{12}\+? now\)"),
        ({"torch": "1.0"}, "torch 1.0"),
        ({"job": ["a", 9]}, "another job"),
    ],
)
def test_a_piece_of_other_settings_or_code_is_refused_with_the_difference(here, tmp_path, changed, words):
    conduct(experiment(JOBS, tmp_path, steps=60))
    for file in tmp_path.iterdir():
        file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    with pytest.raises(ValueError, match=f"{words}.*`course experiment trial --fresh` begins again"):
        conduct(experiment(JOBS, tmp_path, steps=60))


def test_code_that_changes_while_pieces_run_is_noticed(here, tmp_path, monkeypatch):
    answers = iter([{"learn/grpo.py": "1"}, {"learn/grpo.py": "2"}])
    monkeypatch.setattr(parallel, "code", lambda module: next(answers))
    with pytest.raises(ValueError, match="the code changed while trial ran .learn/grpo.py"):
        spread("trial", piece, JOBS[:1], folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"job": ["a", 1]}'])
def test_an_empty_or_damaged_piece_is_made_again(here, tmp_path, content, capsys):
    first = spread("trial", piece, JOBS, folder=tmp_path)
    victim = min(tmp_path.iterdir())
    whole = json.loads(victim.read_text())
    victim.write_text(content)
    assert spread("trial", piece, JOBS, folder=tmp_path) == first
    assert json.loads(victim.read_text())["found"] == whole["found"]
    assert f"{victim} is damaged" in capsys.readouterr().out


def test_every_job_has_a_file_of_its_own_whose_name_is_no_path():
    jobs = [
        ("a-1", 2),
        ("a", "1-2"),
        ("a", 1, 2),
        ("a", "1", 2),
        ("../../x", 1),
        ("/etc/x", 1),
        ("x" * 300,),
        ("a, b",),
    ]
    names = [parallel._file_name(job) for job in jobs]
    assert len(set(names)) == len(jobs)
    assert not any(set(name) & set('/\\:*?"<>| ,') or len(name) > 80 for name in names)


def test_pieces_on_one_thread_and_a_record_of_two_do_not_go_together(here, tmp_path):
    two = Experiment("trial", "", "", experiment(JOBS, tmp_path).run, problems=None)
    with pytest.raises(RuntimeError, match="threads=1"):
        conduct(two)


def test_without_a_clone_pieces_are_kept_where_the_reader_is(monkeypatch, tmp_path):
    monkeypatch.setattr(_place, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    assert pieces("zero") == tmp_path / "runs" / "experiments" / "zero"


def test_a_digest_covers_the_library_the_models_and_the_chapter_and_no_other_chapter():
    found = code("course.chapters.moe.balancing")
    inside = (
        "learn/grpo.py",
        "model/checkpoints/mini-base/model.safetensors",
        "world/words.txt",
        "chapters/moe/reading.py",
    )
    assert all(name in found for name in inside)
    assert not any(name.startswith(("chapters/grpo", "teach", "cli")) or name.endswith(".pyc") for name in found)


def test_what_pieces_found_comes_by_arm_in_the_order_of_the_jobs():
    found = {("b", 1): {"x": 0}, ("a", 1): {"x": 1}, ("b", 0): {"x": 2}}
    assert by_arm(found) == {"b": [{"x": 0}, {"x": 2}], "a": [{"x": 1}]}
    assert list(by_arm(found)) == ["b", "a"]
