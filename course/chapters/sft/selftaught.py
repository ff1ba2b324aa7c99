"""A reader that teaches itself: a staircase over length, and right answers for wrong reasons (chapter 4)."""

import random
from collections import deque
from collections.abc import Iterator, Sequence

from torch import nn

from course.chapters.sft.learners import LONGEST, READER
from course.experiments import Experiment, Findings, by_arm, spread
from course.learn.distillation import ends_right
from course.learn.self_training import (
    KINDS,
    SelfTrainingConfig,
    false_positives,
    few_solutions,
    hinted,
    is_sound,
    reason,
    self_train,
)
from course.learn.sft import imitation_loss, shuffled_batches
from course.learn.training import TrainingConfig, step_seed, train
from course.model import load
from course.think.evaluation import accuracy, estimate, marks, mean, paired_comparison
from course.think.prompting import force_thinking
from course.think.rollouts import Rollout, sample_rollouts
from course.world import FAMILIES, Problem, draw_problems
from course.world.problem import split_of

ROUNDS, ASKED = 4, 1500  # rounds, and problems of each
BEGINNING = 300  # worked solutions to begin with, mostly short ones
SHORTER = 0.6  # one step more, and this share as many of them
FIRST = TrainingConfig(steps=80, rows=4, length=200, learning_rate=2e-3, warmup=10, decay=0.5, weight_decay=0.01)
REREAD = 130  # steps a round of the control: about as many as the others take
GO_ON, RESTART, HINTS, CONTROL = "go on", "restart", "go on, with hints", "first solutions again"
STAIRCASE = {
    GO_ON: {"restart": False},
    RESTART: {"restart": True},
    HINTS: {"restart": False, "hint": hinted},
}
TESTED = {4: 40}  # the test split has no more sums of four terms
LENGTHS = range(4, 11)  # terms
MISTAUGHT, PLAYED = 3, 800  # rounds that a beginner at cups learns from itself, and games of each
SOUND = "1.0, sound alone"  # kept by the oracle
TEMPERATURES = {"0.0": 0.0, "0.5": 0.5, "1.0": 1.0, SOUND: 1.0}

# --- a beginner ---------------------------------------------------------------------------------------------------


def beginner(family: str, seed: int) -> tuple[nn.Module, object]:
    """A reader that has read a few worked solutions, mostly short ones, each also behind its hint; its tokenizer."""
    model, tokenizer = load(READER)
    examples = few_solutions(tokenizer, mostly_short(family, BEGINNING, seed), hinted)
    deque(
        train(model, shuffled_batches(examples, FIRST.rows, FIRST.length, seed), FIRST, loss=imitation_loss), maxlen=0
    )
    return model.eval(), tokenizer


def levels(family: str) -> tuple[int, ...]:
    """The easy levels of a family and its standard ones."""
    return FAMILIES[family].easy_levels + FAMILIES[family].levels


def mostly_short(family: str, n: int, seed: int) -> list[Problem]:
    """Train problems, each level `SHORTER` times as many as the one below it."""
    several = levels(family)
    rng = random.Random(f"mostly short:{family}:{seed}")
    return train_problems(family, rng.choices(several, [SHORTER**level for level in several], k=n), rng)


def of_round(family: str, n: int, seed: int, number: int) -> list[Problem]:
    """Train problems for one round, all levels alike."""
    several = levels(family)
    rng = random.Random(f"round:{family}:{step_seed(seed, number)}")
    return train_problems(family, [several[place % len(several)] for place in range(n)], rng)


def train_problems(family: str, wanted: Sequence[int], rng: random.Random) -> list[Problem]:
    """A train problem of each of these levels."""
    drawn: list[Problem] = []
    while len(drawn) < len(wanted):
        problem = FAMILIES[family].draw(rng, wanted[len(drawn)])
        if split_of(problem.key) == "train":
            drawn.append(problem)
    return drawn


# --- the staircase ------------------------------------------------------------------------------------------------


def climb(
    arm: str, model: nn.Module, tokenizer, seed: int, *, rounds: int = ROUNDS, asked: int = ASKED
) -> Iterator[dict]:
    """A beginner at sums goes on by one arm, in place: what each round found, as `self_train` yields it."""
    if arm == CONTROL:
        examples = few_solutions(tokenizer, mostly_short("sums", BEGINNING, seed), hinted)
        for number in range(rounds):
            batch = shuffled_batches(examples, FIRST.rows, FIRST.length, step_seed(seed, number))
            config = TrainingConfig(**{**vars(FIRST), "steps": REREAD, "seed": number})
            deque(train(model, batch, config, loss=imitation_loss), maxlen=0)
            yield {"step": number + 1, "kept": [], "hinted": 0}
        return
    settings = dict(STAIRCASE[arm])
    hint = settings.pop("hint", None)
    config = SelfTrainingConfig(rounds=rounds, seed=seed, **settings)
    yield from self_train(model, tokenizer, lambda number: of_round("sums", asked, seed, number), config, hint=hint)


def by_length(model: nn.Module, tokenizer, problems: int, split: str = "test") -> dict[int, float]:
    """The share of sums right by their number of terms, asked directly and greedily."""
    found = {}
    for terms in LENGTHS:
        several = draw_problems("sums", min(problems, TESTED.get(terms, problems)), level=terms, split=split)
        drawn = sample_rollouts(model.eval(), tokenizer, several, temperature=0.0, max_new_tokens=LONGEST, seed=7)
        found[terms] = accuracy(marks(drawn)).mean
    return found


def taught(arm: str, seed: int, problems: int) -> dict:
    """A beginner goes on by one arm, asked after each round: a piece of the experiment."""
    model, tokenizer = beginner("sums", seed)
    rounds = [{"right": by_length(model, tokenizer, problems)}]
    for found in climb(arm, model, tokenizer, seed):
        kept = found["kept"]
        rounds.append({"right": by_length(model, tokenizer, problems), "kept": len(kept), **sources(found)})
    return {"rounds": rounds}


def sources(found: dict) -> dict[str, float | int]:
    """Of what a round kept: how many were found with a hint, and the false positives among these and the others."""
    cut = len(found["kept"]) - found["hinted"]
    own, rationalized = found["kept"][:cut], found["kept"][cut:]
    return {
        "hinted": found["hinted"],
        "false positives": false_positives(own),
        "false positives with a hint": false_positives(rationalized),
    }


def staircase(seeds: int, problems: int) -> Findings:
    """Sums: what a beginner that teaches itself can do after each round, by length."""
    arms = (*STAIRCASE, CONTROL)
    runs = by_arm(spread("staircase", taught, [(arm, seed, problems) for seed in range(seeds) for arm in arms]))
    figures = {arm: _steps(several) for arm, several in runs.items()}
    ends = {arm: [mean(list(one["rounds"][-1]["right"].values())) for one in several] for arm, several in runs.items()}
    figures["by seed"] = ends
    comparisons = {
        f"{GO_ON} against {other}": paired_comparison(ends[other], ends[GO_ON]) for other in arms if other != GO_ON
    }
    return Findings(figures, comparisons, comparisons[f"{GO_ON} against {CONTROL}"].verdict == "better")


def _steps(several: Sequence[dict]) -> dict:
    """The rounds of an arm: the share right by length with its interval, and what was kept."""
    rounds = list(zip(*(one["rounds"] for one in several), strict=True))
    shares = ("kept", "hinted", "false positives", "false positives with a hint")
    return {
        "right": [
            {terms: estimate([one["right"][terms] for one in same]) for terms in same[0]["right"]} for same in rounds
        ],
        "mean": [estimate([mean(list(one["right"].values())) for one in same]) for same in rounds],
        **{
            name: [mean([one[name] for one in same if one[name] is not None]) for same in rounds[1:]] for name in shares
        },
    }


# --- right answers, wrong reasons ---------------------------------------------------------------------------------


def reasons(seeds: int, problems: int) -> Findings:
    """False positives by temperature: those of `mini-base`, and of a beginner at cups who learns from them."""
    asked = spread(
        "reasons", count, [(family, name, problems) for family in FAMILIES for name in list(TEMPERATURES)[:3]]
    )
    runs = by_arm(
        spread("reasons", mistaught, [(name, seed, problems) for seed in range(seeds) for name in TEMPERATURES])
    )
    figures: dict = {
        "mini-base": {
            family: {name: asked[family, name, problems] for name in list(TEMPERATURES)[:3]} for family in FAMILIES
        }
    }
    figures["beginner"] = {name: _learned_from(several) for name, several in runs.items()}
    ends = {name: [one["tested"][-1]["sound"] for one in several] for name, several in runs.items()}
    kept = {name: [one["learned"][0] for one in several] for name, several in runs.items()}
    comparisons = {
        "false positives of the first round: 1.0 against 0.0": paired_comparison(kept["0.0"], kept["1.0"]),
        "sound at the end: 0.0 against 1.0": paired_comparison(ends["1.0"], ends["0.0"]),
        "sound at the end: sound alone against all that end right": paired_comparison(ends["1.0"], ends[SOUND]),
    }
    return Findings(figures, comparisons, all(one.verdict == "better" for one in comparisons.values()))


def _learned_from(several: Sequence[dict]) -> dict:
    """An arm's false positives by round, and what it gets right, and soundly right, before and after each."""
    tested = {
        what: [estimate([one["tested"][place][what] for one in several]) for place in range(MISTAUGHT + 1)]
        for what in ("right", "sound")
    }
    return {
        "false positives": [estimate([one["learned"][place] for one in several]) for place in range(MISTAUGHT)],
        **tested,
    }


def count(family: str, name: str, problems: int) -> dict:
    """`mini-base`, forced to think, at a temperature: the share right, and of these the share of each reason."""
    model, tokenizer = load("mini-base")
    asked = draw_problems(family, problems, split="test")
    drawn = sample_rollouts(model, tokenizer, asked, force_thinking, temperature=TEMPERATURES[name], seed=7)
    return {"right": accuracy(marks(drawn)).mean, **kinds(drawn)}


def kinds(drawn: Sequence[Rollout]) -> dict[str, float]:
    """Of the replies that end right, the share of each reason."""
    found = [reason(one) for one in drawn if one.right]
    return {kind: mean([one == kind for one in found]) for kind in KINDS}


def mistaught(name: str, seed: int, problems: int) -> dict:
    """A beginner at cups learns from its right answers at a temperature: a piece of the experiment."""
    model, tokenizer = beginner("cups", seed)
    config = SelfTrainingConfig(rounds=MISTAUGHT, temperature=TEMPERATURES[name], restart=False, seed=seed)
    tested, learned = [soundness(model, tokenizer, problems)], []
    keep = is_sound if name == SOUND else ends_right
    for found in self_train(model, tokenizer, lambda number: of_round("cups", PLAYED, seed, number), config, keep=keep):
        learned.append(found["false_positives"])
        tested.append(soundness(model, tokenizer, problems))
    return {"tested": tested, "learned": learned}


def soundness(model: nn.Module, tokenizer, problems: int, split: str = "test") -> dict[str, float]:
    """Shell games asked directly and greedily: the share right, and the share right for the right reason."""
    asked = draw_problems("cups", problems, split=split)
    drawn = sample_rollouts(model.eval(), tokenizer, asked, temperature=0.0, max_new_tokens=LONGEST, seed=7)
    return {"right": accuracy(marks(drawn)).mean, "sound": mean([is_sound(one) for one in drawn])}


EXPERIMENTS = (
    Experiment(
        "staircase",
        claim="A model that learns from its own right solutions solves longer problems round by round (C24).",
        falsified_if="after four rounds, a beginner is not better than one who reads the first solutions again instead",
        run=staircase,
        seeds=3,
        problems=40,
        threads=1,
        draw=lambda problems: draw_problems("sums", problems, level=5, split="test"),
        settings={"rounds": ROUNDS, "problems a round": ASKED, "solutions to begin with": BEGINNING},
    ),
    Experiment(
        "reasons",
        claim="The hotter a model samples, the more of its right answers have a wrong reason, and learning from them "
        "costs it sound solutions.",
        falsified_if="at temperature 1 the first round keeps no more false positives than greedily, or three rounds "
        "later replies are as often sound, or keeping sound solutions alone does not help",
        run=reasons,
        seeds=3,
        problems=200,
        threads=1,
        settings={"rounds": MISTAUGHT, "problems a round": PLAYED, "solutions to begin with": BEGINNING},
    ),
)
