"""Reading a reply: where the thinking ends, which line is a step, what the answer says.

Model text is untrusted. Everything here is total: any string, however long or strange, gives a value and never
an exception, and nothing is ever evaluated. What counts as the same answer is spelled out in `normalize`.
"""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

THINK, END_THINK = "<think>", "</think>"
LONGEST_ANSWER = 200  # characters; more is not an answer
MOST_BRACKETS = 30  # pairs in an expression, so that reading one never runs out of stack
_ENDINGS = re.compile(r"(<eos>|<pad>)+\s*$")
_OPENINGS = re.compile(r"^(?:so )?(?:the )?(?:final )?answer(?: is)? ?:? ?")
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "’": "'", "“": '"', "”": '"'})
_MARKS = ".!\"'`*$ "


@dataclass(frozen=True)
class Reply:
    """A reply cut in two, as the chat interfaces of reasoning models do (`reasoning_content` and `content`)."""

    reasoning: str | None  # what stands inside <think>; None if it did not think
    answer: str | None  # what follows; None if nothing does


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
    text = _ENDINGS.sub("", text)
    if END_THINK in text:
        reasoning, _, answer = text.rpartition(END_THINK)
        return Reply(reasoning.replace(THINK, "").strip(), answer.strip() or None)
    if THINK in text:
        before, _, reasoning = text.partition(THINK)
        return Reply((before + reasoning).strip(), None)
    return Reply(None, text.strip() or None)


def steps(reasoning: str | None) -> list[str]:
    """The steps of a piece of reasoning: its lines, without the empty ones.

    >>> steps("s 0\\n\\n t 0 ")
    ['s 0', 't 0']
    """
    return [line.strip() for line in (reasoning or "").split("\n") if line.strip()]


def normalize(answer: str | None) -> str:
    """What an answer says, without how it is dressed; the empty string if it is no answer.

    Compatibility characters become plain ones (full-width digits, typographic minus and times), case and runs of
    white space do not count, nor an opening such as "The answer is", nor quotes, dollar signs, asterisks,
    exclamation marks and full stops around it. Anything over 200 characters is no answer.

    >>> normalize(" The  answer is 3. ")
    '3'
    """
    if answer is None or len(answer) > LONGEST_ANSWER:
        return ""
    text = unicodedata.normalize("NFKC", answer).translate(_SIGNS).lower()
    text = " ".join(text.split()).strip(_MARKS)
    return _OPENINGS.sub("", text, count=1).strip(_MARKS)


def whole_number(answer: str | None) -> int | None:
    """The whole number an answer consists of, or None.

    >>> whole_number("The answer is 3."), whole_number("3 or 4")
    (3, None)
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
