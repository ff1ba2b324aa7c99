"""The table of published models: every figure has its source in the bibliography, and the prose around it holds."""

import re

import pytest

from course.chapters.reasoning import models
from tests.project import read


def test_every_source_is_in_the_bibliography():
    keys = set(re.findall(r"^@\w+\{([^,]+),", read("book/references.bib"), re.MULTILINE))
    assert {one.source for one in (*models.MODELS, *models.SCORES)} <= models.SOURCES.keys() <= keys


def test_every_score_is_of_a_known_test_and_possible():
    for one in models.SCORES:
        assert one.by_test and set(one.by_test) <= set(models.TESTS)
        assert all(0 < value <= 100 for test, value in one.by_test.items() if test != "Codeforces")


def test_the_distilled_model_of_32_billion_beats_o1_mini_except_on_codeforces():
    """Table 5 of the R1 report; the fourth test in which it leads, LiveCodeBench, is not in our table."""
    ahead = {
        test: models.score("R1-Distill-Qwen-32B", test) > models.score("o1-mini", test) for test in models.TESTS[1:]
    }
    assert ahead == {"MATH": True, "AIME 2024": True, "GPQA Diamond": True, "Codeforces": False}


def test_sources_disagree_about_gpt_4o_as_the_notebook_says():
    assert models.score("GPT-4o", "AIME 2024", "openai2024o1blog") == 12
    assert models.score("GPT-4o", "AIME 2024") == 9.3


def test_tables_have_a_row_for_each_model_and_for_each_source_of_scores():
    assert len(models.overview().rows) == len(models.MODELS)
    assert len(models.scores().rows) == len(models.SCORES)
    assert "94.8" in str(models.scores()) and "1,820" in str(models.scores())


def test_a_score_nobody_published_is_an_error():
    with pytest.raises(ValueError, match="no score of GPT-4 on MATH"):
        models.score("GPT-4", "MATH", "openai2023gpt4")
