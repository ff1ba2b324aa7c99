"""Tokens per second of `mini-distill` against `mini-zero`, and what both hold in memory, in one run.

256 prompts of the five families at once, one reply each of natural length up to 160 tokens at temperature 1; only
tokens up to `<eos>` counted; the median of five alternating runs, at the fastest number of threads for each.
`python benchmarks/distillation.py`.
"""

import course  # noqa: F401, I001 (before PyTorch: it decides how waiting threads wait)

import statistics
import time

import torch

from course.model import generate, load
from course.model.accounting import cache_bytes
from course.model.transformer import parameter_count
from course.think.prompting import direct
from course.world import FAMILIES, draw_problems

PROMPTS, LONGEST, RUNS, THREADS = 256, 160, 5, (1, 2)
TEACHER, STUDENT = "mini-zero", "mini-distill"
TARGET = 2.0  # times the teacher's speed


def questions() -> list[str]:
    """The prompts, the families in turn."""
    several = zip(*(draw_problems(name, 52, split="test") for name in FAMILIES), strict=True)
    return [direct(problem.question) for group in several for problem in group][:PROMPTS]


def speed(model, tokenizer, prompts: list[str], seed: int, threads: int) -> float:
    """Tokens a second of one run."""
    torch.set_num_threads(threads)
    start = time.perf_counter()
    drawn = generate(model, tokenizer, prompts, max_new_tokens=LONGEST, seed=seed)
    return sum(len(reply.token_ids) for (reply,) in drawn) / (time.perf_counter() - start)


def main() -> None:
    """Measure, and say whether the student reaches its target."""
    prompts, models = questions(), {name: load(name) for name in (TEACHER, STUDENT)}
    runs = {(name, threads): [] for name in models for threads in THREADS}
    for seed in range(RUNS + 1):  # the first run warms up
        for name, threads in runs:
            found = speed(*models[name], prompts, seed, threads)
            runs[name, threads] += [found] * (seed > 0)
    best = {name: max(statistics.median(runs[name, threads]) for threads in THREADS) for name in models}
    for name, (model, _) in models.items():
        size = parameter_count(model)
        print(f"{name:13} {best[name]:8,.0f} tokens/s   {size:,} parameters, {4 * size / 1e6:.2f} MB, "
              f"{cache_bytes(model.config):,} bytes a token kept")  # fmt: skip
    ratio = best[STUDENT] / best[TEACHER]
    print(f"{ratio:.1f} times as fast, {TARGET} wanted: {'reached' if ratio >= TARGET else 'NOT REACHED'}")


if __name__ == "__main__":
    main()
