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
        left, right = problem.given
        difference = Decimal(left) - Decimal(right)
        return text == ("yes" if difference > 0 else "no")
    if problem.family == "cups":
        return text in (
            where_after(problem, len(problem.given[1])),
            "cup " + where_after(problem, len(problem.given[1])),
        )
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


def step_verdicts(problem, lines):
    """Which lines are right. Each is judged by replaying from the start the lines that count before it."""
    counted, last_counted, verdicts = [], False, []
    for line in lines:
        text = " ".join(line.lower().split())
        if text[:4] == "wait":
            text = text[4:].lstrip(" ,")
            if last_counted:
                counted.pop()
        readable, right = JUDGES[problem.family](problem, counted, text)
        verdicts.append(right)
        last_counted = readable
        if readable:
            counted.append(text)
    return verdicts


def _letters(problem, before, text):
    if len(text) == 2 and text[0] in LETTERS and text[1] == "?" and not before:
        return True, text[0] == problem.given[1]
    before = [line for line in before if "?" not in line]
    parts = text.split(" ")
    if len(parts) != 2 or len(parts[0]) != 1 or parts[0] not in LETTERS or not _short_digits(parts[1], 3):
        return False, False
    word, letter = problem.given
    running = int(before[-1].split(" ")[1]) if before else 0
    place = len(before)
    right = place < len(word) and word[place] == parts[0] and int(parts[1]) == running + (parts[0] == letter)
    return True, right


def _decimals(problem, before, text):
    left, right = problem.given
    places = max(len(number.split(".")[1]) for number in (left, right))
    padded = [f"{Decimal(number):.{places}f}" for number in (left, right)]
    if " vs " in text:
        both = text.split(" vs ")
        if before or len(both) != 2 or not all(_is_decimal(number) for number in both):
            return False, False
        return True, both == padded
    if before and " vs " in before[0]:
        written = before[0].split(" vs ")
        places = max(len(number.split(".")[1]) for number in written)
        padded = [number + "0" * (places - len(number.split(".")[1])) for number in written]
    done = [line for line in before if " vs " not in line]
    found = [sign for sign in "<=>" if sign in text]
    if (
        len(found) != 1
        or text.count(found[0]) != 1
        or any(found[0] != "=" for found in [_sign_in(line) for line in done])
    ):
        return False, False
    sides = text.split(found[0])
    sides = [sides[0].removesuffix(" "), sides[1].removeprefix(" ")]
    if not all(_short_digits(side, 6) for side in sides) or len(done) > places:
        return False, False
    columns = [[number.split(".")[0], *number.split(".")[1]] for number in padded]
    here = [int(column[len(done)]) for column in columns]
    truth = "<" if here[0] < here[1] else "=" if here[0] == here[1] else ">"
    return True, [int(side) for side in sides] == here and found[0] == truth


def _sign_in(line):
    return next(character for character in line if character in "<=>")


def _is_decimal(text):
    whole, point, fraction = text.partition(".")
    return point == "." and _short_digits(whole, 6) and _short_digits(fraction, 6)


def _sums(problem, before, text):
    read = _addition(text)
    if read is None:
        return False, False
    left, total = list(problem.given), None
    for number, line in enumerate([*before, text]):
        first, second, result = _addition(line)
        if total is None and 0 in (first, second):
            spent = [first + second]
            used = first + second in left
        elif total is None:
            rest = list(left)
            used = first in rest and (rest.remove(first) or second in rest)
            spent = [first, second] if used else [second]
        else:
            terms = [term for carried, term in ((first, second), (second, first)) if carried == total and term in left]
            used, spent = bool(terms), terms[:1] or [second]
        for term in spent:
            if term in left:
                left.remove(term)
        total = result
        if number == len(before):
            return True, bool(used) and first + second == result
    raise AssertionError("unreachable")


def _addition(text):
    left, equals, result = text.partition("=")
    first, plus, second = left.partition("+")
    if not (equals and plus):
        return None
    numbers = [first.removesuffix(" "), second.removeprefix(" ").removesuffix(" "), result.removeprefix(" ")]
    return [int(number) for number in numbers] if all(_short_digits(number, 6) for number in numbers) else None


def _cups(problem, before, text):
    if text in [f"start:{gap}{cup}" for gap in ("", " ") for cup in "12345"]:
        return True, not before and text[-1] == str(problem.given[0])
    swap, colon, cup = text.partition(":")
    left, dash, right = swap.partition("-")
    read = [left.removesuffix(" "), right.removeprefix(" "), cup.removeprefix(" ")]
    if not (colon and dash) or not all(number in ("1", "2", "3", "4", "5") for number in read):
        return False, False
    start, swaps = problem.given
    ball = int(before[-1][-1]) if before else start
    done = sum(not line.startswith("start") for line in before)
    if done >= len(swaps):
        return True, False
    cups = {cup: cup for cup in range(1, 6)}
    one, other = int(read[0]), int(read[1])
    cups[one], cups[other] = other, one
    return True, sorted((one, other)) == sorted(swaps[done]) and cups[ball] == int(read[2])


def _countdown(problem, before, text):
    numbers, target = problem.given
    asked, _, verdict = text.rpartition(" ")
    worked, gap, goal = asked.removesuffix("?").rpartition(" ")
    pieces = worked.split("=")
    if not (gap and asked.endswith("?")) or not _short_digits(goal, 9):
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
    return 1 <= len(text) <= most and set(text) <= set("0123456789")


LETTERS = set("abcdefghijklmnopqrstuvwxyz")
JUDGES = {"letters": _letters, "decimals": _decimals, "sums": _sums, "cups": _cups, "countdown": _countdown}
