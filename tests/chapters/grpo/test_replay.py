"""The run that the landing page replays is the one of chapter 6: its curve, its model before and its model after."""

import pytest

from course.chapters.grpo import replay
from course.experiments import recorded
from course.model import generate, load
from course.think.prompting import direct
from course.think.rollouts import read_reply


def test_its_curve_is_the_first_of_the_experiment():
    curve, kept = recorded("zero")["figures"]["curves"]["reward"][0], replay.recording()["shares"]
    assert kept["right"] == pytest.approx(curve["right"]) and kept["thinks"] == pytest.approx(curve["thinks"])


def test_its_first_reply_is_that_of_the_base_model_and_its_last_that_of_mini_zero():
    for name, kept in zip(
        ("mini-base", "mini-zero"), (replay.recording()["replies"][0], replay.recording()["replies"][-1])
    ):
        model, tokenizer = load(name)
        prompt = direct(replay.PROBLEM.question)
        reply = read_reply(prompt, generate(model, tokenizer, [prompt], temperature=0, seed=0)[0][0])
        assert (kept["thoughts"], kept["answer"]) == (reply.reasoning or "", reply.answer)


def test_every_reply_is_marked_by_its_answer_and_follows_the_one_before():
    replies = replay.recording()["replies"]
    assert [one["right"] for one in replies] == [one["answer"] == "3" for one in replies]
    assert [one["step"] for one in replies] == sorted({one["step"] for one in replies}) and replies[0]["step"] == 0


def test_the_page_gets_the_curve_by_steps_done_and_the_question():
    state = replay.Replay().state
    assert state["axes"]["x"] == list(range(50)) and set(state["lines"]) == {"share right", "share that thinks"}
    assert state["question"] == 'How many r\'s are in "strawberry"?'
