"""The five families: right answers are right, steps are judged exactly, splits never touch."""

import hashlib
import random
import re
from collections import Counter

import pytest

from course.world import FAMILIES, countdown, cups, decimals, draw_problems, letters, sums, thinks
from course.world.facts import all_phrasings, fact_problems
from course.world.problem import RESERVED, SPLITS, solve, split_of
from tests.world import judge


@pytest.fixture(params=FAMILIES)
def family(request):
    return FAMILIES[request.param]


def problems_of(family, n=100, split="train", **choice):
    """Problems of every level; the easiest levels have too few for a smaller split."""
    levels = choice.pop("levels", (*family.easy_levels, *family.levels, *family.unseen_levels))
    return [
        problem
        for level in levels
        for problem in draw_problems(family.name, n // 5, level=level, split=split, **choice)
    ]


def test_the_written_answer_is_right_by_brute_force(family):
    assert all(judge.answer_is_right(problem, problem.answer) for problem in problems_of(family))
    assert all(family.correct(problem, problem.answer) for problem in problems_of(family))


def test_another_problems_answer_is_right_only_if_it_says_the_same(family):
    problems = problems_of(family)
    for one, other in zip(problems, problems[1:]):
        assert family.correct(one, other.answer) == judge.answer_is_right(one, other.answer)


def test_every_step_of_a_worked_solution_is_right_and_ends_in_the_answer(family):
    rng = random.Random(1)
    for problem in problems_of(family):
        lines, answer = solve(family, problem, rng)
        assert lines and all(judge.step_verdicts(problem, lines))
        assert family.check_steps(problem, lines) == [True] * len(lines)
        assert judge.answer_is_right(problem, answer)


def test_a_mended_slip_is_a_wrong_step_followed_by_right_ones(family):
    rng = random.Random(2)
    mended = 0
    for problem in problems_of(family):
        lines, answer = solve(family, problem, rng, slip=1.0, mend=1.0)
        verdicts = family.check_steps(problem, lines)
        if any(line.startswith("wait ") for line in lines):
            mended += 1
            slip = next(place for place, line in enumerate(lines) if line.startswith("wait ")) - 1
            assert [place for place, right in enumerate(verdicts) if not right] == [slip]
        assert family.correct(problem, answer)
    assert mended >= 15


def test_an_error_carried_forward_makes_one_wrong_step():
    problem = sums.ask((2, 3, 4))
    assert FAMILIES["sums"].check_steps(problem, ["2+3=6", "6+4=10"]) == [False, True]
    assert FAMILIES["sums"].check_steps(problem, ["0+4=5", "5+2=7", "7+4=11"]) == [False, True, False]
    problem = letters.ask("bee", "e")
    assert FAMILIES["letters"].check_steps(problem, ["b 0", "e 2", "e 3"]) == [True, False, True]


def test_steps_of_the_article_s_own_questions():
    decimal = decimals.ask("9.11", "9.8")
    assert FAMILIES["decimals"].check_steps(decimal, ["9.11 vs 9.80", "9=9", "1<8"]) == [True] * 3
    assert FAMILIES["decimals"].check_steps(decimal, ["9=9", "11>8"]) == [True, False]
    assert (decimal.answer, letters.ask("strawberry", "r").answer) == ("no", "3")


def test_cups_and_countdown_by_hand():
    game = cups.ask(1, ((1, 3), (3, 5), (2, 4)))
    assert game.answer == "5"
    assert FAMILIES["cups"].check_steps(game, ["1-3: 3", "5-3: 5", "2-4: 5"]) == [True] * 3
    assert FAMILIES["cups"].check_steps(game, ["1-3: 3", "2-4: 3"]) == [True, False]
    assert FAMILIES["cups"].check_steps(game, ["start: 2", "1-3: 2", "start: 1"]) == [False, True, False]
    search = countdown.ask((3, 5, 8), 37)
    assert FAMILIES["countdown"].check_steps(search, ["8*5-3=40-3=37 37? yes", "8*5+3=40+3=43 37? yes"]) == [
        True,
        False,
    ]
    assert FAMILIES["countdown"].correct(search, "5*8 - 3 = 37")
    assert not FAMILIES["countdown"].correct(search, "37")
    assert not FAMILIES["countdown"].correct(search, "5*8-3+3-3")


def test_splits_share_no_problem(family):
    keys = {
        split: {problem.key for problem in problems_of(family, split=split, levels=family.levels)} for split in SPLITS
    }
    assert not keys["train"] & keys["dev"] and not keys["train"] & keys["test"] and not keys["dev"] & keys["test"]
    assert all(split_of(key) == split for split, found in keys.items() for key in found)


def test_about_eight_tenths_are_for_training():
    shares = [split_of(f"sums:{number}") for number in range(20_000)]
    assert [shares.count(split) / 20_000 for split in SPLITS] == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


def test_a_key_ignores_phrasing_and_order():
    assert sums.ask((1, 2, 3)).key == sums.ask((3, 1, 2), "Add {commas}.").key
    assert decimals.ask("1.5", "1.25").key == decimals.ask("1.25", "1.5", "Is {left} larger than {right}?").key
    assert countdown.ask((2, 3), 6).key == countdown.ask((3, 2), 6).key


def test_the_reserved_questions_are_for_testing():
    assert letters.ask("strawberry", "r").key in RESERVED and decimals.ask("9.8", "9.11").key in RESERVED
    assert {split_of(key) for key in RESERVED} == {"test"}


def test_the_same_arguments_draw_the_same_problems(family):
    assert draw_problems(family.name, 20, seed=3) == draw_problems(family.name, 20, seed=3)
    assert draw_problems(family.name, 20, seed=3) != draw_problems(family.name, 20, seed=4)


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("letters", "af2638224ac786c9"),
        ("decimals", "e139939534af6bc4"),
        ("sums", "40114b1cdf9fe882"),
        ("cups", "59bd2a597d967091"),
        ("countdown", "13d25d98c76d6226"),
    ],
)
def test_problems_are_those_that_the_recorded_results_were_measured_on(name, fingerprint):
    """A change here means that every figure of the course has to be measured again."""
    family, drawn = FAMILIES[name], draw_problems(name, 40, split="train")
    for level in (*family.easy_levels, *family.levels, *family.unseen_levels):
        drawn += draw_problems(name, 8, level=level, split="train")
    said = "\0".join(f"{one.question} {one.answer} {one.level} {one.key}" for one in drawn)
    assert hashlib.blake2b(said.encode(), digest_size=8).hexdigest() == fingerprint


def test_a_problem_made_by_hand_is_asked_in_the_first_phrasing():
    assert countdown.ask((3, 5, 8), 37).question == "Make 37 from 3, 5 and 8."
    assert cups.ask(1, ((1, 3),)).question == "Ball under cup 1. Swap 1-3. Which cup now?"
    assert decimals.ask("9.11", "9.8").question == "Is 9.11 greater than 9.8?"
    assert letters.ask("bee", "e").question == 'How many e\'s are in "bee"?'
    assert sums.ask((1, 2, 3)).question == "What is 1+2+3?"


@pytest.mark.slow
def test_the_standard_mix_is_that_of_the_course():
    """Five hundred of each for the figures; what the mix is made of."""
    drawn = {name: draw_problems(name, 500, split="test") for name in FAMILIES}
    assert {len({problem.key for problem in problems}) for problems in drawn.values()} == {500}
    counts = [problem.answer for problem in drawn["letters"]]
    assert all(abs(counts.count(count) - 125) < 40 for count in "0123")
    assert {5 <= len(problem.given[0]) <= 12 for problem in drawn["letters"]} == {True}
    lengths = [{len(number.split(".")[1]) for number in problem.given} for problem in drawn["decimals"]]
    assert sum(len(both) == 2 for both in lengths) == 250
    assert {len(problem.given) for problem in drawn["sums"]} == set(range(5, 11))
    assert {len(problem.given[1]) for problem in drawn["cups"]} == set(range(4, 11))
    assert {len(problem.given[0]) for problem in drawn["countdown"]} == {3, 4}


@pytest.mark.slow
def test_the_constant_answer_is_the_best_of_all_constants():
    """Counted over the answers themselves; in countdown no answer fits two problems but by accident."""
    for name in ("letters", "decimals", "sums", "cups"):
        said = Counter(problem.answer for problem in draw_problems(name, 2000, split="train"))
        best = max(said.values())
        assert said[FAMILIES[name].constant_answer] >= best - 3 * best**0.5


def test_a_reply_thinks_over_at_least_one_right_step():
    problem = letters.ask("bee", "e")
    assert thinks(problem, "b 0\ne 1\ne 2")
    assert not thinks(problem, None) and not thinks(problem, "") and not thinks(problem, "hmm\nx 9")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("riddles", 3), "unknown family 'riddles': choose one of letters"),
        (("sums", 3, 99), "unknown level 99 of sums: choose one of 2"),
        (("countdown", 5000, 3), "countdown has only 269 such problems in dev: ask for at most 269"),
        (("sums", -1), "cannot draw -1 problems: ask for 0 or more"),
        (("cups", 2000, 1), "ask for at most 2$"),
    ],
)
def test_what_cannot_be_drawn_is_a_one_line_error(arguments, message):
    name, n, *level = arguments
    with pytest.raises(ValueError, match=message) as caught:
        draw_problems(name, n, level=level[0] if level else None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "n", "level"), [("countdown", 2000, None), ("sums", 3000, 2)])
def test_too_many_problems_are_refused_before_the_work(name, n, level, monkeypatch):
    """Not after hundreds of thousands of draws; and as many as there are can be had."""
    family, drawn = FAMILIES[name], []
    draw = family.draw
    monkeypatch.setattr(family, "draw", lambda *arguments: drawn.append(0) or draw(*arguments))
    with pytest.raises(ValueError, match="ask for at most"):
        draw_problems(name, n, level=level)
    assert len(drawn) < 20_000


def test_as_many_problems_as_there_are_can_be_had():
    assert len(draw_problems("sums", 4, level=2)) == 4
    with pytest.raises(ValueError, match="ask for at most 4"):
        draw_problems("sums", 5, level=2)


@pytest.mark.slow
def test_the_problems_listed_are_those_that_can_be_drawn(family):
    rng = random.Random(3)
    for level in (*family.easy_levels, *family.levels)[:4]:
        keys = family.keys(level)
        if keys is not None:
            listed = set(keys)
            drawn = {family.draw(rng, level).key for _ in range(2000 if len(listed) < 60 else 200)}
            assert drawn <= listed and (len(listed) >= 60 or drawn == listed)


def test_facts_are_asked_once_each_in_their_first_phrasing():
    known, everything = fact_problems(), all_phrasings()
    assert len(known) == len({one.key for one in known}) == len({one.key for one in everything}) < len(everything)
    assert {"What color is blood?", "What is the capital of France?"} <= {one.question for one in known}


def test_no_problems_are_no_problem():
    assert draw_problems("cups", 0) == []


def test_an_unknown_split_is_a_one_line_error():
    with pytest.raises(ValueError, match="unknown split 'exam': choose one of train, dev, test"):
        draw_problems("sums", 3, split="exam")


def test_asking_for_what_makes_no_problem_is_an_error():
    for ask in (
        lambda: letters.ask("straw berry", "r"),
        lambda: letters.ask("berry", "rr"),
        lambda: decimals.ask("9.8", "9.80"),
        lambda: decimals.ask("9", "9.80"),
        lambda: countdown.ask((1, 1, 1), 90),
    ):
        with pytest.raises(ValueError):
            ask()


def test_the_word_list_is_what_it_says():
    words = letters.words()
    assert 17_000 <= len(words) <= 19_000 and list(words) == sorted(set(words))
    assert all(re.fullmatch("[a-z]{5,12}", word) for word in words)
    assert "strawberry" in words
