"""Should the reasoning of an earlier turn be sent again? (chapter 1) Two turns, the first with it and without it."""

import random
from collections.abc import Sequence

from course.experiments import Experiment, Findings, progress
from course.model import load
from course.think.evaluation import accuracy, estimate, marks, paired_comparison
from course.think.prompting import Example, draw_examples
from course.think.rollouts import Rollout, sample_rollouts
from course.world import FAMILIES, draw_problems
from course.world.conversation import Prompt, course_format, worked_reply
from course.world.tokenizer import encode

MODELS = ("mini-zero", "mini-base")
TURNS = {"with": True, "without": False}  # the reasoning of the first turn
FIRST = 40  # worked first turns of each family
POINTS = 5  # right answers in 100 whose loss would count


def history(seeds: int, problems: int) -> Findings:
    """A second question behind a worked one of any family, sent with and without the first one's reasoning."""
    figures: dict[str, dict] = {}
    comparisons = {}
    first = [example for family in FAMILIES for example in draw_examples(family, FIRST, worked=True, seed=3)]
    for name in progress(MODELS, "models"):
        model, tokenizer = load(name)
        found = {turn: _answers(model, tokenizer, first, keep, problems) for turn, keep in TURNS.items()}
        figures[name] = {
            turn: {
                "accuracy": accuracy([mark for rollouts, _ in several for mark in marks(rollouts)]),
                "tokens read": estimate([tokens for _, read in several for tokens in read]),
            }
            for turn, several in found.items()
        }
        sides = [[mark for rollouts, _ in found[turn] for mark in marks(rollouts)] for turn in TURNS]
        comparisons[f"{name}: without against with"] = paired_comparison(*sides)
        for family, with_it, without in zip(FAMILIES, found["with"], found["without"], strict=True):
            comparisons[f"{name}, {family}: without against with"] = paired_comparison(
                marks(with_it[0]), marks(without[0])
            )
    read = [figures["mini-zero"][turn]["tokens read"].mean for turn in TURNS]
    holds = comparisons["mini-zero: without against with"].interval[0] >= -POINTS / 100 and read[1] < read[0]
    return Findings(figures, comparisons, holds)


def _answers(
    model, tokenizer, first: Sequence[Example], keep: bool, problems: int
) -> list[tuple[list[Rollout], list[int]]]:
    """For each family, the replies to its problems and the lengths of what was read, in tokens."""
    found = []
    for family in FAMILIES:
        asked = draw_problems(family, problems, split="test")
        turns = random.Random(f"history:{family}").choices(first, k=len(asked))
        prompts = {
            problem.question: two_turns(turn, problem.question, keep=keep)
            for problem, turn in zip(asked, turns, strict=True)
        }
        replies = sample_rollouts(model, tokenizer, asked, prompts.__getitem__, seed=7)
        found.append((replies, [len(encode(tokenizer, prompt)) for prompt in prompts.values()]))
    return found


def two_turns(first: Example, question: str, *, keep: bool) -> Prompt:
    """A question that was answered, with its reasoning if it is kept, and one that waits for its answer."""
    asked, answer, steps = first
    return course_format(
        [("user", asked), ("assistant", worked_reply(answer, steps if keep else None)), ("user", question)]
    )


EXPERIMENTS = (
    Experiment(
        "history",
        claim=f"The reasoning of earlier turns can be left out: that saves tokens and costs at most {POINTS} in 100 "
        "answers (C10).",
        falsified_if=f"without it a model that thinks by itself may be right on {POINTS} fewer in 100 problems of the "
        "five families together, or reads no fewer tokens",
        run=history,
        problems=500,
        draw=lambda problems: [draw_problems(family, problems, split="test") for family in FAMILIES],
        settings={"first turns": FIRST},
    ),
)
