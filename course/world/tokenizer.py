"""Text to tokens: byte-pair merges learnt from the word list alone, so that "strawberry" is a few chunks.

The model never sees letters of a word, only these chunks: that is what makes counting letters hard. No question
is a token, digits stand alone, and thinking has single tokens of its own.
"""

import json
from functools import cache
from importlib import resources

SPECIAL_TOKENS = ("<pad>", "<eos>", "<user>", "<assistant>", "<think>", "</think>")  # their ids are 0 to 5
VOCABULARY = 512  # entries
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CHARACTERS = LETTERS + "0123456789" + "\n !\"#$%&'()*+,-./:;<=>?@[]^_{|}~"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<assistant>' + message['content'] + '<eos>' }}"
    "{% else %}{{ '<user>' + message['content'] }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)


@cache
def load_tokenizer():
    """The course's tokenizer, as a Transformers `PreTrainedTokenizerFast` with a chat template."""
    from transformers import PreTrainedTokenizerFast  # slow to import, so not before it is needed

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(resources.files("course.world") / "tokenizer.json"),
        pad_token="<pad>",
        eos_token="<eos>",
        additional_special_tokens=["<user>", "<assistant>", "<think>", "</think>"],
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def encode(tokenizer, text: str) -> list[int]:
    """The token ids of a text, special tokens written in it included, none added.

    Raises ValueError naming the characters that the course's tokenizer cannot hold; capitals are folded.
    """
    if getattr(tokenizer, "vocab_size", None) == VOCABULARY and (strange := unreadable(text)):
        shown = ", ".join(f"{character!r}" for character in strange[:5])
        raise ValueError(f"the model has never read {shown}: write with English letters, digits and plain punctuation")
    return tokenizer.encode(text, add_special_tokens=False)


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
    learnt = json.loads(train_tokenizer(words()).to_str())
    path.write_text(json.dumps(learnt, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
