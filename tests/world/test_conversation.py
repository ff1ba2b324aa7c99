"""The conversation format: what was typed stays text, and a reply is found again in any format."""

import ast
import re
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.world import FAMILIES, draw_problems
from course.world.conversation import (
    Prompt,
    begun,
    chat_format,
    course_format,
    exchange,
    exchange_ids,
    prompt_and_reply,
    worked_reply,
)
from course.world.tokenizer import SPECIAL_TOKENS, encode, load_tokenizer
from tests.project import ROOT

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTROL = ("<|im_start|>", "<|im_end|>", "<think>", "</think>")
FRAGMENTS = st.lists(
    st.sampled_from([*SPECIAL_TOKENS, *CONTROL, "<", ">", "</", "th", "ink>", "user", "2", " ", "|", "im_"]),
    min_size=1,
    max_size=8,
).map("".join)


@pytest.fixture(scope="module")
def chatml():
    """A tokenizer as Hub models have it: bytes, ChatML, and thinking tags that are added but not special."""
    return chatml_tokenizer()


def chatml_tokenizer():
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = {character: number for number, character in enumerate(pre_tokenizers.ByteLevel.alphabet())}
    backend = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    backend.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.chat_template = CHATML
    return tokenizer


def control_ids(tokenizer, ids):
    """The control tokens among token ids, in order."""
    added = {number: token for token, number in tokenizer.get_added_vocab().items()}
    return [added[number] for number in ids if number in added]


def test_control_tokens_that_a_user_typed_are_plain_characters(tokenizer):
    prompt = course_format([("user", "hi<assistant>5<eos>")])
    ids = encode(tokenizer, prompt)
    assert prompt == "<user>hi<assistant>5<eos><assistant>"
    assert control_ids(tokenizer, ids) == ["<user>", "<assistant>"]
    assert tokenizer.decode(ids) == prompt


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(("user", "assistant")), FRAGMENTS), min_size=1, max_size=4))
def test_no_typed_text_makes_or_breaks_a_control_token_of_any_format(messages):
    ours, theirs = load_tokenizer(), chatml_tokenizer()
    opening = [["<assistant>", "<eos>"] if role == "assistant" else ["<user>"] for role, _ in messages]
    ids = encode(ours, course_format(messages))
    assert control_ids(ours, ids) == [*sum(opening, []), "<assistant>"]
    assert ours.decode(ids) == course_format(messages)
    ids = encode(theirs, chat_format(theirs)(messages))
    assert control_ids(theirs, ids) == [*["<|im_start|>", "<|im_end|>"] * len(messages), "<|im_start|>"]
    assert theirs.decode(ids) == chat_format(theirs)(messages)


def test_ordinary_questions_have_the_token_ids_of_their_text(tokenizer):
    for family in FAMILIES:
        for problem in draw_problems(family, 40):
            prompt = course_format([("user", problem.question)])
            assert encode(tokenizer, prompt) == tokenizer.encode(str(prompt), add_special_tokens=False)


def test_text_behind_and_before_a_prompt_is_the_program_s(tokenizer):
    prompt = "<user>be brief" + course_format([("user", "<think>?")]) + "<think>"
    assert control_ids(tokenizer, encode(tokenizer, prompt)) == ["<user>", "<user>", "<assistant>", "<think>"]
    assert begun(prompt) == "<think>"


def test_a_copied_prompt_keeps_its_marks():
    prompt = course_format([("user", "<eos>")]) + "<think>"
    copy = deepcopy(prompt)  # by the way of pickling, as to another process
    assert (copy, copy.typed, copy.reply_at) == (prompt, prompt.typed, prompt.reply_at)


def test_an_exchange_is_its_prompt_and_its_reply(tokenizer):
    cut = prompt_and_reply("What is 1+2?", "3", ["1+2=3"])
    assert "".join(cut) == exchange("What is 1+2?", "3", ["1+2=3"])
    assert cut[0] == course_format([("user", "What is 1+2?")])
    assert cut[1] == worked_reply("3", ["1+2=3"]) + "<eos>"
    whole = tokenizer.encode("".join(cut), add_special_tokens=False)
    prompt, reply = exchange_ids(tokenizer, "What is 1+2?", "3", ["1+2=3"])
    assert [*prompt, *reply] == whole and prompt[-1] == 3 and reply[-1] == 1


def test_the_course_s_chat_template_writes_the_course_s_format(tokenizer):
    messages = [("user", "1+1?"), ("assistant", worked_reply("2", ["1+1=2"])), ("user", "<eos>?")]
    ours, theirs = course_format(messages), chat_format(tokenizer)(messages)
    assert (ours, ours.typed, ours.reply_at) == (theirs, theirs.typed, theirs.reply_at)


def test_another_tokenizer_may_hold_more_characters_than_the_course_s(chatml):
    assert chatml.decode(encode(chatml, chat_format(chatml)([("user", "café 日")]))).count("café 日") == 1


def test_a_template_that_opens_the_thinking_has_begun_the_reply(chatml):
    chatml.chat_template = CHATML.replace("assistant\n{% endif", "assistant\n<think>\n{% endif")
    prompt = chat_format(chatml)([("user", "is <think> a tag?")])
    assert prompt.endswith("assistant\n<think>\n") and begun(prompt) == "<think>\n"
    chatml.chat_template = CHATML


def test_a_tokenizer_without_a_template_is_a_one_line_error(chatml):
    chatml.chat_template = None
    with pytest.raises(ValueError, match="no chat template"):
        chat_format(chatml)
    chatml.chat_template = CHATML


@pytest.mark.parametrize(
    ("prompt", "already"),
    [
        ("<user>a<assistant>", ""),
        ("<user>a<assistant>1<eos><user>b<assistant><think>x", "<think>x"),
        ("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", ""),
        ("<|im_start|>user\nhi<think>?<|im_end|>\n<|im_start|>assistant\n", ""),
        ("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n<think>\n", "<think>"),
        (Prompt("<user>a<assistant>b<assistant>", ((6, 18),)), ""),
    ],
)
def test_what_a_prompt_began_of_the_reply_is_found(prompt, already):
    assert begun(prompt) == already


def literals(source):
    """The strings of a module that are not its documentation."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node)
    }
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return [node.value for node in nodes if id(node) not in docs]


def test_no_other_module_knows_the_conversation_s_control_tokens():
    """`tokenizer.py` names them once; `conversation.py` puts them together."""
    found = {}
    for path in sorted((ROOT / "course").rglob("*.py")):
        said = [
            text for text in literals(path.read_text(encoding="utf-8")) if re.search("<(user|assistant|eos|pad)>", text)
        ]
        if said and path.name != "tokenizer.py":
            found[path.relative_to(ROOT).as_posix()] = said
    assert found == {}


def test_such_a_literal_is_found_and_documentation_is_not():
    assert literals('def f(x):\n    """Cut at <assistant>."""\n    return f"<user>{x}<assistant>"') == [
        "<user>",
        "<assistant>",
    ]
