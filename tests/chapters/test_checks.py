"""Checks without holes: every solution, broken in every way a program knows, is refused by `check`."""

import pytest

from course.teach.exercises import assess, chapters, of_chapter
from tests.chapters.mutants import mutants

FUNCTIONS = [exercise for chapter in chapters() for exercise in of_chapter(chapter) if exercise.inputs]
VALUES = [exercise for chapter in chapters() for exercise in of_chapter(chapter) if not exercise.inputs]
# What the program calls broken and a person would not, with the reason; the same by another road, or beyond the task.
EQUIVALENT = {
    ("reasoning.check_running_sum", "(total, term, total + term), '')"): "a line read as numbers is never empty",
    ("prompting.mend_marker", "return int("): "1 and 0 are as good as True and False",
    ("prompting.mend_marker", "return round("): "1 and 0 are as good as True and False",
    ("sft.keep_right", "len(several) != most"): "a set that grows one by one does not jump over the cap",
    ("grpo.mend_reward", "return int("): "1 is 1.0",
    ("grpo.mend_reward", "return round("): "the rewards are 1 and 0",
    ("grpo.mend_reward", "-> finished and normalize("): "True is as good as 1.0",
    ("clinic.mend_mask", "1 -> 0.5"): "places are whole: less than half a place further is as far",
    ("clinic.diagnose", ">= 1"): "a share and this reward are at most 1",
    ("clinic.diagnose", "<= 1"): "a batch is used at least once",
    ("clinic.diagnose", "!= 0"): "a share is never negative",
    ("distillation.forward_kl", "p != 0"): "a probability is never negative",
    ("distillation.mend_packing", "in (own, '')"): "numbers are never empty",
}


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda one: one.name)
def test_every_broken_solution_is_refused(exercise):
    broken = list(mutants(exercise.reference))
    accepted = [how for how, attempt in broken if assess(exercise, attempt)[0]]
    excused = [part for name, part in EQUIVALENT if name == exercise.name]
    assert len(broken) >= 5
    assert [how for how in accepted if not any(part in how for part in excused)] == []
    assert [part for part in excused if not any(part in how for how in accepted)] == [], "no longer needed"


@pytest.mark.parametrize("exercise", VALUES, ids=lambda one: one.name)
def test_of_all_values_only_the_right_one_passes_in_small_letters_too(exercise):
    options = [exercise.reference, *(mistake.wrong for mistake in exercise.mistakes)]
    if isinstance(exercise.reference, str):
        options += [change(option) for option in options for change in (str.lower, str.upper, " {} ".format)]
        options += ["".join(options), "", "Z"]
        right = [one for one in options if one.strip().lower() == exercise.reference.lower()]
    else:
        options += list(range(-1, 12)) + [str(exercise.reference)]
        right = [one for one in options if one == exercise.reference]
    assert [one for one in options if assess(exercise, one)[0]] == right


def test_a_mistake_in_small_letters_is_told_by_name():
    for exercise in VALUES:
        for mistake in exercise.mistakes:
            if isinstance(mistake.wrong, str):
                assert mistake.diagnosis in assess(exercise, mistake.wrong.lower())[1]
