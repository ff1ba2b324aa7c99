"""Reading a reply: where the thinking ends, which line is a step, what the answer says.

Model text is untrusted. Everything here is total: any string, however long or strange, gives a value and never
an exception, in time that grows with its length, and nothing is ever evaluated. What counts as the same answer is
spelled out in `normalize`: only what cannot change a value is taken away.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from fractions import Fraction

from course.world.tokenizer import END_THINK, EOS, PAD, THINK

LONGEST_ANSWER = 200  # characters; more is not an answer
MOST_BRACKETS = 30  # pairs in an expression, so that reading one never runs out of stack
_OPENINGS = re.compile(r"^(?:so )?(?:the )?(?:final )?answer(?: is)? ?:? ?")
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "’": "'", "“": '"', "”": '"'})
_SAME_CHARACTER = ("<wide>", "<narrow>", "<font>", "<noBreak>")  # Unicode's words for another width or typeface
_PAIRS = "\"'`*$"  # what may stand on both sides of an answer


@dataclass(frozen=True)
class Reply:
    """A reply cut in two, as the chat interfaces of reasoning models do (`reasoning_content` and `content`)."""

    reasoning: str | None  # what stands inside <think>; None if it did not think
    answer: str | None  # what follows; None if nothing does
    opened: bool = field(default=True, compare=False, repr=False)  # False: thinking was closed and never opened


def split_reply(text: str) -> Reply:
    """Cut a reply into its thinking and its answer.

    Accepts a reply that starts inside the thoughts, as it does when `<think>` was part of the prompt. Thoughts
    that never end leave no answer. With several closing tags, the last one ends the thinking: an answer cannot
    hide inside the thoughts.

    >>> split_reply("<think>1+2=3</think>3")
    Reply(reasoning='1+2=3', answer='3')
    >>> split_reply("3")
    Reply(reasoning=None, answer='3')
    """
    text = _without_end(text)
    if END_THINK in text:
        reasoning, _, answer = text.rpartition(END_THINK)
        return Reply(reasoning.replace(THINK, "").strip(), answer.strip() or None, THINK in reasoning)
    if THINK in text:
        before, _, reasoning = text.partition(THINK)
        return Reply((before + reasoning).strip(), None)
    return Reply(None, text.strip() or None)


def _without_end(text: str) -> str:
    """The text without the white space, ends and padding behind it."""
    end = len(text)
    while end:
        if text[end - 1].isspace():
            end -= 1
        elif mark := next((mark for mark in (EOS, PAD) if text.endswith(mark, 0, end)), None):
            end -= len(mark)
        else:
            break
    return text[:end]


def steps(reasoning: str | None) -> list[str]:
    """The steps of a piece of reasoning: its lines, without the empty ones.

    >>> steps("s 0\\n\\n t 0 ")
    ['s 0', 't 0']
    """
    return [line.strip() for line in (reasoning or "").split("\n") if line.strip()]


def step_ends(text: str) -> list[int]:
    """Where each step of a reply ends in its text: the line end behind it, or its last character if there is none.

    One place for each of `steps(split_reply(text).reasoning)`, in order.

    >>> text = "<think>s 0\\n\\n t 0 </think>3"
    >>> [text[: place + 1] for place in step_ends(text)]
    ['<think>s 0\\n', '<think>s 0\\n\\n t 0']
    """
    whole = _without_end(text)
    closed = END_THINK in whole
    if not closed and THINK not in whole:
        return []
    stop = whole.rfind(END_THINK) if closed else len(whole)
    ends, last, place = [], None, 0  # last: the last character of the line so far that is no white space
    for piece in text[:stop].split(THINK, -1 if closed else 1):  # as `split_reply` takes the tags out
        for character in piece:
            if character == "\n" and last is not None:
                ends.append(place)
            last = None if character == "\n" else last if character.isspace() else place
            place += 1
        place += len(THINK)
    if last is not None:
        behind = next(
            (place for place in range(stop, len(text)) if text[place] == "\n" or not text[place].isspace()), None
        )
        ends.append(behind if behind is not None and text[behind] == "\n" else last)
    return ends


def normalize(answer: str | None) -> str:
    """What an answer says, without how it is dressed; the empty string if it is no answer.

    These do not count: case, runs of white space, the width and typeface of characters (`３`), an opening such as "The
    answer is", full stops and exclamation marks behind the answer, and pairs of quotes, dollar signs, asterisks or
    backticks around it. Typographic minus, times and division signs become plain ones. Everything else stays and
    counts: the point of ".3", the asterisk of "8*5-3*", "2³", "½", "①", "1 000". Over 200 characters is no answer.

    >>> normalize(" The  answer is **3**. "), normalize(".3"), normalize("2³")
    ('3', '.3', '2³')
    """
    if answer is None or len(answer) > LONGEST_ANSWER:
        return ""
    text = "".join(map(_plain, answer)).translate(_SIGNS).lower()
    text = _undressed(" ".join(text.split()))
    return _undressed(_OPENINGS.sub("", text, count=1))


def _plain(character: str) -> str:
    """The ordinary form of a character that Unicode lists as the same in another width or typeface."""
    same = unicodedata.decomposition(character).startswith(_SAME_CHARACTER)
    return unicodedata.normalize("NFKC", character) if same else character


def _undressed(text: str) -> str:
    """The text without what ends a sentence, and without pairs of marks around it."""
    while True:
        text = text.strip().rstrip(".! ")
        if len(text) < 2 or text[0] != text[-1] or text[0] not in _PAIRS:
            return text
        text = text[1:-1]


def whole_number(answer: str | None) -> int | None:
    """The whole number an answer consists of, or None: up to nine digits, with or without a sign.

    Zeros in front change nothing ("03" is 3). Anything else between or behind the digits does ("3.0", "1 000", "- 3").

    >>> whole_number("The answer is 3."), whole_number("3 or 4"), whole_number(".5")
    (3, None, None)
    """
    text = normalize(answer)
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,9}", text) else None


class _NotArithmetic(Exception):
    """Raised inside `arithmetic` only."""


def arithmetic(text: str) -> tuple[Fraction, list[int]] | None:
    """The exact value of an arithmetic expression and the numbers it uses, or None.

    Reads whole numbers of at most nine digits, `+ - * /`, a leading minus and at most 30 pairs of brackets,
    with the usual precedence, and nothing else; a division by zero has no value. A parser by recursive descent: the
    text is never handed to Python.

    >>> arithmetic("2*(3+4)")
    (Fraction(14, 1), [2, 3, 4])
    """
    if len(text) > LONGEST_ANSWER or text.count("(") > MOST_BRACKETS:
        return None
    tokens = re.findall(r"[0-9]+|[-+*/()]|[^\s]", text)
    numbers: list[int] = []
    try:
        value, rest = _sum(tokens, numbers)
    except (_NotArithmetic, ZeroDivisionError):
        return None
    return None if rest else (value, numbers)


def _sum(tokens: list[str], numbers: list[int]) -> tuple[Fraction, list[str]]:
    value, tokens = _product(tokens, numbers)
    while tokens and tokens[0] in "+-":
        sign, (term, tokens) = tokens[0], _product(tokens[1:], numbers)
        value = value + term if sign == "+" else value - term
    return value, tokens


def _product(tokens: list[str], numbers: list[int]) -> tuple[Fraction, list[str]]:
    value, tokens = _factor(tokens, numbers)
    while tokens and tokens[0] in "*/":
        sign, (factor, tokens) = tokens[0], _factor(tokens[1:], numbers)
        value = value * factor if sign == "*" else value / factor
    return value, tokens


def _factor(tokens: list[str], numbers: list[int]) -> tuple[Fraction, list[str]]:
    if not tokens:
        raise _NotArithmetic
    head, rest = tokens[0], tokens[1:]
    sign = 1
    while head == "-" and rest:
        sign, head, rest = -sign, rest[0], rest[1:]
    if head == "(":
        value, rest = _sum(rest, numbers)
        if not rest or rest[0] != ")":
            raise _NotArithmetic
        return sign * value, rest[1:]
    if not re.fullmatch(r"[0-9]{1,9}", head):
        raise _NotArithmetic
    numbers.append(int(head))
    return Fraction(sign * int(head)), rest
