"""The library's own source on the page: what a notebook shows is what it runs."""

import inspect
import textwrap
from collections.abc import Callable

from IPython.display import Markdown


def show(thing: Callable | type) -> Markdown:
    """The source of a function or class, as a code block under the name to import it by.

    Raises TypeError for something that has no Python source, such as a number or a built-in function.
    """
    thing = inspect.unwrap(thing) if callable(thing) else thing
    try:
        source = inspect.getsource(thing)
    except (TypeError, OSError) as error:
        raise TypeError(f"{thing!r} has no Python source to show: give a function or a class of the library") from error
    return Markdown(f"From `{thing.__module__}`:\n\n```python\n{textwrap.dedent(source).rstrip()}\n```")
