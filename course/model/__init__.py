"""The network: a small decoder from scratch, sampling from it, scoring with it, loading and saving it."""

from course.model.logprobs import score
from course.model.pretrained import load, save
from course.model.sampling import Completion, generate

__all__ = ["Completion", "generate", "load", "save", "score"]
