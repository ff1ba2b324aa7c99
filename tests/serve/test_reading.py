"""A reply read token by token has the fields that `split_reply` finds in the whole."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from course.model.continuous import Drawn, Row
from course.serve.reading import CONTENT, REASONING, Reading, joined
from course.world.answers import split_reply
from course.world.tokenizer import EOS, SPECIAL_TOKENS, THINK, VOCABULARY, encode, load_tokenizer

TOKENIZER = load_tokenizer()
TEXTS = [TOKENIZER.decode([token]) for token in range(VOCABULARY)]
ROW = Row([2], [0.5])
TEXT = st.text(alphabet=" \nab01=.", max_size=12)
STOPS = st.lists(st.text(alphabet=" \nab01", min_size=1, max_size=4), max_size=3)


def cut(pieces):
    """A vocabulary in which each piece is a token of its own, and the token ids of the pieces."""
    texts = [*SPECIAL_TOKENS, *pieces]
    return texts, [SPECIAL_TOKENS.index(one) if one in SPECIAL_TOKENS else 6 + at for at, one in enumerate(pieces)]


def read(texts, ids, stops=(), inside=False):
    """The two fields, the pieces they came in, and the state at the end."""
    reading = Reading(texts, tuple(stops), inside)
    pieces = [piece for one in ids if (piece := reading.read(Drawn(ROW, one)))]
    pieces += [rest] if (rest := reading.rest()) else []
    fields = {name: "".join(one.text for one in pieces if one.field == name) for name in (REASONING, CONTENT)}
    return fields[REASONING], fields[CONTENT], pieces, reading


def completed_first(answer, stops):
    """An answer up to the stop string that is complete before any other; how a reader of characters would do it."""
    for end in range(len(answer) + 1):
        begun = [end - len(stop) for stop in stops if answer[:end].endswith(stop)]
        if begun:
            return answer[: min(begun)]
    return answer


@st.composite
def replies(draw):
    """A reply of ordinary shape in pieces of any size: thoughts that end, that are truncated, or none."""
    shape = draw(st.sampled_from(["thoughts", "truncated", "plain"]))
    before = [] if shape == "plain" else [draw(st.sampled_from(["", " ", "\n "])), THINK, draw(TEXT)]
    after = [] if shape == "truncated" else ["</think>"] * (shape == "thoughts") + [draw(TEXT)]
    pieces = []
    for text in (*before, *after):
        while text and text not in (THINK, "</think>"):
            size = draw(st.integers(1, len(text)))
            pieces.append(text[:size])
            text = text[size:]
        pieces += [text] if text else []
    return pieces + [EOS] * draw(st.integers(0, 1))


@given(replies(), STOPS)
@example([THINK, "a", "</think>", "0ab1"], ["b1", "ab1"])
@example([THINK, "a", "</think>", "abb"], ["abb", "b"])
@example([THINK, "a ", "</think>", " ab", "ba"], ["ba", " "])
@example(["0 ", EOS], [" "])
def test_the_fields_are_those_of_the_whole_reply_wherever_it_is_cut(pieces, stops):
    text = "".join(pieces)
    whole = split_reply(text)
    reasoning, content, _, reading = read(*cut(pieces), stops)
    assert reasoning == (whole.reasoning or "")
    answer = whole.answer or ""
    behind = (
        text.removesuffix(EOS)[len(text.removesuffix(EOS).rstrip()) :] if answer else ""
    )  # a stop string may end there
    assert reading.stopped == any(stop in answer + behind for stop in stops)
    assert content == (completed_first(answer + behind, stops) if reading.stopped else answer)


@given(replies())
def test_a_reply_that_goes_on_from_a_prompt_in_its_thoughts_is_read_as_one_that_began_them(pieces):
    if THINK not in pieces:
        return
    behind = pieces[pieces.index(THINK) + 1 :]
    begun, alone = (read(*cut(some), inside=some is behind) for some in (behind, pieces))
    assert begun[:2] == alone[:2]


@given(replies())
def test_tokens_are_counted_once_and_those_of_the_thoughts_apart(pieces):
    _, _, _, reading = read(*cut(pieces))
    assert reading.tokens == len(pieces)
    end = pieces.index("</think>") + 1 if "</think>" in pieces else len(pieces) - (pieces[-1:] == [EOS])
    assert reading.reasoning_tokens == (end - pieces.index(THINK) if THINK in pieces else 0)


def test_the_course_s_own_tokens_give_the_same():
    for text in (
        "<think>s 0\nt 0\n</think> 3 \n",
        "3",
        "<think>12+8=20\n",
        "<think></think>",
        "\n<think> 1\n\n</think>2",
    ):
        whole = split_reply(text)
        found = read(TEXTS, [*encode(TOKENIZER, text), TOKENIZER.eos_token_id])
        assert found[:2] == (whole.reasoning or "", whole.answer or "")


@pytest.mark.parametrize(
    ("answer", "stop", "left"),
    [
        ("strawberry", "awb", "str"),
        ("1, 2, 3", ", 3", "1, 2"),
        ("22", "3", "22"),
        ("11112", "112", "11"),
        ("3\nq", "\n", "3"),
    ],
)
def test_a_stop_string_may_lie_over_several_tokens(answer, stop, left):
    _, content, _, reading = read(TEXTS, encode(TOKENIZER, answer), [stop])
    assert content == left and reading.stopped is (left != answer)


def test_nothing_is_shown_that_a_stop_string_may_take_back():
    reading = Reading(TEXTS, (" and so on",))
    ids = encode(TOKENIZER, "1 and so")
    shown = "".join(piece.text for one in ids if (piece := reading.read(Drawn(ROW, one))))
    assert shown == "1" and reading.rest().text == " and so", "until nothing follows"


def test_what_is_no_beginning_of_a_stop_string_is_shown_at_once():
    reading = Reading(TEXTS, ("xyz",))
    assert [reading.read(Drawn(ROW, one)).text for one in encode(TOKENIZER, "1+2")] == ["1", "+", "2"]


def test_the_first_closing_tag_ends_the_thoughts():
    """Where `split_reply`, which sees the whole, takes the last: nobody can know yet whether another will follow."""
    reasoning, content, _, _ = read(TEXTS, encode(TOKENIZER, "<think>1</think>2</think>3"))
    assert (reasoning, content) == ("1", "2</think>3")


def test_a_tag_behind_what_a_stop_string_may_take_back_begins_no_thoughts():
    ids = [*encode(TOKENIZER, "x"), *encode(TOKENIZER, "<think>1")]
    assert read(TEXTS, ids, ["xy"])[:2] == ("", "x<think>1")


def test_each_token_comes_with_the_text_that_was_read_from_it():
    ids = encode(TOKENIZER, "<think>s 0\n\nt 0\n</think>strawberry 3")
    _, _, pieces, _ = read(TEXTS, ids)
    for piece in joined(pieces):
        assert TOKENIZER.decode([one.token for one in piece.tokens]).strip() == piece.text
    assert [piece.field for piece in joined(pieces)] == [REASONING, CONTENT]
