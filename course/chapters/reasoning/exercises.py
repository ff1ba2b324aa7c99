"""Exercises of chapter 1: where thinking helps, which step is wrong, where the answer begins."""

import re

from course.teach.exercises import Exercise, Mistake

# --- which steps are right ---------------------------------------------------------------------------------------


def check_running_sum(terms: list[int], lines: list[str]) -> list[bool]:
    """Whether each line starts from the total stated before it, adds the next term, and adds it correctly."""
    verdicts, total = [], 0
    for term, line in zip(terms, lines, strict=True):
        before, added, after = map(int, re.split(r"[+=]", line))
        verdicts.append((before, added, after) == (total, term, total + term))
        total = after  # as written: an error carried forward is right
    return verdicts


def _against_the_truth(terms, lines):
    verdicts, total = [], 0
    for term, line in zip(terms, lines, strict=True):
        total += term
        verdicts.append(int(line.split("=")[1]) == total)
    return verdicts


def _arithmetic_only(terms, lines):
    numbers = [tuple(map(int, re.split(r"[+=]", line))) for line in lines]
    return [before + added == after for before, added, after in numbers]


def _result_only(terms, lines):
    verdicts, total = [], 0
    for term, line in zip(terms, lines, strict=True):
        after = int(line.split("=")[1])
        verdicts.append(after == total + term)
        total = after
    return verdicts


_SUMS = (
    ([5], ["0+5=5"]),
    ([5], ["0+5=6"]),
    ([5, 3], ["0+5=6", "6+3=9"]),  # carried forward
    ([5, 3], ["0+5=5", "4+4=8"]),  # the right total from numbers that are not there
    ([5, 3, 2], ["0+5=5", "5+2=7", "7+3=10"]),  # two terms in the wrong order
    ([4, 4, 1, 6], ["0+4=4", "4+4=9", "9+1=10", "11+6=17"]),
)

# --- where the thinking ends --------------------------------------------------------------------------------------


def thinking_and_answer(text: str) -> tuple[str | None, str | None]:
    """The text before the last end tag and the text after it; only thinking if there is no end tag."""
    if "</think>" in text:
        thinking, _, answer = text.rpartition("</think>")
        return thinking.replace("<think>", "").strip(), answer.strip() or None
    if "<think>" in text:
        return text.replace("<think>", "").strip(), None
    return None, text.strip() or None


def _first_tag(text):
    if "</think>" not in text:
        return thinking_and_answer(text)
    thinking, _, answer = text.partition("</think>")
    return thinking.replace("<think>", "").strip(), answer.strip() or None


def _needs_the_opening_tag(text):
    found = re.fullmatch(r"<think>(.*)</think>(.*)", text, re.DOTALL)
    if found:
        return found[1].replace("<think>", "").strip(), found[2].strip() or None
    return thinking_and_answer(text) if text.startswith("<think>") else (None, text.strip() or None)


def _unfinished_is_an_answer(text):
    if "<think>" in text and "</think>" not in text:
        return None, text.replace("<think>", "").strip() or None
    return thinking_and_answer(text)


_REPLIES = (
    ("3",),
    ("<think>r 3</think>3",),
    ("r 3</think>3",),  # the prompt began the thinking
    ("<think>r 3",),  # it never came to an end
    ("<think>r 2</think>2</think>3",),
    ("<think>r 3</think>",),
    ("",),
    (" 3\n",),
    ("<think>\nr 3\n</think>\n3",),
    ("<think>\nr 3\n",),
)

EXERCISES = (
    Exercise(
        "reasoning.predict_length",
        title="Predict what more swaps do",
        text="You ask about five cups, first with two swaps and then with up to ten: once directly, and once with "
        "thinking. What happens to the share of right answers as the number of swaps grows from two to ten?\n\n"
        "Answer 'A': both shares fall by about the same amount. 'B': direct answers are right at two swaps and are "
        "guesses at ten; with thinking, answers stay right. 'C': both are right at two swaps, and thinking gets worse, "
        "since there is more to go wrong. 'D': direct answers are guesses already at two swaps; with thinking, answers "
        "are mostly right even at ten.",
        difficulty=2,
        importance=4,
        minutes=3,
        hints=(
            "A direct answer is one pass through four layers, however many swaps there are.",
            "With thinking, each new line needs only the line before it and one swap. Is line ten harder than line "
            "two?",
        ),
        reference="D",
        why="In a single pass, this model cannot follow even two swaps. Reasoning adds a pass for every swap, and each "
        "of these is easy.",
        mistakes=(
            Mistake("A", "That would happen if thinking were just another guess. But each line is one small step."),
            Mistake(
                "B",
                "That is what larger models do, and a fair guess. But this model has only four layers and has seldom "
                "read direct answers to problems with few swaps: look at the left end of the curve.",
            ),
            Mistake(
                "C",
                "Errors do accumulate over lines, but slowly: if each line is right with probability 99 %, ten lines "
                "are right in nine of ten cases. Compare that with following ten swaps in a single pass.",
            ),
        ),
    ),
    Exercise(
        "reasoning.find_slip",
        title="Find the line that made the answer wrong",
        text="The ball is under cup 2; swap 1-2, 3-4, 1-5, 2-4, 5-3. A model wrote:\n\n"
        "line 1: start: 2\nline 2: 1-2: 1\nline 3: 3-4: 2\nline 4: wait 3-4: 1\nline 5: 1-5: 4\nline 6: 2-4: 2\n"
        "line 7: 5-3: 2\n\n"
        "It then answered 2, which is wrong. Which line made the answer wrong? Give its number.",
        difficulty=2,
        importance=5,
        minutes=5,
        hints=(
            "Check each line against the line before it as it is written, not against where the ball really is.",
            "A line that begins with 'wait' corrects the line before it. Does anything after it depend on line 3?",
        ),
        reference=5,
        why="Swap 1-5 takes the ball from cup 1 to cup 5, but line 5 says 4. Lines 6 and 7 follow from it correctly.",
        mistakes=(
            Mistake(3, "Line 3 is wrong, but line 4 corrects it: no later line depends on line 3."),
            Mistake(4, "Did you count from 0? Line 4 says 'wait' and is right: swap 3-4 does not move cup 1."),
            Mistake(7, "Line 7 states the wrong answer, but it follows from line 6. It carries an error forward."),
            Mistake(6, "The ball was never under cup 4, but given line 5, line 6 is right."),
        ),
    ),
    Exercise(
        "reasoning.check_running_sum",
        title="Write a step checker",
        text="A sum is worked out in lines such as '0+5=5', '5+3=8'. Write check_running_sum(terms, lines), which "
        "returns a list with True or False for each line. A line is right if it starts from the total that the line "
        "before states (0 for the first line), adds the next term, and adds it correctly.\n\n"
        "A line that carries an earlier error forward correctly is right: only the line that makes the error is wrong.",
        difficulty=3,
        importance=5,
        minutes=15,
        hints=(
            "re.split(r'[+=]', line) returns the three numbers as text.",
            "Keep a running total. After each line, right or wrong, set it to the result that the line states.",
        ),
        reference=check_running_sum,
        inputs=_SUMS,
        mistakes=(
            Mistake(
                _against_the_truth,
                "You compare with the true total, so after one error every later line counts as wrong. A step checker "
                "blames only the step that goes wrong.",
            ),
            Mistake(
                _arithmetic_only,
                "You check that each line adds correctly, but not that it starts from the line before or adds the "
                "right term: '7+7=14' would pass anywhere.",
            ),
            Mistake(
                _result_only,
                "You check the result of a line but not how it gets there: a right total from invented numbers would "
                "pass.",
            ),
        ),
    ),
    Exercise(
        "reasoning.split_reply",
        title="Split a reply into thinking and answer",
        text="Write thinking_and_answer(text), which returns a pair: the thinking and the answer, each of them None if "
        "it is missing. The thinking ends at '</think>'. The tag '<think>' may be missing, because the prompt may "
        "already contain it; it is not part of the thinking. If the thinking never ends, there is no answer. If there "
        "are several '</think>', the last one ends the thinking. Strip spaces and line breaks around both.",
        difficulty=2,
        importance=3,
        minutes=10,
        hints=(
            "str.rpartition splits at the last occurrence.",
            "Handle three cases: there is an end tag, there is only a start tag, or there is no tag.",
        ),
        reference=thinking_and_answer,
        inputs=_REPLIES,
        mistakes=(
            Mistake(
                _first_tag,
                "You split at the first '</think>'. A second one then ends up in the answer, and a reply could pass "
                "off part of its thinking as the answer.",
            ),
            Mistake(
                _needs_the_opening_tag,
                "You look for '<think>' at the beginning. When thinking is forced, that tag is in the prompt, and the "
                "reply starts inside the thinking.",
            ),
            Mistake(
                _unfinished_is_an_answer,
                "You take truncated thinking for an answer. A model that is rewarded for that learns never to finish.",
            ),
        ),
    ),
)
