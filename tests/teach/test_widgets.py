"""The widgets without a browser: what they hold for the page, and that they stand still where nothing can move."""

import pytest

from course.model import Completion, generate, load
from course.teach.widgets import Adjustable, Ask, Explore, Frame, Pages, ShellGame, Slider, Traces, Turn, Vote, Voting
from course.think.evaluation import expected_vote
from course.think.prompting import direct
from course.think.rollouts import Rollout, read_reply
from course.world import FAMILIES, cups, letters, sums


def test_the_question_box_stands_still_with_what_the_models_say_first():
    box = Ask("mini-base", "mini-zero", question="Is 3.4 greater than 3.2?")
    for name in ("mini-base", "mini-zero"):
        model, tokenizer = load(name)
        ((reply,),) = generate(model, tokenizer, [direct("Is 3.4 greater than 3.2?")], seed=0)
        assert f"{name}\nprompt" in box.text and reply.text.rpartition(">")[2] in box.text.partition(name)[2]
    assert box.state["question"] == "Is 3.4 greater than 3.2?" and not box.state["auto"]


def test_the_questions_to_choose_from_come_with_right_answers():
    box = Ask("mini-zero")
    assert len(box.state["examples"]) == 6 and box.state["question"] == box.state["examples"][0]["question"]
    known = {one["question"]: one["answer"] for one in box.state["examples"]}
    assert known['How many r\'s are in "strawberry"?'] == "3" and "no" in known.values()
    problem = next(one for one in known if one.startswith(("Ball", "A ball", "Cup")))
    numbers = [int(digit) for digit in problem if digit.isdigit()]
    ball, swaps = numbers[0], list(zip(numbers[1::2], numbers[2::2]))
    for left, right in swaps:
        ball = right if ball == left else left if ball == right else ball
    assert known[problem] == str(ball)


def test_a_shell_game_hands_over_where_the_ball_is_and_the_swaps():
    problem = cups.ask(1, ((1, 4), (4, 2)))
    game = ShellGame("mini-zero", [problem])
    assert game.state["problems"] == [{"question": problem.question, "ball": 1, "swaps": [[1, 4], [4, 2]]}]
    assert "start: 1" in game.text and "answer" in game.text


def test_votes_and_explorers_hold_what_they_ask():
    problem = sums.ask((2, 3))
    voting, explorer = Voting("mini-base", problem, samples=5), Explore("mini-base", problem.question, think=True)
    assert (voting.state["answer"], voting.state["samples"]) == ("5", 5) and voting.text.count("answer") == 3
    assert explorer.state == {"model": "mini-base", "question": problem.question, "think": True}


def traces():
    replies = ("e?\nb 0\ne 1\ne 1\n</think>1", "e?\nb 0\ne 1\ne 2\n</think>2")
    completions = [Completion(text, [], [], True) for text in replies]
    problem = letters.ask("bee", "e")
    return Traces([Rollout(problem, read_reply("<assistant><think>", one), one) for one in completions])


def test_the_slider_opens_one_trace_after_the_other_and_stands_still_without_python():
    pages = traces().state["pages"]
    assert list(pages) == ["1", "2"] and "✗ wrong" in pages["1"]
    assert "✓ right" in pages["2"] and "✗" not in pages["2"]
    assert traces().still == pages["1"] and traces().state["first"] == "1"


def test_a_slider_over_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        Traces([])


def test_only_pages_that_python_can_add_to_have_a_box_to_type_in():
    turn = [Turn("which", ["a"])]
    assert "question" not in Pages("p", turn, {"a": "<p>"}, first="a", text="a").state
    asked = Pages("p", turn, {"a": "<p>"}, first="a", text="a", question="q", answer=str.upper)
    assert asked.state["question"] == "q" and asked.reply({"typed": "x"})[0]["page"] == "X"


def test_a_slider_has_every_position_and_no_rounding():
    assert (
        Slider("s", 0.3, 0, 1, 0.05).places[5:8] == [0.25, 0.3, 0.35] and len(Slider("s", 0, 0, 1, 0.05).places) == 21
    )
    assert Slider("n", 30, 10, 50, 20).places == [10, 30, 50]
    with pytest.raises(ValueError, match="n ends between two steps: 500 is 24.5 steps from 10"):
        Slider("n", 30, 10, 500, 20)


def test_frames_are_in_the_order_in_which_the_page_counts(monkeypatch):
    """The last slider turns fastest: position 1 of 2 and 2 of 3 is frame 1 * 3 + 2."""
    from course.teach import plots

    def still(a, b):
        return plots.history({0: a, 1: b}, "x", "y")

    sliders = Slider("a", 0, 0, 1, 1), Slider("b", 0, 0, 2, 1)
    made = Adjustable(sliders, lambda a, b: Frame({"l": [a, b]}, f"{a} {b}"), still, axes={"x": [0, 1]})
    assert [one["said"] for one in made.state["frames"]] == ["0 0", "0 1", "0 2", "1 0", "1 1", "1 2"]
    assert made.state["frames"][5]["lines"] == {"l": [1.0, 2.0]} and "data:image/png;base64," in made.still
    with pytest.raises(ValueError, match="cannot begin at 3"):
        Adjustable((Slider("a", 3, 0, 1, 1),), lambda a: Frame({}, ""), still, axes={})


@pytest.mark.slow
def test_every_position_of_the_vote_is_what_a_simulation_says():
    vote = Vote(0.3, 0.45)
    assert vote.frames[0.3, 0.45].lines["vote"][0] == pytest.approx(0.3, abs=0.05)  # a vote of one
    few, many = vote.frames[0.6, 0.1].lines["vote"], vote.frames[0.3, 1.0].lines["vote"]
    assert few[-1] == pytest.approx(1.0, abs=0.005) and many[-1] < 0.01
    shares = [0.3, 0.45, *[0.025] * 10]
    exact = expected_vote(shares, [True] + [False] * 11, 41, trials=20000, seed=5)
    assert vote.frames[0.3, 0.45].lines["vote"][-1] == pytest.approx(exact, abs=0.04)
    assert "41 1.00" in vote.frames[0.6, 0.1].said and vote.text.startswith("Chance that it is right")


def test_examples_leave_out_what_has_many_right_answers():
    questions = [one["question"] for one in Ask("mini-zero").state["examples"]]
    assert len(questions) == 1 + len(FAMILIES) and len(set(questions)) == len(questions)
