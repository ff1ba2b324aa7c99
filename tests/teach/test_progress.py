"""Progress: one readable file that two notebooks may write to, and what is said of it."""

import json
import os
import subprocess
import sys
import time

import pytest

from course.contents import with_part
from course.teach import progress
from course.teach.exercises import check
from course.teach.progress import where_am_i

NOTE_TWENTY = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("progress", sys.argv[1])
progress = importlib.util.module_from_spec(spec)
spec.loader.exec_module(progress)
print("ready", flush=True)
sys.stdin.readline()
said = [progress.note(f"{sys.argv[2]}.{number}") for number in range(20)]
print([one for one in said if one])
"""


def beside_each_other(*chapters):
    """A process for each chapter that notes twenty exercises as soon as all are ready; what they complain of."""
    command = [sys.executable, "-c", NOTE_TWENTY, progress.__file__]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([*command, chapter], **pipes) for chapter in chapters]
    for one in running:
        assert one.stdout.readline() == "ready\n"
    for one in running:
        one.stdin.write("go\n")
        one.stdin.flush()
    return [one.communicate(timeout=60)[0] for one in running]


def test_two_notebooks_that_note_progress_at_once_lose_nothing():
    assert beside_each_other("first", "second") == ["[]\n", "[]\n"]
    assert set(progress.solved()) == {f"{name}.{number}" for name in ("first", "second") for number in range(20)}
    assert [path.name for path in progress.path().parent.iterdir()] == ["progress.json"]


def test_five_notebooks_that_note_the_same_exercises_note_each_once():
    assert beside_each_other(*["same"] * 5) == ["[]\n"] * 5
    assert list(progress.solved()) == [f"same.{number}" for number in range(20)]


def test_a_lock_that_a_killed_notebook_left_behind_holds_nobody_up():
    lock = progress.path().with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    os.utime(lock, (time.time() - 60, time.time() - 60))
    assert progress.note("reasoning.find_slip") is None
    assert list(progress.solved()) == ["reasoning.find_slip"] and not lock.exists()


def test_a_lock_that_is_held_is_waited_for_and_then_reported(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.1)
    lock = progress.path().with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    ahead = time.time() + 60
    os.utime(lock, (ahead, ahead))  # never too old
    assert "another notebook has held" in progress.note("reasoning.find_slip")
    assert lock.exists() and progress.solved() == {}


def test_without_a_home_a_check_still_answers(monkeypatch, capsys):
    def nobody(cls):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("COURSE_HOME", raising=False)
    monkeypatch.setattr(progress.Path, "home", classmethod(nobody))
    assert check("reasoning.find_slip", 5) == 5
    said = capsys.readouterr().out
    assert "right!" in said and "not noted: there is no home folder: name one for your progress as COURSE_HOME" in said
    with pytest.raises(ValueError, match="COURSE_HOME"):
        where_am_i()


def test_a_folder_that_cannot_be_written_is_said_and_nothing_else(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "home"))
    assert check("reasoning.find_slip", 5) == 5
    assert "was not noted" in capsys.readouterr().out


def test_chapters_and_bars_stand_in_columns_apart():
    lines = repr(where_am_i()).splitlines()
    assert [line.split()[0] for line in lines] == list(with_part("exercises"))
    assert len({line.index("□") for line in lines}) == 1
    assert all("  □" in line for line in lines), "the longest name keeps its gap"


def test_progress_is_shown_and_a_damaged_file_is_kept(capsys):
    check("reasoning.find_slip", 5)
    assert repr(where_am_i()).splitlines()[0].split("  ", 1)[0] == "reasoning"
    assert "  □■□□  1 of 4; to do: predict_length, check_running_sum, split_reply" in repr(where_am_i())
    assert repr(where_am_i()).count("to do:") == len(with_part("exercises"))
    progress.path().write_text('{"solved": 3')
    assert check("reasoning.predict_length", "D") == "D"
    assert "was not noted" in capsys.readouterr().out and progress.path().read_text() == '{"solved": 3'
    with pytest.raises(ValueError, match="mend it, or move it away"):
        where_am_i()


def test_progress_is_one_readable_file():
    check("reasoning.find_slip", 5)
    check("reasoning.find_slip", 5)
    check("prompting.predict_vote", "C")
    assert list(json.loads(progress.path().read_text())["solved"]) == ["reasoning.find_slip", "prompting.predict_vote"]
    assert [path.name for path in progress.path().parent.iterdir()] == ["progress.json"]


def test_progress_moves_to_a_folder_and_brings_along_what_there_is(tmp_path):
    check("reasoning.find_slip", 5)
    before = progress.path()
    assert progress.keep_in(tmp_path) == tmp_path / "progress.json" == progress.path()
    check("prompting.predict_vote", "C")
    assert set(progress.solved()) == {"reasoning.find_slip", "prompting.predict_vote"}
    assert list(json.loads(before.read_text())["solved"]) == ["reasoning.find_slip"], "and the old file stays"


def test_progress_kept_in_two_places_is_put_together_and_the_same_again(tmp_path):
    check("reasoning.find_slip", 4)
    check("reasoning.find_slip", 5)
    here = progress.known()
    there = {"solved": {"reasoning.find_slip": "2020-01-01", "moe.nudge": "2026-01-01"}, "tries": {}, "quizzes": {}}
    there["tries"]["reasoning.find_slip"] = {"attempts": 1, "first": "2020-01-01", "last": "2020-01-01"}
    (tmp_path / "progress.json").write_text(json.dumps(there))
    progress.keep_in(tmp_path)
    assert progress.solved() == there["solved"]
    one = progress.known()["tries"]["reasoning.find_slip"]
    last = here["tries"]["reasoning.find_slip"]["last"]
    assert one == {"attempts": 2, "first": "2020-01-01", "last": last}
    together = progress.known()
    progress.keep_in(tmp_path)
    assert progress.known() == together


@pytest.mark.parametrize("broken", ["missing", "drive", "unwritable", "damaged there", "damaged here"])
def test_a_folder_that_cannot_keep_progress_is_said_and_progress_stays(tmp_path, broken):
    check("reasoning.find_slip", 5)
    before, place = progress.path(), tmp_path / "drive"
    content = before.read_text()
    if broken == "drive":
        place, said = "/content/drive/MyDrive/gone", "mount Drive first"
    elif broken == "missing":
        said = "make it first"
    else:
        place.mkdir()
        said = "progress.json"
    if broken == "unwritable":
        (place / "progress.json").mkdir()
    if broken == "damaged there":
        (place / "progress.json").write_text("{")
    if broken == "damaged here":
        content = "{"
        before.write_text(content)
    with pytest.raises(ValueError, match=said):
        progress.keep_in(place)
    assert progress.path() == before and before.read_text() == content


def test_a_home_of_nobody_s_is_no_home_again_if_the_folder_fails(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_HOME")
    monkeypatch.setattr(progress.Path, "home", classmethod(lambda cls: tmp_path))
    (tmp_path / "drive" / "progress.json").mkdir(parents=True)
    with pytest.raises(ValueError, match="stays in"):
        progress.keep_in(tmp_path / "drive")
    assert "COURSE_HOME" not in os.environ


def test_an_attempt_counts_and_an_untouched_exercise_does_not():
    for attempt in (None, 4, 4):
        check("reasoning.find_slip", attempt)
    assert progress.known()["tries"]["reasoning.find_slip"]["attempts"] == 2 and progress.solved() == {}
