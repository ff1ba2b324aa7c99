"""Every exercise in three modes through `check`: untouched, solved, and with each classic mistake."""

import inspect
import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from course.teach import exercises
from course.teach.exercises import Exercise, Mistake, assess, chapters, check, find, of_chapter, progress, task

ALL = [exercise for chapter in chapters() for exercise in of_chapter(chapter)]
MISTAKES = [(exercise, number) for exercise in ALL for number in range(len(exercise.mistakes))]
NAMES = [exercise.name for exercise in ALL]


def stub(*arguments):
    raise NotImplementedError


@pytest.mark.parametrize("exercise", ALL, ids=NAMES)
def test_an_untouched_exercise_says_so_and_the_notebook_goes_on(exercise, capsys):
    for untouched in (
        stub if exercise.inputs else ...,
        (lambda *arguments: None) if exercise.inputs else None,
        ...,
        None,
    ):
        assert check(exercise.name, untouched) is exercise.reference
        assert "not attempted yet" in capsys.readouterr().out
    assert progress.solved() == {}


@pytest.mark.parametrize("exercise", ALL, ids=NAMES)
def test_the_solution_as_shown_is_right(exercise, capsys):
    assert check(exercise.name, from_its_source(exercise)) is not None
    assert capsys.readouterr().out.startswith(f"{exercise.name}: right!")
    assert list(progress.solved()) == [exercise.name]


def from_its_source(exercise):
    """The solution a learner gets by copying what is shown."""
    if not exercise.inputs:
        return exercise.reference
    module = sys.modules[exercise.reference.__module__]
    names = dict(vars(module))
    exec(exercise.solution, names)  # noqa: S102 (our own text, as a learner would paste it)
    assert names[exercise.reference.__name__] is not exercise.reference
    return names[exercise.reference.__name__]


@pytest.mark.parametrize(("exercise", "number"), MISTAKES, ids=lambda value: getattr(value, "name", value))
def test_each_classic_mistake_is_told_by_name_and_no_other_is(exercise, number, capsys):
    mistake = exercise.mistakes[number]
    assert check(exercise.name, mistake.wrong) is exercise.reference
    said = capsys.readouterr().out
    assert [other.diagnosis in said for other in exercise.mistakes] == [other is mistake for other in exercise.mistakes]
    assert "right!" not in said and progress.solved() == {}


@pytest.mark.parametrize("exercise", ALL, ids=NAMES)
def test_the_smallest_input_that_shows_it_is_shown_and_the_solution_never_is(exercise, capsys):
    for mistake in exercise.mistakes:
        check(exercise.name, mistake.wrong)
        said = capsys.readouterr().out
        if exercise.inputs:
            first = next(
                one
                for one in exercise.inputs
                if not exercises.same(*(f(*one) for f in (mistake.wrong, exercise.reference)))
            )
            assert ", ".join(map(repr, first))[:100] in said
            assert inspect.getsource(exercise.reference).splitlines()[-1].strip() not in said
        else:
            assert exercise.why not in said and f"{exercise.reference!r}" not in said.replace(mistake.diagnosis, "")


def test_the_smallest_inputs_come_first():
    for exercise in ALL:
        sizes = [len(repr(one)) for one in exercise.inputs]
        assert sizes[:1] <= [min(sizes, default=0)] or sizes[0] - min(sizes) <= 8, exercise.name


def test_a_chapter_has_a_prediction_a_diagnosis_and_at_least_three_mistakes_an_exercise():
    for chapter in chapters():
        several = of_chapter(chapter)
        assert 3 <= len(several) <= 5
        assert any("predict" in one.name for one in several)
        assert any("find" in one.name or "mend" in one.name for one in several)
        for one in several:
            assert one.name.startswith(f"{chapter}.") and len(one.mistakes) >= 3 and len(one.hints) >= 2
            assert 1 <= one.difficulty <= 5 and 1 <= one.importance <= 5 and one.minutes > 0


def endless(*arguments):
    return endless(*arguments)


class Odd:
    def __eq__(self, other):
        raise RuntimeError("not comparable")

    __hash__ = None

    def __repr__(self):
        raise RuntimeError("not printable")


def leaves(*arguments):
    sys.exit(3)


def spoils(terms, lines):
    verdicts = exercises.find("reasoning.check_running_sum").reference(terms, lines)
    terms.clear(), lines.clear()
    return verdicts


@pytest.mark.parametrize(
    "attempt",
    [endless, leaves, lambda: 1, lambda *a: Odd(), 7, "text", lambda *a: 1 / 0, lambda *a: "x" * 10**6, int],
)
def test_whatever_an_attempt_does_check_never_raises(attempt, capsys):
    for exercise in ALL:
        assert check(exercise.name, attempt) is exercise.reference
    said = capsys.readouterr().out
    assert said.count("not yet") == len(ALL) and len(said) < 10_000


def test_what_cannot_be_shown_or_compared_is_still_wrong(capsys):
    assert check("prompting.pass_at_k", lambda *a: Odd()) is find("prompting.pass_at_k").reference
    assert "Odd instance" in capsys.readouterr().out


def test_an_attempt_that_changes_its_input_spoils_nothing(capsys):
    assert check("reasoning.check_running_sum", spoils) is spoils
    assert "right!" in capsys.readouterr().out


def random_reply(*arguments):
    return [random.random(), np.random.rand(), torch.rand(1).item()]  # noqa: NPY002


def test_an_attempt_that_draws_gets_the_same_reply_and_disturbs_nobody_s_draws():
    exercise = find("moe.max_violation")
    random.seed(3), np.random.seed(3), torch.manual_seed(3)  # noqa: NPY002
    expected = random_reply()
    random.seed(3), np.random.seed(3), torch.manual_seed(3)  # noqa: NPY002
    first = assess(exercise, random_reply)
    assert random_reply()[1:] == expected[1:]  # beartype, which looks on here, draws from `random` itself
    assert assess(exercise, random_reply) == first and "yours gives" in first[1]


class Counting:
    """An attempt that counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, load):
        self.calls += 1
        return find("moe.max_violation").reference(load)


def test_an_attempt_is_called_once_for_each_input():
    attempt = Counting()
    assert assess(find("moe.max_violation"), attempt)[0]
    assert attempt.calls == len(find("moe.max_violation").inputs)


REPLIES = """
from course.teach.exercises import assess, chapters, of_chapter
several = [exercise for chapter in chapters() for exercise in of_chapter(chapter)]
for exercise in several[::STEP]:
    for mistake in exercise.mistakes[::STEP]:
        print(exercise.name, assess(exercise, mistake.wrong))
    print(exercise.name, assess(exercise, lambda *arguments: sorted(map(str, {str(one) for one in arguments}))))
"""


@pytest.mark.slow
def test_the_same_attempt_gets_the_same_reply_in_another_process_and_in_another_order():
    """Where sets and dictionaries of texts are in another order (PYTHONHASHSEED), and what came before differs."""
    said = []
    for seed, step in (("1", "1"), ("2", "-1")):
        command = [sys.executable, "-c", REPLIES.replace("STEP", step)]
        done = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.append(sorted(done.stdout.splitlines()))
    assert said[0] == said[1] and len(said[0]) > len(MISTAKES)


def test_numbers_agree_to_six_digits_in_whatever_they_come():
    for mine, other in (
        (1 / 3, 0.33333333),
        ([1.0, 2], (1, 2.0)),
        (np.array([1.0, 2.0]), [1, 2]),
        (torch.tensor([[1.0]]), [[1.0]]),
        ((np.float64(0.5), 1), (0.5, 1)),
        (None, None),
    ):
        assert exercises.same(mine, other)
    for mine, other in ((0.3333, 1 / 3), ([1], [1, 2]), ("1", 1), (None, 0), ("", None), (math_nan(), 1.0)):
        assert not exercises.same(mine, other)


def math_nan():
    return float("nan")


@pytest.mark.parametrize("name", ["prompting.nothing", "nothing.majority_vote", "", "prompting"])
def test_an_unknown_exercise_is_an_error_that_names_those_there_are(name):
    with pytest.raises(ValueError, match="choose one of|is one of"):
        check(name, None)


def test_a_task_shows_hints_and_solution_folded_up_and_escapes_what_it_shows():
    for exercise in ALL:
        shown = task(exercise.name)._repr_html_()
        assert shown.count("<details>") == shown.count("</details>") == len(exercise.hints) + 1
        assert f"difficulty {exercise.difficulty} of 5, importance {exercise.importance} of 5" in shown
        assert "<think>" not in shown
        assert not exercise.inputs or exercise.solution not in repr(task(exercise.name))


def test_an_exercise_without_a_matching_mistake_shows_where_it_differs():
    exercise = Exercise("a.b", "t", "t", 1, 1, 1, (), abs, (Mistake(float, "signs"),), ((1,), (-2,)))
    assert assess(exercise, lambda x: x * x)[1] == "not yet.\n  for (-2)\n  yours gives  4\n  it should be 2"
