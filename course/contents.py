"""The chapters of the course: the one list that the README, the site, exercises, quizzes and experiments are read from.

A chapter's own code is `course/chapters/NAME`; `part("grpo", "exercises")` is its module of exercises.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


@dataclass(frozen=True)
class Chapter:
    """A chapter: its number on documents, its one noun, the field's term, its question, and what it takes."""

    number: str  # as in the notebook's name
    name: str
    term: str  # what one would search for to find papers about it
    question: str
    machine: int | None = None  # minutes on two cores; None: not written yet
    learner: int | None = None  # minutes of a reader

    @property
    def title(self) -> str:
        """The name of its notebook, without the ending."""
        return f"{self.number}_{self.name}"

    @property
    def short_number(self) -> str:
        """Its number as one says it: 0, 6, 6b, 10."""
        return self.number.removeprefix("0")

    @property
    def heading(self) -> str:
        """What it is called on the site.

        >>> CHAPTERS[1].heading
        '1 Chain of thought: what is a reasoning model?'
        """
        return f"{self.short_number} {self.term}: {self.question}"

    @property
    def finished(self) -> bool:
        """Whether it is written."""
        return self.machine is not None


CHAPTERS = (
    Chapter("00", "start", "Start", "does it work here?", 1, 15),
    Chapter("01", "reasoning", "Chain of thought", "what is a reasoning model?", 4, 90),
    Chapter("02", "prompting", "Prompting", "can asking differently help?", 1, 90),
    Chapter("03", "moe", "Mixture of experts", "how can a big model be cheap?", 2, 90),
    Chapter("04", "sft", "Supervised fine-tuning", "imitate solutions?", 3, 90),
    Chapter("05", "verifiers", "Process reward models", "who checks the steps?"),
    Chapter("06", "grpo", "GRPO", "can reward alone teach thinking?", 5, 180),
    Chapter("06b", "clinic", "Debugging RL", "why does my run not learn?", 2, 90),
    Chapter("07", "preferences", "RLHF and DPO", "right, but is it pleasant?"),
    Chapter("08", "pipeline", "The DeepSeek-R1 recipe", "how was R1 made?"),
    Chapter("09", "distillation", "Distillation", "can a small model learn it?", 2, 90),
    Chapter("10", "test_time", "Test-time compute", "does thinking longer help?"),
    Chapter("11", "open_models", "LoRA and quantization", "what can I do with open weights?"),
    Chapter("12", "agents", "Tool use", "think and act"),
    Chapter("13", "trust", "Faithfulness", "does it mean what it says?"),
    Chapter("14", "scale_out", "TRL", "the real thing"),
    Chapter("15", "capstone", "Capstone", "your turn"),
)


def part(chapter: str, name: str) -> ModuleType | None:
    """A module of a chapter's folder, such as its `exercises`, `quiz` or `experiments`; None if it has none.

    Raises ValueError for a name that is no chapter's.
    """
    if chapter not in {one.name for one in CHAPTERS}:
        raise ValueError(f"no chapter {chapter!r}: choose one of {', '.join(one.name for one in CHAPTERS)}")
    package = f"course.chapters.{chapter}"
    if find_spec(package) is None or find_spec(f"{package}.{name}") is None:
        return None
    return import_module(f"{package}.{name}")


def with_part(name: str) -> tuple[str, ...]:
    """The chapters that have such a module, in the course's order."""
    return tuple(one.name for one in CHAPTERS if part(one.name, name) is not None)
