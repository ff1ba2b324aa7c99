"""Prompts: what the model reads, to the letter."""

import pytest

from course.think.prompting import direct, few_shot, force_thinking, step_by_step
from course.world.tokenizer import load_tokenizer


def test_prompts_are_what_the_chat_template_renders():
    tokenizer = load_tokenizer()
    talk = [{"role": "user", "content": "What is 2+3?"}]
    rendered = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    assert direct("What is 2+3?") == rendered
    assert force_thinking("What is 2+3?") == rendered + "<think>"


def test_a_cue_follows_the_question():
    assert step_by_step(" What is 2+3? ") == "<user>What is 2+3? Let's think step by step.<assistant>"
    assert step_by_step("Why?", cue="Quick!") == "<user>Why? Quick!<assistant>"


def test_examples_come_first_in_the_order_given():
    prompt = few_shot("c?", [("a?", "1", None), ("b?", "2", ["x", "y"])])
    assert prompt == "<user>a?<assistant>1<eos><user>b?<assistant><think>x\ny\n</think>2<eos><user>c?<assistant>"


@pytest.mark.parametrize("ask", [direct, step_by_step, force_thinking])
def test_an_empty_question_is_a_one_line_error(ask):
    with pytest.raises(ValueError, match="the question is empty: ask something"):
        ask("  \n")
