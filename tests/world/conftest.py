"""What the tests of the world share."""

import pytest

from course.world.tokenizer import load_tokenizer


@pytest.fixture(scope="session")
def tokenizer():
    return load_tokenizer()
