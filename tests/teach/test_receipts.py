"""Receipts: what a learner hands in, and a teacher's table that no file can spoil."""

import csv
import json

import pytest

from course.contents import with_part
from course.teach import progress, receipts
from course.teach.exercises import check
from course.teach.quizzes import quiz

RIGHT = {chapter: "".join("ABCD"[[o[2] for o in options].index(True)] for _, options in quiz(chapter).options)
         for chapter in with_part("quiz")}  # fmt: skip


@pytest.fixture
def ada():
    """A learner who solved one exercise at the third attempt, failed at another, and took a quiz twice."""
    for attempt in (4, 6, 5, 5):
        check("reasoning.find_slip", attempt)
    check("prompting.predict_vote", "A")
    wrong = "".join("B" if letter == "A" else "A" for letter in RIGHT["grpo"])
    quiz("grpo", RIGHT["grpo"][:2] + wrong[2:])
    quiz("grpo", RIGHT["grpo"][:4].lower() + " " + wrong[4])


def written(folder, file, **changes):
    """A receipt by nobody, changed by hand."""
    content = {"kind": receipts.KIND, "name": "Ada", "version": "0.1.0", "made": "2026-11-28T10:00:00+00:00"}
    content |= {"exercises": {}, "quizzes": {}} | changes
    (folder / file).write_text(json.dumps(content), encoding="utf-8")


def test_a_receipt_says_what_was_tried_and_when_and_how_it_went(ada, tmp_path):
    path = receipts.receipt("Ada Lovelace", tmp_path)
    said = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == "receipt-Ada-Lovelace.json" and "they prove nothing" in said["note"]
    assert said["name"] == "Ada Lovelace" and said["version"] == "0.1.0"
    slip, vote = said["exercises"]["reasoning.find_slip"], said["exercises"]["prompting.predict_vote"]
    assert (slip["attempts"], vote["attempts"], vote["solved"]) == (3, 1, None), "after it is solved none counts"
    assert slip["solved"] == slip["last"][:10] and slip["first"] <= slip["last"]
    assert {what: said["quizzes"]["grpo"][what] for what in ("at_first", "best", "tries")} == {
        "at_first": 2, "best": 4, "tries": 2
    }  # fmt: skip


def test_the_teacher_s_table_has_a_row_for_each_learner_and_a_column_for_each_exercise_and_quiz(ada, tmp_path):
    receipts.receipt("Ada", tmp_path)
    written(tmp_path, "b.json", name="Bo", exercises={"moe.nudge": {"solved": "2026-11-27", "attempts": 2}})
    found, notes = receipts.read_all(tmp_path)
    receipts.write_csv(found, tmp_path / "class.csv")
    with (tmp_path / "class.csv").open(encoding="utf-8-sig", newline="") as file:
        ada, bo = csv.DictReader(file)
    assert notes == [] and (ada["name"], bo["name"]) == ("Ada", "Bo")
    totals = ("exercises solved", "attempts", "quiz answers right")
    assert [ada[name] for name in totals] == ["1", "4", "4"] and [bo[name] for name in totals] == ["1", "2", "0"]
    assert (ada["reasoning.find_slip"], ada["prompting.predict_vote"], ada["moe.nudge"]) == ("1", "0", "")
    assert (bo["moe.nudge"], bo["quiz grpo"], ada["quiz grpo"]) == ("1", "", "4")


HOSTILE = {
    "empty": b"",
    "html": b"<html>",
    "list": b"[]",
    "deep": b"[" * 200_000,
    "deep-object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "huge": b'"' + b"x" * 2_000_000 + b'"',
    "number": b'{"kind": ' + b"9" * 10_000 + b"}",
    "latin": b'{"kind": "\xe9"}',
    "other": b'{"kind": "invoice"}',
}
WRONG = {
    "no-name": {"name": None},
    "long-name": {"name": "x" * 101},
    "name-that-moves-the-cursor": {"name": "\x1b[2J"},
    "half-a-letter": {"name": "\ud800"},
    "days": {"made": "yesterday"},
    "exercises": {"exercises": []},
    "an-exercise": {"exercises": {"moe.nudge": 1}},
    "attempts": {"exercises": {"moe.nudge": {"solved": None, "attempts": -1}}},
    "many": {"exercises": {"moe.nudge": {"solved": None, "attempts": 10**12}}},
    "yes": {"exercises": {"moe.nudge": {"solved": None, "attempts": True}}},
    "half": {"exercises": {"moe.nudge": {"solved": None, "attempts": 1.5}}},
    "solved": {"exercises": {"moe.nudge": {"solved": True, "attempts": 1}}},
    "points": {"quizzes": {"grpo": {"best": 6}}},
    "endless": {"quizzes": {"grpo": {"best": float("inf")}}},
}


def test_a_file_that_is_no_receipt_is_named_and_the_others_count(tmp_path):
    written(tmp_path, "good.json")
    for name, content in HOSTILE.items():
        (tmp_path / f"{name}.json").write_bytes(content)
    for name, changes in WRONG.items():
        written(tmp_path, f"{name}.json", **changes)
    (tmp_path / "folder.json").mkdir()
    found, notes = receipts.read_all(tmp_path)
    assert [one.file for one in found] == ["good.json"]
    assert sorted(note.split(" is left out: ")[0] for note in notes) == sorted(
        f"{name}.json" for name in [*HOSTILE, *WRONG, "folder"]
    )
    assert all(note.isprintable() and len(note) <= 200 for note in notes)


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+49", "-1", "=HYPERLINK(x)", "＝1"])
def test_no_cell_is_a_formula(tmp_path, name):
    written(tmp_path, f"{name}.json", name=name, version=name)
    found, _ = receipts.read_all(tmp_path)
    assert receipts.rows(found)[1][:3] == [f"'{name}", f"'{name}.json", f"'{name}"]


def test_two_receipts_of_one_name_are_said_and_both_stay(tmp_path):
    written(tmp_path, "a.json", name="Zoë")
    written(tmp_path, "b.json", name="ZOE\u0308")
    found, notes = receipts.read_all(tmp_path)
    assert len(found) == 2 and notes == ["a.json and b.json have the same name; each has a row"]


def test_what_another_version_asks_is_said_and_the_rest_counts(tmp_path):
    entry = {"solved": "2026-11-28", "attempts": 1}
    written(tmp_path, "a.json", exercises={"moe.nudge": entry, "agents.click": entry}, quizzes={"agents": {"best": 1}})
    (one,), (note,) = receipts.read_all(tmp_path)
    assert one.solved == {"moe.nudge": True} and one.quizzes == {}
    assert note.startswith("a.json names what this version of the course does not have: agents")


def test_a_folder_without_receipts_is_an_error(tmp_path):
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(ValueError, match="there are no receipts"):
            receipts.read_all(folder)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "C:\\x", "...", "Zoë Ångström"])
def test_a_receipt_stays_in_its_folder_whatever_the_name(tmp_path, name):
    assert receipts.receipt(name, tmp_path).resolve().parent == tmp_path
    (one,), _ = receipts.read_all(tmp_path)
    assert one.name == name


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 101])
def test_a_name_that_cannot_be_shown_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="the name"):
        receipts.receipt(name, tmp_path)


def test_progress_noted_before_attempts_were_is_still_read(tmp_path):
    progress.path().parent.mkdir(parents=True, exist_ok=True)
    progress.path().write_text('{"solved": {"moe.nudge": "2026-11-01"}}')
    receipts.receipt("Ada", tmp_path)
    (one,), _ = receipts.read_all(tmp_path)
    assert one.solved == {"moe.nudge": True} and one.attempts == {"moe.nudge": 1}
