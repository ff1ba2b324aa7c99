"""A second opinion on answers and steps, written from the documentation alone and by other means.

Where the library parses by hand, this one lists every spelling it accepts or replays the whole solution by brute
force; it shares no code with `course.world`. Slow and plain on purpose.
"""

import ast
import operator
import unicodedata
from decimal import Decimal
from fractions import Fraction

MARKS = set(".!\"'`*$ ")
PLAIN = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "’": "'", "“": '"', "”": '"'}
OPENINGS = [
    f"{so}{the}{final}answer{is_}{gap}{colon}{space}"
    for so in ("so ", "")
    for the in ("the ", "")
    for final in ("final ", "")
    for is_ in (" is", "")
    for gap in (" ", "")
    for colon in (":", "")
    for space in (" ", "")
]
OPENINGS.sort(key=len, reverse=True)


def said(answer):
    """What an answer says, by the rules of the `normalize` docstring."""
    if answer is None or len(answer) > 200:
        return ""
    characters = [PLAIN.get(character, character) for character in unicodedata.normalize("NFKC", answer)]
    text = " ".join("".join(characters).lower().split())
    text = _bare(text)
    opening = next((opening for opening in OPENINGS if text.startswith(opening)), "")
    return _bare(text[len(opening) :])


def _bare(text):
    while text and text[0] in MARKS:
        text = text[1:]
    while text and text[-1] in MARKS:
        text = text[:-1]
    return text


def answer_is_right(problem, answer):
    """Whether an answer is right, from the problem's given facts alone."""
    text = said(answer)
    if problem.family == "countdown":
        numbers, target = problem.given
        left, equals, right = text.partition("=")
        if equals and right.strip() != str(target):
            return False
        worked = value(left)
        return worked is not None and worked[0] == target and sorted(worked[1]) == sorted(numbers)
    if problem.family == "decimals":
        left, right, asked = problem.given
        difference = Decimal(left) - Decimal(right)
        return text == ("yes" if (difference > 0) == (asked == ">") else "no")
    if problem.family == "cups":
        return text in (where_after(problem, len(problem.given[1])), "cup " + where_after(problem, len(problem.given[1])))
    return _digits_only(text) and int(text) == _count(problem)


def _digits_only(text):
    digits = text[1:] if text[:1] in ("+", "-") else text
    return 1 <= len(digits) <= 9 and set(digits) <= set("0123456789")


def _count(problem):
    if problem.family == "sums":
        return sum(problem.given)
    word, letter = problem.given
    return len(word.split(letter)) - 1


def where_after(problem, swaps):
    """The ball's cup after so many swaps, by moving every cup's content."""
    start, all_swaps = problem.given
    row = ["ball" if cup == start else None for cup in range(1, 6)]
    for left, right in all_swaps[:swaps]:
        row[left - 1], row[right - 1] = row[right - 1], row[left - 1]
    return str(row.index("ball") + 1)


OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def value(text):
    """The value of an arithmetic expression and its numbers, through Python's own grammar (parsed, never run)."""
    if len(text) > 200 or not set(text) <= set("0123456789+-*/() \t") or "**" in text or "//" in text:
        return None
    joined = "".join(text.split())
    if joined.count("(") != joined.count(")") or _has_gap_inside_numbers(text) or _has_unary_plus(joined):
        return None
    words = joined
    for sign in "+-*/()":
        words = words.replace(sign, " ")
    numbers = words.split()
    if any(len(number) > 9 for number in numbers):
        return None
    plain, numbers_left = "", joined
    while numbers_left:  # Python refuses 08
        run = ""
        while numbers_left and numbers_left[0] in "0123456789":
            run, numbers_left = run + numbers_left[0], numbers_left[1:]
        plain += str(int(run)) if run else ""
        if numbers_left:
            plain, numbers_left = plain + numbers_left[0], numbers_left[1:]
    try:
        return _worth(ast.parse(plain, mode="eval").body), [int(number) for number in numbers]
    except (SyntaxError, ValueError, ZeroDivisionError, KeyError):
        return None


def _has_gap_inside_numbers(text):
    parts = text.split()
    return any(left[-1] in "0123456789" and right[0] in "0123456789" for left, right in zip(parts, parts[1:]))


def _has_unary_plus(joined):
    return any(sign == "+" and (place == 0 or joined[place - 1] in "+-*/(") for place, sign in enumerate(joined))


def _worth(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return Fraction(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_worth(node.operand)
    if isinstance(node, ast.BinOp):
        return OPERATIONS[type(node.op)](_worth(node.left), _worth(node.right))
    raise ValueError("not arithmetic")
