"""One server for each module of tests, and clients."""

import openai
import pytest

from course.model import load
from course.serve import start


@pytest.fixture(scope="module")
def server():
    """A server of `mini-zero`, the first, and `mini-base`."""
    with start("mini-zero", "mini-base") as running:
        yield running


@pytest.fixture
def client(server):
    """A client that does not ask again where it was refused."""
    with openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def zero():
    """`mini-zero` and its tokenizer."""
    return load("mini-zero")
