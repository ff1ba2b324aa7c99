"""The classroom: source code, transcripts and pictures in a notebook. `start()` sets a notebook up."""

from course.teach.show import show
from course.teach.transcripts import marked, tokens, transcript

__all__ = ["marked", "show", "tokens", "transcript"]
