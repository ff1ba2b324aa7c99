"""What a notebook shows is what it runs."""

import inspect

import pytest

from course.learn.training import TrainingConfig, schedule
from course.teach import show


@pytest.mark.parametrize("thing", [schedule, TrainingConfig])
def test_the_source_is_shown_as_it_is_with_the_name_to_import_it_by(thing):
    text = show(thing).data
    original = inspect.unwrap(thing)
    assert inspect.getsource(original).strip() in text
    assert text.startswith("From `course.learn.training`:") and "```python\n" in text


@pytest.mark.parametrize("thing", [len, int.from_bytes])
def test_what_has_no_source_is_a_one_line_error(thing):
    with pytest.raises(TypeError, match="no Python source to show: give a function") as caught:
        show(thing)
    assert "\n" not in str(caught.value)
