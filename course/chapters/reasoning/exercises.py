"""Exercises of chapter 1: where thinking pays, which step is wrong, where the answer begins."""

import re

from course.teach.exercises import Exercise, Mistake

# --- which steps are right ---------------------------------------------------------------------------------------


def check_running_sum(terms: list[int], lines: list[str]) -> list[bool]:
    """Which lines start from the line before as written, add the next term, and add it correctly."""
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
    """What stands before the last end tag, and what stands behind it; only thoughts if there is no end tag."""
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
)

EXERCISES = (
    Exercise(
        "reasoning.predict_length",
        title="Predict what more swaps do",
        text="You ask about two swaps of five cups, then about ten: plainly, and with thinking. What happens to the "
        "share of right answers on the way from two to ten?\n\n"
        "Answer 'A': both fall by about as much. 'B': plain is right at two and falls to guessing at ten; thinking "
        "stays high. 'C': both are right at two, and thinking falls, since there is more to go wrong. 'D': plain only "
        "guesses, at two already; thinking is mostly right, even at ten.",
        difficulty=2,
        importance=4,
        minutes=3,
        hints=(
            "A plain answer is one pass through four layers, however many swaps there are.",
            "With thinking, each new line needs the line before and one swap. Is line ten harder than line two?",
        ),
        reference="D",
        why="In one pass this model does not even follow two swaps. A thought adds a pass for every swap, and each is "
        "easy.",
        mistakes=(
            Mistake("A", "That would be so if thinking were just another guess. Each line of it is one small step."),
            Mistake(
                "B",
                "That is what larger models do, and a fair guess. This one has four layers and has seldom read a plain "
                "answer to few swaps: look at the left end of the curve.",
            ),
            Mistake(
                "C",
                "Errors do add up over lines, but slowly: with 99 % right a line, ten lines are right in nine of ten "
                "cases. Compare that with ten swaps in one go.",
            ),
        ),
    ),
    Exercise(
        "reasoning.find_slip",
        title="Find the line that did the harm",
        text="The ball is under cup 2; swap 1-2, 3-4, 1-5, 2-4, 5-3. Somebody wrote:\n\n"
        "line 1: start: 2\nline 2: 1-2: 1\nline 3: 3-4: 2\nline 4: wait 3-4: 1\nline 5: 1-5: 4\nline 6: 2-4: 2\n"
        "line 7: 5-3: 2\n\n"
        "and answered 2, which is wrong. Which line made the answer wrong? Give its number.",
        difficulty=2,
        importance=5,
        minutes=5,
        hints=(
            "Judge each line from the line before it, as it is written, and not from where the ball really is.",
            "A line that begins with 'wait' does the line before it again. What is left of the slip in line 3?",
        ),
        reference=5,
        why="Swap 1-5 takes the ball from cup 1 to cup 5, and line 5 says 4. Lines 6 and 7 follow from it correctly.",
        mistakes=(
            Mistake(3, "Line 3 is wrong, but line 4 mends it: nothing after it depends on line 3."),
            Mistake(4, "Is that counted from 0? Line 4 says 'wait' and is right: swap 3-4 leaves cup 1 alone."),
            Mistake(
                7, "Line 7 holds the wrong answer, but it follows from line 6. It carries an error, it makes none."
            ),
            Mistake(6, "The ball was never under cup 4, but given line 5, line 6 is right."),
        ),
    ),
    Exercise(
        "reasoning.check_running_sum",
        title="Write the checker of steps",
        text="A sum is worked out in lines such as '0+5=5', '5+3=8'. Write check_running_sum(terms, lines): a list of "
        "True and False, one for each line. A line is right if it starts from the total of the line before as written "
        "(0 at first), adds the next term, and adds it correctly.\n\n"
        "An error that is carried forward correctly is right: only the line that makes it is wrong.",
        difficulty=3,
        importance=5,
        minutes=15,
        hints=(
            "re.split(r'[+=]', line) gives the three numbers as text.",
            "Keep a running total. After each line, right or wrong, it is what the line says.",
        ),
        reference=check_running_sum,
        inputs=_SUMS,
        mistakes=(
            Mistake(
                _against_the_truth,
                "You compare with the true total, so after one slip every line is blamed. A checker of steps blames "
                "the step that goes wrong.",
            ),
            Mistake(
                _arithmetic_only,
                "You check that each line adds up, but not that it starts from the line before or adds the right term: "
                "'7+7=14' would pass anywhere.",
            ),
            Mistake(
                _result_only,
                "You check where a line ends and not how it gets there: a right total from numbers that stand nowhere "
                "would pass.",
            ),
        ),
    ),
    Exercise(
        "reasoning.split_reply",
        title="Cut a reply in two",
        text="Write thinking_and_answer(text), which returns a pair: what was thought and what was answered, each "
        "None if there is none. The thinking ends at '</think>'. It may lack '<think>', when the prompt began it. "
        "Thinking that never ends leaves no answer. Of several '</think>', the last one ends it, and '<think>' "
        "itself is no part of the thinking.",
        difficulty=2,
        importance=3,
        minutes=10,
        hints=("str.rpartition cuts at the last place.", "Handle three cases: an end tag, only a start tag, no tag."),
        reference=thinking_and_answer,
        inputs=_REPLIES,
        mistakes=(
            Mistake(
                _first_tag,
                "You cut at the first '</think>'. A second one then ends up in the answer, and a reply could pass off "
                "part of its thoughts as the answer.",
            ),
            Mistake(
                _needs_the_opening_tag,
                "You look for '<think>' at the beginning. When thinking is forced, that tag is in the prompt, and the "
                "reply starts inside the thoughts.",
            ),
            Mistake(
                _unfinished_is_an_answer,
                "You take thoughts that were cut off for an answer. Rewarded for that, a model learns never to end.",
            ),
        ),
    ),
)
