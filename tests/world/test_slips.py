"""Slips of a hasty solver: always wrong, always readable, mended at once where they are noticed."""

import random

import pytest

from course.world import FAMILIES, draw_problems
from course.world.problem import WAIT
from course.world.slips import hasty_solution, solution_to_mark
from tests.world import judge

HASTY = ("letters", "decimals", "sums", "cups")  # the families that make slips


def problems_of(name, n=60):
    return draw_problems(name, n, split="train")


@pytest.mark.parametrize("name", HASTY)
def test_a_slip_is_wrong_and_goes_on_as_if_it_were_right(name):
    family, rng, made = FAMILIES[name], random.Random(0), 0
    for problem in problems_of(name):
        state, lines = family.begin(problem), []
        while (line := family.next_step(problem, state, rng)) is not None:
            if (slip := family.slip(problem, state, rng)) is not None:
                made += 1
                assert judge.step_verdicts(problem, [*lines, slip]) == [*[True] * len(lines), False]
                right, after = family.follow(problem, state, slip)
                assert not right and after != state
            lines.append(line)
            _, state = family.follow(problem, state, line)
        assert family.slip(problem, state, rng) is None  # nothing is left to get wrong
    assert made > 60


def test_a_slip_names_only_cups_that_there_are():
    rng = random.Random(1)
    for problem in problems_of("cups", 200):
        lines, _ = hasty_solution(FAMILIES["cups"], problem, rng, slip=1.0, mend=0.0)
        assert set("".join(lines[1:])) <= set("12345-: ")


@pytest.mark.parametrize("name", HASTY)
def test_slips_come_as_often_as_asked_and_noticed_ones_are_mended_at_once(name):
    family, rng = FAMILIES[name], random.Random(2)
    wrong = mended = steps = 0
    for problem in problems_of(name, 400):
        lines, _ = hasty_solution(family, problem, rng, slip=0.2, mend=0.5)
        verdicts = family.check_steps(problem, lines)
        assert all(verdicts[place] for place, line in enumerate(lines) if line.startswith(WAIT))
        wrong += verdicts.count(False)
        mended += sum(line.startswith(WAIT) for line in lines)
        steps += sum(not line.startswith(WAIT) for line in lines)
    assert mended / wrong == pytest.approx(0.5, abs=0.1)
    assert 0.1 < wrong / steps < 0.22  # the first line of some families has no slip


@pytest.mark.parametrize("name", HASTY)
def test_a_solution_whose_slips_are_all_mended_ends_in_the_answer(name):
    for problem in problems_of(name):
        lines, answer = hasty_solution(FAMILIES[name], problem, random.Random(3), slip=0.4, mend=1.0)
        assert judge.answer_is_right(problem, answer)
        assert hasty_solution(FAMILIES[name], problem, random.Random(3), slip=0, mend=0)[0] == [
            line for place, line in enumerate(map(unmarked, lines)) if not followed_by_wait(lines, place)
        ]


def unmarked(line):
    return line.removeprefix(WAIT)


def followed_by_wait(lines, place):
    return place + 1 < len(lines) and lines[place + 1].startswith(WAIT)


def test_countdown_makes_no_slips():
    problem = problems_of("countdown", 1)[0]
    lines, answer = hasty_solution(FAMILIES["countdown"], problem, random.Random(0), slip=1.0, mend=0.0)
    assert all(judge.step_verdicts(problem, lines)) and judge.answer_is_right(problem, answer)
    with pytest.raises(ValueError, match="countdown makes no slips"):
        solution_to_mark(FAMILIES["countdown"], problem, random.Random(0))


@pytest.mark.parametrize("name", HASTY)
def test_a_solution_to_mark_is_wrong_in_its_last_line_in_half_of_all_cases(name):
    family, rng, wrong = FAMILIES[name], random.Random(4), 0
    problems = problems_of(name, 200)
    for problem in problems:
        shown, after = solution_to_mark(family, problem, rng)
        verdicts = judge.step_verdicts(problem, shown)
        assert all(verdicts[:-1])
        assert (after is not None and after.startswith(WAIT)) == (not verdicts[-1])
        if after is not None:
            assert judge.step_verdicts(problem, [*shown, after])[-1]
        wrong += not verdicts[-1]
    assert 70 < wrong < 130
