"""The experiments of chapter 4: answers against steps (`imitation`), how many solutions are needed and which tokens to
learn (`solutions`), and self-training (`staircase`, `reasons`)."""

from collections import deque
from collections.abc import Sequence
from functools import partial

from course.chapters.sft import selftaught
from course.chapters.sft.learners import ALEX, READ, READER, RILEY, Reading, ask, longer, watched
from course.experiments import Experiment, Findings, by_arm, spread
from course.learn.distillation import worked_solutions
from course.learn.sft import imitation_loss, of_everything, of_replies, shuffled_batches
from course.learn.training import TrainingConfig, train
from course.model import load
from course.think.evaluation import estimate, paired_comparison
from course.world import draw_problems

ENOUGH = 0.95
EQUAL_TOKENS = "answers, as many tokens"
TIMES = 2.27  # so many answers have as many tokens, questions included, as one worked solution
WAYS = {RILEY: (RILEY, 1.0), ALEX: (ALEX, 1.0), EQUAL_TOKENS: (ALEX, TIMES)}

SOLUTIONS = (100, 300, 1000, 3000)
LEARNED = {"solution alone": of_replies, "everything": of_everything}
TRAINING = TrainingConfig(steps=150, rows=8, length=320, learning_rate=3e-3, warmup=20, decay=0.5)

# --- answers against steps (C11) ----------------------------------------------------------------------------------


def imitation(seeds: int, problems: int) -> Findings:
    """The same questions with answers alone, or with worked solutions: at equal examples, and at equal tokens."""
    runs = by_arm(spread("imitation", read, [(way, seed, problems) for seed in range(seeds) for way in WAYS]))
    figures: dict = {"before": runs[RILEY][0]["curve"][0]["right"]}
    for way, several in runs.items():
        last = [one["curve"][-1] for one in several]
        figures[way] = {
            "examples": last[0]["examples"],
            "tokens": estimate([one["tokens"] for one in last]),
            "right": {family: estimate([one["right"][family] for one in last]) for family in READ},
            "curve": _curve(several),
            "examples to 95 %": {family: [to_reach(one["curve"], family) for one in several] for family in READ},
        }
    ends = {way: [one["curve"][-1]["right"] for one in several] for way, several in runs.items()}
    comparisons = {
        f"{family}: {RILEY} against {other}": paired_comparison(
            *([one[family] for one in ends[way]] for way in (other, RILEY))
        )
        for family in READ
        for other in (ALEX, EQUAL_TOKENS)
    }
    holds = all(
        comparisons[f"{family}: {RILEY} against {ALEX}"].verdict == "better"
        and _sooner(figures[RILEY]["examples to 95 %"][family], figures[ALEX]["examples to 95 %"][family])
        for family in READ
    )
    return Findings(figures, comparisons, holds)


def read(way: str, seed: int, problems: int) -> dict:
    """One reader learns in one way, asked eight times along it: a piece of the experiment."""
    style, times = WAYS[way]
    reading = longer(Reading(seed=seed), times)
    points = watched(style, reading, problems=problems, split="test")
    return {"curve": [{name: point[name] for name in ("examples", "tokens", "right")} for point in points]}


def to_reach(curve: Sequence[dict], family: str, share: float = ENOUGH) -> int | None:
    """The examples read when this share was right for the first time; None if it never was."""
    return next((point["examples"] for point in curve if point["right"][family] >= share), None)


def _sooner(steps: Sequence[int | None], answers: Sequence[int | None]) -> bool:
    """Whether steps got there with every seed, and answers with none or later."""
    pairs = zip(steps, answers, strict=True)
    return all(one is not None and (other is None or one < other) for one, other in pairs)


def _curve(several: Sequence[dict]) -> dict:
    """The share right by examples read, with its interval over seeds, for each family."""
    points = zip(*(one["curve"] for one in several), strict=True)
    return {
        family: {same[0]["examples"]: estimate([one["right"][family] for one in same]) for same in found}
        for found in [list(points)]
        for family in READ
    }


# --- how many solutions, and which tokens (C12) -------------------------------------------------------------------


def solutions(seeds: int, problems: int) -> Findings:
    """N worked solutions, read for as many steps whatever N is; loss on the solution alone, or on the question too."""
    jobs = [(learned, n, seed, problems) for seed in range(seeds) for n in SOLUTIONS for learned in LEARNED]
    found = spread("solutions", imitate_few, jobs)
    by_seed = {
        learned: {n: [found[learned, n, seed, problems]["right"] for seed in range(seeds)] for n in SOLUTIONS}
        for learned in LEARNED
    }
    before = ask(*load(READER), problems, "test")
    figures = {
        "before": {**before, "mean": _mean(before)},
        "right": {
            learned: {n: estimate([_mean(one) for one in several]) for n, several in sizes.items()}
            for learned, sizes in by_seed.items()
        },
        "by family": {
            learned: {
                family: {n: estimate([one[family] for one in several]) for n, several in sizes.items()}
                for family in READ
            }
            for learned, sizes in by_seed.items()
        },
    }
    alone = by_seed["solution alone"]
    least, most = SOLUTIONS[0], SOLUTIONS[-1]
    growth = f"{most} solutions against {least}"
    comparisons = {growth: paired_comparison(*([_mean(one) for one in alone[n]] for n in (least, most)))}
    for n in SOLUTIONS:
        sides = ([_mean(one) for one in by_seed[learned][n]] for learned in ("everything", "solution alone"))
        comparisons[f"{n} solutions: loss on the solution alone against everything"] = paired_comparison(*sides)
    return Findings(figures, comparisons, comparisons[growth].verdict == "better")


def imitate_few(learned: str, n: int, seed: int, problems: int) -> dict:
    """Read n worked solutions again and again, and be asked: a piece of the experiment."""
    model, tokenizer = load(READER)
    drawn = [one for family in READ for one in draw_problems(family, n // len(READ), split="train", seed=seed)]
    batch = shuffled_batches(worked_solutions(tokenizer, drawn), TRAINING.rows, TRAINING.length, seed)
    loss = partial(imitation_loss, learned=LEARNED[learned])
    deque(train(model, batch, TRAINING, loss=loss), maxlen=0)
    return {"right": ask(model, tokenizer, problems, "test")}


def _mean(right: dict[str, float]) -> float:
    return sum(right[family] for family in READ) / len(READ)


EXPERIMENTS = (
    Experiment(
        "imitation",
        claim="A student who learns from worked steps needs fewer examples than one who learns from answers (C11).",
        falsified_if="after equally many examples, steps are not better on cups and on sums, or with some seed they "
        "need as many examples as answers to be right on 95 %",
        run=imitation,
        seeds=3,
        problems=200,
        threads=1,
        draw=partial(draw_problems, "sums", split="test"),
        settings={"examples": Reading().steps * Reading().at_once, "learning rate": Reading().learning_rate},
    ),
    Experiment(
        "solutions",
        claim="Fine-tuning on worked solutions teaches a model to reason, and more of them teach it more (C12).",
        falsified_if="after equally many steps, accuracy with 3,000 solutions is not above that with 100",
        run=solutions,
        seeds=3,
        problems=200,
        threads=1,
        draw=partial(draw_problems, "sums", split="test"),
        settings={"steps": TRAINING.steps, "learning rate": TRAINING.learning_rate},
    ),
    *selftaught.EXPERIMENTS,
)
