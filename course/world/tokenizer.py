"""The tokenizer: byte-pair encoding (BPE), with merges learned from the word list: "strawberry" is a few tokens.

The model never sees the letters of a word, only these tokens: that is what makes counting letters hard. No question
is a token, every digit is one, and thinking begins and ends with tokens of its own.
"""

import json
from collections.abc import Iterable
from functools import cache
from importlib import resources

SPECIAL_TOKENS = ("<pad>", "<eos>", "<user>", "<assistant>", "<think>", "</think>")  # their ids are 0 to 5
PAD, EOS, USER, ASSISTANT, THINK, END_THINK = SPECIAL_TOKENS
VOCABULARY = 512  # entries
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CHARACTERS = LETTERS + "0123456789" + "\n !\"#$%&'()*+,-./:;<=>?@[]^_{|}~"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    f"{{% if message['role'] == 'assistant' %}}{{{{ '{ASSISTANT}' + message['content'] + '{EOS}' }}}}"
    f"{{% else %}}{{{{ '{USER}' + message['content'] }}}}{{% endif %}}"
    f"{{% endfor %}}{{% if add_generation_prompt %}}{{{{ '{ASSISTANT}' }}}}{{% endif %}}"
)


@cache
def load_tokenizer():
    """The course's tokenizer, as a Transformers `PreTrainedTokenizerFast` with a chat template."""
    from transformers import PreTrainedTokenizerFast  # slow to import, so not before it is needed

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(resources.files("course.world") / "tokenizer.json"),
        pad_token=PAD,
        eos_token=EOS,
        additional_special_tokens=[USER, ASSISTANT, THINK, END_THINK],
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def encode(tokenizer, text: str) -> list[int]:
    """The token ids of a text, none added: control tokens written in it count, but not in what a user typed.

    A `course.world.conversation.Prompt` says which of its characters were typed; in an ordinary string none were.
    Raises ValueError naming the characters that the course's tokenizer cannot hold; capitals are folded.
    """
    if getattr(tokenizer, "vocab_size", None) == VOCABULARY and (strange := unreadable(text)):
        shown = ", ".join(f"{character!r}" for character in strange[:5])
        raise ValueError(f"the model has never read {shown}: write with English letters, digits and plain punctuation")
    typed = getattr(text, "typed", ())
    cuts = sorted(_cuts(text, typed, tokenizer.get_added_vocab())) if typed else []
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return [number for piece in pieces for number in tokenizer.encode(piece, add_special_tokens=False)]


def _cuts(text: str, typed: Iterable[tuple[int, int]], control_tokens: Iterable[str]) -> set[int]:
    """Where to cut a text so that no control token that touches typed characters is whole in any piece."""
    cuts = set()
    for token in control_tokens:
        if len(token.strip()) < 2:
            continue  # white space and single characters, which some tokenizers list beside their control tokens
        start = text.find(token)
        while start >= 0:
            touched = [begin for begin, end in typed if start < end and begin < start + len(token)]
            if touched:  # inside this token, and inside no other that the program wrote itself
                cuts.add(max(start + 1, touched[0]))
            start = text.find(token, start + 1)
    return cuts


def unreadable(text: str) -> list[str]:
    """The characters of a text that the tokenizer has no token for, each once, in order."""
    return [character for character in dict.fromkeys(text) if character.lower() not in CHARACTERS]


def train_tokenizer(words: tuple[str, ...]):
    """Learn the merges from a list of words and return a `tokenizers.Tokenizer`.

    Letters merge only with letters of the same word; digits, spaces, line ends and punctuation stand alone.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[a-z]+|[^a-z]"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS],
        initial_alphabet=list(CHARACTERS),
        limit_alphabet=len(CHARACTERS),
        show_progress=False,
    )
    tokenizer.train_from_iterator(words, trainer)
    return tokenizer


def main() -> None:
    """Learn the merges again and write `tokenizer.json`: `python -m course.world.tokenizer`."""
    from course.world.letters import words

    path = resources.files("course.world") / "tokenizer.json"
    learned = json.loads(train_tokenizer(words()).to_str())
    path.write_text(json.dumps(learned, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
