"""The classroom: source code, transcripts and pictures in a notebook. `start()` sets a notebook up."""

from course.teach.show import show
from course.teach.transcripts import tokens, transcript

__all__ = ["show", "tokens", "transcript"]
