"""What the exercises of chapter 9 claim is true: solutions by the library and torch, the prediction by enumeration."""

import math

import pytest
import torch

from course.chapters.distillation.divergences import TEACHER, bell, divergence
from course.chapters.distillation.exercises import EXERCISES
from course.learn.sft import block_causal_mask

BY_NAME = {exercise.name: exercise for exercise in EXERCISES}


def test_the_masked_loss_is_torch_s_nll_with_ignored_prompts():
    for logprobs, learnt in BY_NAME["distillation.masked_loss"].inputs:
        values = torch.tensor([value for row in logprobs for value in row])
        marks = torch.tensor([mark for row in learnt for mark in row])
        # Two classes, of which class 0 is the token that stands there; -100 is what torch leaves out.
        by_torch = torch.nn.functional.nll_loss(torch.stack([values, values - 1], 1), torch.where(marks, 0, -100))
        assert BY_NAME["distillation.masked_loss"].reference(logprobs, learnt) == pytest.approx(by_torch.item())


def test_the_divergence_is_torch_s():
    for teacher, student in BY_NAME["distillation.forward_kl"].inputs:
        by_torch = torch.nn.functional.kl_div(
            torch.tensor(student, dtype=torch.double).log(), torch.tensor(teacher, dtype=torch.double), reduction="sum"
        )
        assert BY_NAME["distillation.forward_kl"].reference(teacher, student) == pytest.approx(
            by_torch.item(), abs=1e-9
        )


def test_the_mended_packing_is_the_library_s():
    for (lessons,) in BY_NAME["distillation.mend_packing"].inputs:
        by_library = block_causal_mask(torch.tensor([lessons]))[0, 0] == 0
        assert BY_NAME["distillation.mend_packing"].reference(lessons) == by_library.tolist()


def test_forward_spreads_and_reverse_settles_as_is_said():
    spread, settled = bell(0, 2), bell(2, 0.5)
    assert BY_NAME["distillation.predict_match"].reference == "C"
    assert divergence(TEACHER, spread) < divergence(TEACHER, settled)
    assert divergence(settled, TEACHER) < divergence(spread, TEACHER)
    assert divergence(settled, TEACHER) == pytest.approx(math.log(2), abs=1e-3)
