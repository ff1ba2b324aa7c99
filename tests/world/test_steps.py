"""Steps, line by line: any sequence of plausible lines gets the verdicts that replaying it from the start gives."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.world import FAMILIES, countdown, cups, decimals, draw_problems, letters, sums
from tests.world import judge

PROBLEMS = [problem for family in FAMILIES for problem in draw_problems(family, 40)]
BEFORE = ("", "", "", "", "wait ", "wait, ", "waiter ", "waits ", "so ")


def sum_line(problem, rng):
    """Two of the problem's terms, of the totals on the way and of other numbers, added, mostly rightly."""
    terms, totals = problem.given, [sum(problem.given[:count]) for count in range(len(problem.given) + 1)]
    one, other = rng.choices([*terms, *totals, *totals, rng.randrange(30)], k=2)
    return f"{one}+{other}={max(one + other + rng.choice((0, 0, 0, 0, 1, -1)), 0)}"


def letter_line(problem, rng):
    """A letter of the word with a small count, or a letter to look for."""
    word, letter = problem.given
    return rng.choice((f"{rng.choice(word + letter)} {rng.randrange(4)}",) * 4 + (f"{letter}?", "x?"))


def cup_line(problem, rng):
    """A swap of the problem or another with any cup behind it, or a start."""
    cup, other, now = (rng.randint(1, 5) for _ in range(3))
    left, right = rng.choice((*problem.given[1], (cup, other)))
    return rng.choice((f"{left}-{right}: {now}",) * 4 + (f"start: {cup}",))


def decimal_line(problem, rng):
    """Both numbers with something behind them, or a comparison of two parts."""
    left, right = (number + rng.choice(("", "", "0", "00", "1")) for number in problem.given)
    one, other = rng.choices([*range(10), *judge.numbers_in(" ".join(problem.given))], k=2)
    return rng.choice((f"{left} vs {right}", f"{one}{rng.choice('<=>')}{other}"))


def countdown_line(problem, rng):
    """A try of the search, held against the target or another, with either verdict."""
    numbers, target = problem.given
    line = countdown.work_out(rng.choice(countdown.expressions(numbers))[0], target + rng.choice((0, 0, 1)))
    return line.rpartition(" ")[0] + " " + rng.choice((line.rpartition(" ")[2], "yes", "no"))


LINES = {
    "sums": sum_line, "letters": letter_line, "cups": cup_line, "decimals": decimal_line, "countdown": countdown_line
}  # fmt: skip


def sequence(problem, rng):
    """Lines at random, some of them from a right solution, in its order."""
    written = iter(FAMILIES[problem.family].solution(problem))
    lines = []
    for _ in range(rng.randrange(13)):
        line = next(written, "") if rng.random() < 0.5 else LINES[problem.family](problem, rng)
        lines.append(rng.choice(BEFORE) + line)
    return lines


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None)
@given(st.sampled_from(PROBLEMS), st.integers(0, 2**32))
def test_random_sequences_of_steps_are_judged_as_by_replaying_them(problem, seed):
    lines = sequence(problem, random.Random(seed))
    assert FAMILIES[problem.family].check_steps(problem, lines) == judge.step_verdicts(problem, lines)


@pytest.mark.parametrize(
    ("problem", "lines", "verdicts"),
    [
        (sums.ask((8, 7, 3, 3)), ["8+7=15", "3+16=19", "19+3=22", "22+3=25"], [True, False, True, False]),
        (sums.ask((2, 3, 4)), ["2+9=11", "11+2=13", "13+3=16"], [False, False, True]),
        (sums.ask((2, 3, 4)), ["2+3=5", "3+4=7", "7+4=11"], [True, False, False]),
        (sums.ask((2, 3, 4)), ["0+2=2", "3+4=7", "2+3=5"], [True, False, False]),
        (sums.ask((5, 5, 1)), ["5+5=10", "10+5=15", "15+1=16"], [True, False, True]),
        (sums.ask((5, 5, 1)), ["0+5=5", "5+5=10", "1+10=11"], [True, True, True]),
        (letters.ask("bee", "e"), ["b 0", "waits", "e 1"], [True, False, True]),
        (letters.ask("bee", "e"), ["b 0", "waiter e 0", "e 1"], [True, False, True]),
        (letters.ask("bee", "e"), ["b 0", "e 0", "wait, e 1", "e 2"], [True, False, True, True]),
        (letters.ask("bee", "e"), ["b 0", "e 0", "wait", "e 1"], [True, False, False, True]),
        (decimals.ask("9.11", "9.8"), ["9.110 vs 9.800", "9=9", "1<8"], [True, True, True]),
        (decimals.ask("9.11", "9.8"), ["9.11 vs 9.8", "9=9", "1<8"], [False, True, True]),
        (decimals.ask("9.11", "9.8"), ["9.110 vs 9.80"], [False]),
        (decimals.ask("9.11", "9.8"), ["9.11 vs 9.81"], [False]),
        (decimals.ask("9.11", "9.8"), ["9.8 vs 9.11"], [False]),
        (cups.ask(1, ((1, 3), (3, 5))), ["1-3: 3", "waits 5-3: 5", "5-3: 5"], [True, False, True]),
    ],
)  # fmt: skip
def test_steps_by_hand(problem, lines, verdicts):
    assert FAMILIES[problem.family].check_steps(problem, lines) == verdicts
    assert judge.step_verdicts(problem, lines) == verdicts


def test_the_second_opinion_finds_in_a_question_what_the_problem_holds():
    """It reads nothing else of a problem."""
    for problem in PROBLEMS:
        given = {
            "letters": lambda given: given,
            "decimals": list,
            "sums": list,
            "cups": lambda given: (given[0], list(given[1])),
            "countdown": lambda given: (list(given[0]), given[1]),
        }[problem.family](problem.given)
        assert judge.asked(problem) == given
