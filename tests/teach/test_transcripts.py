"""Transcripts: prompt, thinking and answer apart, and nothing a model says can become part of the page."""

import re

from course.model import Completion
from course.teach.transcripts import marked, tokens, transcript
from course.think.rollouts import Rollout, read_reply
from course.world import letters
from course.world.facts import fact_problems
from course.world.tokenizer import load_tokenizer

PROMPT = "<user>How many e's are in bee?<assistant>"


def said(text, finished=True):
    return Completion(text, [], [], finished)


def test_thinking_and_answer_are_shown_apart():
    shown = transcript(PROMPT, [said("<think>b 0\ne 1\ne 2\n</think>2")])
    lines = [f"prompt    {PROMPT}", "thinking  b 0", "          e 1", "          e 2", "answer    2"]
    assert str(shown).splitlines() == lines


def test_thinking_that_the_prompt_began_is_thinking():
    shown = transcript(PROMPT + "<think>", [said("b 0\n</think>2")])
    assert (shown.replies[0].reasoning, shown.replies[0].answer) == ("b 0", "2")


def test_a_cut_off_reply_has_no_answer_and_says_so():
    shown = transcript(PROMPT, [said("2", finished=False)], letters.ask("bee", "e"))
    assert shown.verdicts == (False,)
    assert "did not come to an end" in str(shown) and "did not come to an end" in shown._repr_html_()


def test_verdicts_are_words_and_are_counted():
    shown = transcript(PROMPT, [said("2"), said("3"), said("The answer is 2.")], letters.ask("bee", "e"))
    assert shown.verdicts == (True, False, True)
    html = shown._repr_html_()
    assert (html.count("right"), html.count("wrong"), "2 of 3 right" in html) == (3, 1, True)


def test_what_a_model_says_never_becomes_markup():
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    html = transcript(PROMPT, [said(f"<think>{evil}</think>{evil}")])._repr_html_()
    assert set(re.findall(r"<(\w+)", html)) <= {"div", "span", "strong"}
    assert set(re.findall(r"<(\w+)", tokens(load_tokenizer(), evil)._repr_html_())) <= {"div", "span"}


def test_tokens_put_together_are_the_text():
    text = "how many r's are in strawberry?\n"
    assert "".join(tokens(load_tokenizer(), text).pieces) == text


def opened(text, problem):
    completion = said(text)
    return marked(Rollout(problem, read_reply("<assistant><think>", completion), completion))


def test_a_reply_is_opened_step_by_step_with_the_oracle_s_marks():
    one = opened("e?\nb 0\ne 1\ne 1\n</think>1", letters.ask("bee", "e"))
    assert one.verdicts == (True, True, True, False) and one.first_wrong == 4 and not one.right
    assert str(one).splitlines()[1:] == ["  1 right  e?", "  2 right  b 0", "  3 right  e 1", "  4 WRONG  e 1",
                                         "answer     1   wrong"]  # fmt: skip
    html = one._repr_html_()
    assert html.count("✓") == 3 and html.count("✗") == 2
    assert opened("e?\nb 0\ne 1\ne 2\n</think>2", letters.ask("bee", "e")).first_wrong is None


def test_a_plain_fact_is_opened_without_marks_on_its_steps():
    fact = fact_problems()[0]
    one = opened(f"it is\n{fact.answer}\n</think>{fact.answer}", fact)
    assert one.verdicts == (None, None) and one.first_wrong is None and one.right
    assert str(one).splitlines()[1:] == [
        "  1        it is",
        f"  2        {fact.answer}",
        f"answer     {fact.answer}   right",
    ]
    assert one._repr_html_().count("✓") == 1 and "wrong" not in one._repr_html_()


def test_an_answer_that_is_missing_says_why():
    problem = letters.ask("bee", "e")
    for text, finished, why in (("<think>b", True, "(none)"), ("2", False, "did not come to an end")):
        completion = said(text, finished)
        opened = marked(Rollout(problem, read_reply("<assistant>", completion), completion))
        for shown in (transcript(PROMPT, [completion]), opened):
            assert why in str(shown) and why in shown._repr_html_()


def test_what_a_model_says_cannot_become_part_of_the_page_when_opened():
    html = opened("<script>alert(1)</script>\n</think><b>2</b>", letters.ask("bee", "e"))._repr_html_()
    assert "<script" not in html and "<b>" not in html
