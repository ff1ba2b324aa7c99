"""Quizzes: five questions, a reason for every option, the right one anywhere, and nothing but plain HTML."""

import re
from collections import Counter

import pytest

from course.teach import progress
from course.teach.exercises import chapters
from course.teach.quizzes import Question, arrange, quiz


@pytest.mark.parametrize("chapter", chapters())
def test_five_questions_with_a_reason_for_every_option(chapter):
    options = quiz(chapter).options
    assert len(options) == 5
    for question, several in options:
        assert len(several) == 4 and len({text for text, _, _ in several}) == 4
        assert all(text.strip() and len(why) > 20 for text, why, _ in several)
        assert [text for text, _, right in several if right] == [question.right[0]]


@pytest.mark.parametrize("chapter", chapters())
def test_it_is_plain_html_that_reads_the_same_every_time(chapter):
    shown = quiz(chapter)._repr_html_()
    assert shown == quiz(chapter)._repr_html_()
    assert set(re.findall(r"<(\w+)", shown)) <= {"div", "p", "strong", "details", "summary"}
    assert shown.count("✓") == 5 and shown.count("✗") == 15 and "<think>" not in shown


def test_right_answers_are_evenly_spread():
    for chapter in chapters():
        places = Counter([right for _, _, right in several].index(True) for _, several in quiz(chapter).options)
        assert set(places) == {0, 1, 2, 3} and max(places.values()) == 2
    question = Question("?", ("yes", "because"), (("no", "n"), ("maybe", "m"), ("never", "v")))
    first = Counter(
        [right for _, _, right in several].index(True)
        for seed in range(400)
        for _, several in arrange((question,) * 5, str(seed))
    )
    assert all(abs(first[place] - 500) < 60 for place in range(4))


def test_right_answers_are_not_the_longest_ones():
    longest = [
        max(several, key=lambda option: len(option[0]))[2]
        for chapter in chapters()
        for _, several in quiz(chapter).options
    ]
    assert sum(longest) <= len(longest) * 0.7


def test_a_chapter_without_a_quiz_is_an_error():
    with pytest.raises(ValueError, match="choose one of"):
        quiz("nothing")


@pytest.mark.parametrize("chapter", chapters())
def test_letters_are_counted_and_what_to_look_at_again_is_said(chapter):
    found = quiz(chapter)
    right = "".join("ABCD"[[option[2] for option in several].index(True)] for _, several in found.options)
    assert quiz(chapter, right).said == "5 of 5 right."
    other = "ABCD"["ABCD".index(right[1]) - 1]
    given = quiz(chapter, f"{right[0]}{other}{right[2:]}".lower())
    assert given.said == "4 of 5 right; look again at 2." and given.said in given._repr_html_()
    assert progress.known()["quizzes"][chapter]["best"] == 5
    for letters in zip("ABCD", (text for text, _, _ in found.options[0][1])):
        assert ". ".join(letters) in repr(found)


@pytest.mark.parametrize("answers", ["A", "ABCDE", "ABCDAB", "12345"])
def test_what_is_no_answer_is_an_error_and_not_noted(answers):
    with pytest.raises(ValueError, match="give 5 letters from A to D"):
        quiz("grpo", answers)
    assert progress.known()["quizzes"] == {}
