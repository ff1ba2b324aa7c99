"""The run that the landing page replays is the one of chapter 6: its curve, its model before and its model after."""

import pytest

from course.chapters.grpo import replay
from course.experiments import recorded
from course.model import generate, load
from course.think.prompting import direct
from course.think.rollouts import read_reply


def test_its_curve_is_the_first_of_the_experiment_but_for_rounding():
    curve, kept = recorded("zero")["figures"]["curves"]["reward"][0], replay.recording()["shares"]
    for what in ("right", "thinks"):
        assert kept[what][:5] == pytest.approx(curve[what][:5]) and kept[what] == pytest.approx(curve[what], abs=0.03)


def test_its_first_reply_is_one_of_the_base_model():
    model, tokenizer = load("mini-base")
    prompt, kept = direct(replay.PROBLEM.question), replay.recording()["replies"][0]
    reply = read_reply(prompt, generate(model, tokenizer, [prompt], seed=0)[0][0])
    assert (kept["thoughts"], kept["answer"]) == (reply.reasoning or "", reply.answer)


def test_every_reply_is_marked_by_its_answer_and_follows_the_one_before():
    replies = replay.recording()["replies"]
    assert [one["right"] for one in replies] == [one["answer"] == "3" for one in replies]
    assert [one["step"] for one in replies] == sorted({one["step"] for one in replies}) and replies[0]["step"] == 0


def test_the_page_gets_the_curve_by_steps_done_and_the_question():
    state = replay.Replay().state
    assert state["axes"]["x"] == list(range(50)) and set(state["lines"]) == {"share right", "share that thinks"}
    assert state["question"] == 'How many r\'s are in "strawberry"?'
