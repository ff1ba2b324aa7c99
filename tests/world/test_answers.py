"""Reading replies: what a person would accept is accepted, and no text is ever too much."""

import random
import time
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course.world import FAMILIES, countdown, cups, decimals, draw_problems, sums
from course.world.answers import Reply, arithmetic, normalize, split_reply, step_ends, steps, whole_number
from tests.world import mutations

PROBLEMS = [problem for family in FAMILIES for problem in draw_problems(family, 60)]
HOSTILE = (
    "",
    " ",
    "\x00",
    "\ud800",
    "9" * 10_000,
    "(" * 150,
    "-" * 150,
    "1/0",
    "__import__('os')",
    "</think>" * 50,
    "½",
    "٣",
)
ANYTHING = st.text() | st.text(alphabet=mutations.CHARACTERS) | st.sampled_from(HOSTILE)


@pytest.mark.slow
@settings(max_examples=3_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PROBLEMS), st.integers(0, 2**32))
def test_answers_and_steps_are_judged_as_by_brute_force(problem, seed):
    """3,000 examples of one answer and one solution each: over 12,000 answers and steps."""
    for _, ours, theirs in mutations.compare(problem, random.Random(seed)):
        assert ours == theirs


@pytest.mark.slow
@settings(deadline=None)
@given(st.sampled_from(PROBLEMS), ANYTHING, st.lists(ANYTHING, max_size=5))
def test_any_text_has_a_verdict(problem, text, lines):
    family = FAMILIES[problem.family]
    assert family.correct(problem, text) in (True, False)
    assert len(family.check_steps(problem, lines)) == len(lines)
    reply = split_reply(text)
    assert reply.reasoning is None or isinstance(steps(reply.reasoning), list)


@pytest.mark.parametrize("problem", PROBLEMS[::7], ids=lambda problem: problem.key)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_no_answer(problem, text):
    assert FAMILIES[problem.family].correct(problem, text) is False


def test_no_answer_is_wrong():
    assert not any(FAMILIES[problem.family].correct(problem, None) for problem in PROBLEMS)


@pytest.mark.parametrize(
    "answer",
    [
        "3",
        " 3 ",
        "3.",
        "The answer is 3.",
        "the answer is: 3",
        "Answer: 3",
        "So the final answer is 3!",
        "**3**",
        "３",
        "𝟑",
        "+3",
        "03",
        "'3'",
        "$3$.",
        '"3."',
        "The answer is **3**.",
    ],
)
def test_a_number_may_be_dressed(answer):
    assert whole_number(answer) == 3


@pytest.mark.parametrize(
    "answer",
    [
        *("3 or 4", "33 3", "3.0", "three", "1e3", "3;", "x3", "0x3", "3\n4", "answer"),
        *(".3", ".5", "The answer is .3", "!3", "2³", "3²", "²", "½", "3½", "①", "3①", "٣", "⁻3", "⒊"),
        *("1 000", "1,000", "- 3", "3*", "*3", "3'", "$3", "3…"),
    ],
)
def test_what_is_not_one_whole_number_is_none(answer):
    assert whole_number(answer) is None


@pytest.mark.parametrize(
    ("family", "answer", "right"),
    [
        ("sums", "23", True),
        ("sums", "2³", False),
        ("sums", ".23", False),
        ("countdown", "8*5-3", True),
        ("countdown", "８×５−３", True),
        ("countdown", "**8*5-3**", True),
        ("countdown", "8*5-3*", False),
        ("countdown", "*8*5-3", False),
        ("countdown", "8*5-3³", False),
        ("countdown", ".8*5-3", False),
        ("cups", "Cup 1.", True),
        ("cups", ".1", False),
        ("cups", "¹", False),
        ("decimals", "'No'.", True),
        ("decimals", "no'", False),
    ],
)
def test_only_what_cannot_change_a_value_is_taken_away(family, answer, right):
    problem = {
        "sums": sums.ask((9, 9, 5)),
        "countdown": countdown.ask((3, 5, 8), 37),
        "cups": cups.ask(1, ((2, 3),)),
        "decimals": decimals.ask("9.11", "9.8"),
    }[family]
    assert FAMILIES[family].correct(problem, answer) is right


def seconds(function, text):
    """The processor's time that reading a text takes: the least of five."""
    found = []
    for _ in range(5):
        start = time.process_time()
        function(text)
        found.append(time.process_time() - start)
    return min(found)


@pytest.mark.parametrize("function", [split_reply, step_ends, steps, normalize, whole_number, arithmetic])
@pytest.mark.parametrize(
    "piece", ["<eos>", "<eos> ", "<pad>x", "</think>", "<think>", " ", "\n", "a\n", "1+", "(", "."]
)
def test_eight_times_the_text_takes_about_eight_times_the_work(function, piece):
    """Where work grows with the square it is 64 times; a hundredth of a second is for what is too short."""
    for end in ("", "x"):
        short, long = (seconds(function, piece * size + end) for size in (1_000, 8_000))
        assert long < 24 * short + 0.01


def test_case_and_spaces_do_not_count():
    assert normalize("  The  ANSWER is\nYes. ") == "yes"


def test_a_long_text_is_no_answer():
    assert normalize("3" + " " * 300) == ""
    assert normalize("3" + " " * 100) == "3"


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("3<eos>", Reply(None, "3")),
        ("<think>a\nb\n</think>3<eos><pad><pad>", Reply("a\nb", "3")),
        ("a\nb\n</think>3", Reply("a\nb", "3")),  # the prompt ended in <think>
        ("<think>a</think>", Reply("a", None)),
        ("<think>a", Reply("a", None)),
        ("<think></think>3", Reply("", "3")),
        ("<think>3</think>4</think>5", Reply("3</think>4", "5")),
        ("3<eos> <eos>\n<pad>", Reply(None, "3")),
        ("<eos>3", Reply(None, "<eos>3")),
        ("", Reply(None, None)),
    ],
)
def test_a_reply_is_cut_into_thinking_and_answer(text, reply):
    assert split_reply(text) == reply


@pytest.mark.parametrize(
    ("text", "opened"),
    [("<think>a</think>3", True), ("a</think>3", False), ("a</think>3<think>", False), ("3", True), ("<think>a", True)],
)
def test_thinking_that_was_never_opened_is_told_apart(text, opened):
    assert split_reply(text).opened is opened


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2*(3+4)", 14),
        ("8/3*3", 8),
        ("10 - 2 - 3", 5),
        ("-2*-3", 6),
        ("1/3", Fraction(1, 3)),
        ("((7))", 7),
        ("2-3*4+1", -9),
    ],
)
def test_arithmetic_has_the_usual_precedence(text, value):
    assert arithmetic(text)[0] == value


@pytest.mark.parametrize(
    "text", ["", "2+", "2**3", "2//3", "1/0", "1/(2-2)", "(2", "2)", "2 3", "1.5", "a", "1e3", "1" * 10, "+2", "2=2"]
)
def test_what_is_not_arithmetic_has_no_value(text):
    assert arithmetic(text) is None


REPLIES = st.lists(
    st.sampled_from(("<think>", "</think>", "<eos>", "<pad>", "\n", " ", "\t", "\r", "2+3=5", "x", "<th", "ink>")),
    max_size=12,
).map("".join)


def without_tags(text):
    """A piece of a reply without opening tags, those included that taking out others makes."""
    while "<think>" in text:
        text = text.replace("<think>", "")
    return text.strip()


@settings(max_examples=1000, deadline=None)
@given(REPLIES | ANYTHING)
def test_every_step_ends_somewhere_behind_the_one_before_and_at_its_own_line(text):
    ends, lines = step_ends(text), steps(split_reply(text).reasoning)
    assert len(ends) == len(lines) and ends == sorted(set(ends))
    for end, line in zip(ends, lines, strict=True):
        assert without_tags(text[: end + 1]).endswith(without_tags(line))
        assert text[end] == "\n" or "\n" not in text[end + 1 :][: len(text[end + 1 :]) - len(text[end + 1 :].lstrip())]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("<think>a\nb\n</think>3", [8, 10]),
        ("2+3=5<th<think>ink>", [18]),
        ("<think>a\nb</think>3", [8, 9]),
        ("<think>a b </think>3", [9]),
        ("<think>\n\na\n\n</think>3", [10]),
        ("a\n</think>3\n", [1]),
        ("<think>a", [7]),
        ("<think>a \n", [9]),
        ("<think>a<eos>", [7]),
        ("<think>a \n<eos>", [9]),
        ("<think>a<eos>\n", [7]),
        ("<think>a<think>\nb</think>", [15, 16]),
        ("<think>a<think>b", [15]),
        ("a\nb", []),
        ("<think></think>a\n", []),
        ("", []),
    ],
)
def test_a_step_ends_with_its_line_s_end_or_its_last_character(text, ends):
    assert step_ends(text) == ends
