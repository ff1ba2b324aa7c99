"""A second opinion on answers and steps, from the text of the question and what it means.

It imports nothing of the library and reads nothing of a problem but its family's name and its question; numbers, words
and swaps are found in the question again. Where the library keeps a state from line to line, this one replays the lines
from the start; where it strips and matches patterns, this one tries every way to peel an answer. Slow on purpose.
"""

import ast
import operator
from collections import Counter
from fractions import Fraction
from itertools import product

DIGITS, LETTERS = set("0123456789"), set("abcdefghijklmnopqrstuvwxyz")

# --- what was asked -----------------------------------------------------------------------------------------------


def numbers_in(text):
    """The whole numbers of a text, in order."""
    return [int(run) for run in "".join(c if c in DIGITS else " " for c in text).split()]


def asked(problem):
    """What a question is about, read from its words."""
    return READERS[problem.family](problem.question)


def _word_and_letter(question):
    words = "".join(c if c.lower() in LETTERS else " " for c in question.replace("'s ", "s ")).split()
    words = [word.lower() for word in words]
    named = words[words.index("does") + 1] if "does" in words else next(w for w in words[1:] if w[1:] == "s")
    return words[-1], named[0]


def _two_decimals(question):
    return [word.strip("?.") for word in question.split() if word[0] in DIGITS]


def _start_and_swaps(question):
    first, *rest = numbers_in(question)
    return first, list(zip(rest[::2], rest[1::2]))


def _numbers_and_target(question):
    words = question.lower().replace("?", "").rstrip(".").split()
    verb = next(place for place, word in enumerate(words) if word in ("make", "get", "gives"))
    target = int(words[verb + 1])
    rest = numbers_in(" ".join(words[: verb + 1] + words[verb + 2 :]))
    return rest, target


READERS = {
    "letters": _word_and_letter,
    "decimals": _two_decimals,
    "sums": numbers_in,
    "cups": _start_and_swaps,
    "countdown": _numbers_and_target,
}

# --- answers ------------------------------------------------------------------------------------------------------

PLAIN = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "’": "'", "“": '"', "”": '"'}
PLAIN |= {chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F)}  # full width
PLAIN |= {chr(0x1D7CE + code): str(code % 10) for code in range(50)}  # digits in other typefaces
OPENINGS = {
    " ".join(f"{so}{the}{final}answer{be}{colon} ".split()) + gap
    for so, the, final, be, colon, gap in product(
        ("so ", ""), ("the ", ""), ("final ", ""), (" is", ""), (":", " :", ""), (" ", "")
    )
}


def readings(answer):
    """Every text that an answer can be taken for: with each of its marks, or its opening, peeled off or not."""
    if answer is None or len(answer) > 200:
        return set()
    plain = "".join(PLAIN.get(character, character) for character in answer)
    waiting, found = {(" ".join(plain.lower().split()), False)}, set()
    while waiting:
        text, opened = waiting.pop()
        found.add((text, opened))
        peeled = {(text.strip(" "), opened)}
        if text[-1:] in (".", "!"):
            peeled.add((text[:-1], opened))
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`*$":
            peeled.add((text[1:-1], opened))
        if not opened:
            peeled |= {(text[len(opening) :], True) for opening in OPENINGS if text.startswith(opening)}
        waiting |= peeled - found
    return {text for text, _ in found}


def answer_is_right(problem, answer):
    """Whether one of the readings of an answer is right."""
    return any(RIGHT[problem.family](asked(problem), text) for text in readings(answer))


def _is_number(text, number):
    digits = text[1:] if text[:1] in ("+", "-") else text
    return _short_digits(digits, 9) and int(text) == number


def _greater(numbers):
    left, right = (Fraction(number) for number in numbers)
    return "yes" if left > right else "no"


def where_after(start, swaps):
    """The ball's cup, by moving every cup's content."""
    row = ["ball" if cup == start else None for cup in range(1, 6)]
    for left, right in swaps:
        row[left - 1], row[right - 1] = row[right - 1], row[left - 1]
    return row.index("ball") + 1


def _hits(given, text):
    numbers, target = given
    left, equals, right = text.partition("=")
    worked = value(left)
    return (
        worked is not None
        and (not equals or right.strip() == str(target))
        and worked[0] == target
        and Counter(worked[1]) == Counter(numbers)
    )


RIGHT = {
    "letters": lambda given, text: _is_number(text, sum(c == given[1] for c in given[0])),
    "decimals": lambda given, text: text == _greater(given),
    "sums": lambda given, text: _is_number(text, sum(given)),
    "cups": lambda given, text: text in (str(where_after(*given)), f"cup {where_after(*given)}"),
    "countdown": _hits,
}

OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def value(text):
    """The value of an arithmetic expression and its numbers, through Python's own grammar (parsed, never run)."""
    if (
        len(text) > 200
        or text.count("(") > 30
        or not set(text) <= set("0123456789+-*/() \t")
        or "**" in text
        or "//" in text
    ):
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


# --- steps --------------------------------------------------------------------------------------------------------


def step_verdicts(problem, lines):
    """Which lines are right. Each is judged by replaying from the start the lines that count before it."""
    given, counted, last_counted, verdicts = asked(problem), [], False, []
    for line in lines:
        text = " ".join(line.lower().split())
        if text[:4] == "wait" and not (text[4:5].isalnum() or text[4:5] in ("_", "'")):
            text = text[4:].lstrip(" ,")
            if last_counted:
                counted.pop()
        readable, right = JUDGES[problem.family](given, counted, text)
        verdicts.append(bool(right))
        last_counted = readable
        if readable:
            counted.append(text)
    return verdicts


def _letters(given, before, text):
    word, letter = given
    if len(text) == 2 and text[0] in LETTERS and text[1] == "?" and not before:
        return True, text[0] == letter
    before = [line for line in before if "?" not in line]
    parts = text.split(" ")
    if len(parts) != 2 or len(parts[0]) != 1 or parts[0] not in LETTERS or not _short_digits(parts[1], 3):
        return False, False
    running = int(before[-1].split(" ")[1]) if before else 0
    spelled = "".join(line[0] for line in before)
    following = word[len(spelled) : len(spelled) + 1]
    return True, following == parts[0] and int(parts[1]) == running + (parts[0] == letter)


def _decimals(given, before, text):
    places = max(len(number) - number.index(".") - 1 for number in given)
    written = [number.ljust(number.index(".") + 1 + places, "0") for number in given]
    if " vs " in text:
        both = text.split(" vs ")
        if before or len(both) != 2 or not all(_is_decimal(number) for number in both):
            return False, False
        sizes = {len(number.split(".")[1]) for number in both}
        return True, len(sizes) == 1 and [Fraction(number) for number in both] == [Fraction(number) for number in given]
    if before and " vs " in before[0]:
        written = before[0].split(" vs ")
        places = max(len(number.split(".")[1]) for number in written)
        written = [number + "0" * (places - len(number.split(".")[1])) for number in written]
    compared = [line for line in before if " vs " not in line]
    signs = [character for character in text if character in "<=>"]
    if len(signs) != 1 or any("<" in line or ">" in line for line in compared) or len(compared) > places:
        return False, False
    left, _, right = text.partition(signs[0])
    sides = [left.removesuffix(" "), right.removeprefix(" ")]
    if not all(_short_digits(side, 6) for side in sides):
        return False, False
    columns = list(zip(*([number.split(".")[0], *number.split(".")[1]] for number in written)))
    here = [int(part) for part in columns[len(compared)]]
    truth = {-1: "<", 0: "=", 1: ">"}[(here[0] > here[1]) - (here[0] < here[1])]
    return True, [int(side) for side in sides] == here and signs[0] == truth


def _is_decimal(text):
    whole, point, fraction = text.partition(".")
    return point == "." and _short_digits(whole, 6) and _short_digits(fraction, 6)


def _sums(given, before, text):
    """Of the two numbers of a line, one may be the total so far; what else it names is used up."""
    if _addition(text) is None:
        return False, False
    left, total, right = Counter(given), 0, False
    for place, line in enumerate([*before, text]):
        first, second, result = _addition(line)
        named = Counter((first, second)) - Counter((total,))
        right = named <= left and (total in (first, second) or not place) and first + second == result
        left, total = left - named, result
    return True, right


def _addition(text):
    left, equals, result = text.partition("=")
    first, plus, second = left.partition("+")
    if not (equals and plus):
        return None
    numbers = [first.removesuffix(" "), second.removeprefix(" ").removesuffix(" "), result.removeprefix(" ")]
    return [int(number) for number in numbers] if all(_short_digits(number, 6) for number in numbers) else None


def _cups(given, before, text):
    start, swaps = given
    if text in [f"start:{gap}{cup}" for gap in ("", " ") for cup in "12345"]:
        return True, not before and text[-1] == str(start)
    swap, colon, cup = text.partition(":")
    left, dash, right = swap.partition("-")
    read = [left.removesuffix(" "), right.removeprefix(" "), cup.removeprefix(" ")]
    if not (colon and dash) or not all(number in ("1", "2", "3", "4", "5") for number in read):
        return False, False
    ball = int(before[-1][-1]) if before else start
    done = sum(not line.startswith("start") for line in before)
    pair = (int(read[0]), int(read[1]))
    return True, done < len(swaps) and set(pair) == set(swaps[done]) and where_after(ball, [pair]) == int(read[2])


def _countdown(given, before, text):
    numbers, target = given
    question, _, verdict = text.rpartition(" ")
    worked, gap, goal = question.removesuffix("?").rpartition(" ")
    pieces = worked.split("=")
    if not (gap and question.endswith("?")) or not _short_digits(goal, 9):
        return False, False
    if verdict not in ("yes", "no") or len(pieces) < 2 or not set(worked) <= set("0123456789+-*/() ="):
        return False, False
    result = pieces[-1].removeprefix(" ")
    if not _short_digits(result.removeprefix("-"), 9) or not all(pieces):
        return False, False
    values = [value(piece) for piece in pieces]
    if None in values or len({number for number, _ in values}) > 1:
        return True, False
    first, used = values[0]
    right = int(goal) == target and first.denominator == 1 and sorted(used) == sorted(numbers)
    return True, right and (int(result) == target) == (verdict == "yes")


def _short_digits(text, most):
    return 1 <= len(text) <= most and set(text) <= DIGITS


JUDGES = {"letters": _letters, "decimals": _decimals, "sums": _sums, "cups": _cups, "countdown": _countdown}
