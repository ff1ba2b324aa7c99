"""A server for the course's models that speaks the API of reasoning models, thoughts and answer in fields of their own.

`course serve` starts it; in a notebook, `start()` does, and `stop()` of what it returns ends it.
"""

from course.serve.server import Running, start

__all__ = ["Running", "start"]
