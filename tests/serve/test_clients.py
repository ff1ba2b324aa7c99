"""The `openai` client, the newest and the one that Colab has, gets each feature of the API."""

import subprocess
from pathlib import Path

import openai
import pytest

from tests.notebooks import colab
from tests.serve import features


@pytest.mark.parametrize("feature", features.FEATURES, ids=lambda feature: feature.__name__)
def test_the_client_gets(feature, client):
    feature(client)


@pytest.mark.slow
def test_the_client_that_colab_has_gets_each_feature(server):
    if not colab.is_ready():
        pytest.fail("there is no environment like Colab's: `python -m tests.notebooks.colab` makes it")
    script = str(Path(features.__file__))
    done = subprocess.run([colab.PYTHON, script, server.base_url], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    version, *passed = done.stdout.splitlines()
    assert passed == [feature.__name__ for feature in features.FEATURES]
    assert f"openai=={version}" in colab.versions() and version != openai.__version__
