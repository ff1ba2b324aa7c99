"""Learning to notice slips: how `mini-careful` is made from `mini-base`.

A model of this size that only reads solutions in which slips are mended learns how often "wait" follows a line, and not
when. So it first marks: it is shown some lines of a solution, the last of which is wrong in half of all cases, and
learns nothing but what follows, "wait" and the step done rightly, or no objection. What it learns there carries over to
solutions of its own. Then it reads the small web again, now with solutions written in haste, whose slips are mended:
first all of them, and at last only some. (A curriculum, from easy to hard: Bengio et al. 2009.)
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from course.learn.settings import between, whole
from course.learn.sft import Packed, TrainingExample, pack, stack
from course.learn.training import TrainingConfig
from course.world import FAMILIES
from course.world.conversation import prompt_and_reply
from course.world.corpus import Mixture, documents, train_problem
from course.world.problem import is_again
from course.world.slips import solution_to_mark
from course.world.tokenizer import END_THINK, THINK, encode, load_tokenizer

FAMILY = "cups"  # slips of shell games are all that it learns to notice, and what else it could do suffers
FEWEST, MOST = 2, 5  # last lines that are shown to be marked: from two on, a wrong result can be told


@dataclass(frozen=True)
class Stage:
    """A stretch of the training. Shares are of examples, and an example of the small web is longer than the others."""

    steps: int
    marking: float = 1.0  # share of solutions to mark; the others are texts of the small web
    mixture: Mixture = Mixture()  # of the small web

    def __post_init__(self) -> None:
        whole(self, 1, "steps")
        between(self, 0, 1, "marking")


IN_HASTE = Mixture(
    examples=0.05, spelling=0, arithmetic=0.03, versions=0, cued=0.8, haste=0.2, mend=0.5, weights=(0, 0, 0, 1, 0)
)
STAGES = (
    Stage(240),
    Stage(300, marking=0.5, mixture=replace(IN_HASTE, haste=0.3, mend=1.0)),
    Stage(450, marking=0.3, mixture=IN_HASTE),
)
CONFIG = TrainingConfig(steps=sum(stage.steps for stage in STAGES), learning_rate=2e-3, warmup=20, decay=0.4)


def stage_at(step: int, stages: Sequence[Stage] = STAGES) -> Stage:
    """The stage that a step belongs to; the last one goes on for as long as there are steps."""
    for stage in stages:
        if step < stage.steps:
            return stage
        step -= stage.steps
    return stages[-1]


def stage_batch(config: TrainingConfig, step: int, stages: Sequence[Stage] = STAGES) -> Packed:
    """What a step learns from: examples of its stage, as many as fill its rows and perhaps one more.

    Every step has its own.
    """
    drawn, room = [], config.rows * config.length
    examples = stage_examples(stage_at(step, stages), f"{config.seed}:{step}", config.length)
    while room > 0:
        drawn.append(next(examples))
        room -= len(drawn[-1])
    return stack(pack(drawn, config.length))


def stage_examples(stage: Stage, seed: str, longest: int) -> Iterator[TrainingExample]:
    """Solutions to mark and texts of the small web, without end; of longer texts the beginning."""
    rng, tokenizer = random.Random(f"stage:{seed}"), load_tokenizer()
    web = documents(stage.mixture, seed=f"stage:{seed}")
    while True:
        if rng.random() < stage.marking:
            prompt, reply = marking(rng)
            yield TrainingExample(tuple(encode(tokenizer, prompt)), tuple(encode(tokenizer, reply)))
        else:
            first, *rest = tokenizer.backend_tokenizer.encode(next(web), add_special_tokens=False).ids[:longest]
            yield TrainingExample((first,), tuple(rest))


def marking(rng: random.Random) -> tuple[str, str]:
    """Some lines of a thought without its question, as a prompt, and what follows them.

    If the last line is wrong, "wait" follows and the step done rightly; if not, nothing does, and the thought ends.
    """
    lines, after = solution_to_mark(FAMILIES[FAMILY], train_problem(Mixture(easy=0), rng, FAMILY), rng)
    prompt, _ = prompt_and_reply("", "")
    shown = "".join(f"{line}\n" for line in lines[-rng.randint(FEWEST, MOST) :])
    return prompt + THINK + shown, f"{after}\n" if after is not None and is_again(after) else END_THINK
