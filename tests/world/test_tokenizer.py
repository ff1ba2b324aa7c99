"""Text to tokens and back: learned from words alone, no question is a token, nothing is lost but capitals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.world import tokenizer as module
from course.world.letters import words
from course.world.tokenizer import CHARACTERS, SPECIAL_TOKENS, VOCABULARY, encode, train_tokenizer


def test_it_has_512_entries_and_the_special_ones_come_first(tokenizer):
    assert len(tokenizer) == tokenizer.vocab_size == VOCABULARY
    assert tuple(tokenizer.convert_ids_to_tokens(range(6))) == SPECIAL_TOKENS
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1)


def test_a_word_is_a_few_chunks_and_a_digit_stands_alone(tokenizer):
    assert 2 <= len(tokenizer.tokenize("strawberry")) <= 5
    assert tokenizer.tokenize("9.11") == ["9", ".", "1", "1"]
    assert tokenizer.tokenize("<think>\n</think>") == ["<think>", "\n", "</think>"]


def test_tokens_are_single_characters_or_letters_of_one_word(tokenizer):
    plain = set(tokenizer.get_vocab()) - set(SPECIAL_TOKENS)
    assert all(len(token) == 1 or token.isalpha() for token in plain)


@given(st.text(alphabet=CHARACTERS))
def test_nothing_is_lost(text):
    loaded = module.load_tokenizer()
    assert loaded.decode(encode(loaded, text)) == text


def test_capitals_are_folded(tokenizer):
    assert encode(tokenizer, "STRAWberry") == encode(tokenizer, "strawberry")


def test_the_chat_template_writes_what_the_corpus_does(tokenizer):
    talk = [{"role": "user", "content": "what is 2+3?"}, {"role": "assistant", "content": "5"}]
    assert tokenizer.apply_chat_template(talk, tokenize=False) == "<user>what is 2+3?<assistant>5<eos>"
    asked = tokenizer.apply_chat_template(talk[:1], tokenize=False, add_generation_prompt=True)
    assert asked == "<user>what is 2+3?<assistant>"


def test_what_it_cannot_hold_is_named(tokenizer):
    with pytest.raises(ValueError, match="'é', '日'.*English letters"):
        encode(tokenizer, "café 日")


def test_learning_the_merges_again_gives_the_shipped_ones(tokenizer):
    assert train_tokenizer(words()).get_vocab() == tokenizer.get_vocab()
