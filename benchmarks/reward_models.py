"""What scoring every step costs: a reward model's scores against a plain forward pass over the same tokens, in one run.

At least 8,192 steps of worked solutions of the five families, read by a reward model made from `mini-base`. The plain
pass is the language model's: rows of like length, all their logits, and nothing done with them. The median of five
alternating runs, at the fastest number of threads for each.
`python benchmarks/reward_models.py`.
"""

import course  # noqa: F401, I001 (before PyTorch: it decides how waiting threads wait)

import itertools
import statistics
import time

import torch

from course.learn.policy_gradient import parts_of_like_length
from course.learn.reward_models import TOKENS_AT_ONCE, RewardModel, score_steps
from course.model import Completion, load
from course.think.prompting import direct
from course.think.rollouts import Rollout, read_reply
from course.world import FAMILIES, draw_problems
from course.world.conversation import prompt_and_reply
from course.world.tokenizer import EOS, encode

STEPS, EACH, RUNS, THREADS = 8192, 400, 5, (1, 2)
MODEL = "mini-base"
TARGET = 1.5  # times the time of a plain pass


def solutions(tokenizer) -> list[Rollout]:
    """Worked solutions, the families in turn, as if a model had drawn them, until there are enough steps."""
    problems = zip(*(draw_problems(name, EACH, split="test") for name in FAMILIES), strict=True)
    drawn, steps = [], 0
    for problem in itertools.chain.from_iterable(problems):
        lines = FAMILIES[problem.family].solution(problem)
        _, reply = prompt_and_reply(problem.question, problem.answer, lines)
        ids = encode(tokenizer, reply)
        completion = Completion(reply.removesuffix(EOS), ids, [0.0] * len(ids), finished=True)
        drawn.append(Rollout(problem, read_reply(direct(problem.question), completion), completion))
        steps += len(lines)
        if steps >= STEPS:
            return drawn
    raise ValueError(f"{EACH} problems a family have only {steps} steps: draw more")


@torch.inference_mode()
def plain_pass(model, rows: list[list[int]]) -> None:
    """The language model's logits of all these rows."""
    for part in parts_of_like_length({row: len(ids) for row, ids in enumerate(rows)}, TOKENS_AT_ONCE):
        longest = max(len(rows[row]) for row in part)
        model(torch.tensor([rows[row] + [0] * (longest - len(rows[row])) for row in part]))


def seconds(work, *arguments) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def main() -> None:
    """Measure, and say whether the ratio reaches its target."""
    model, tokenizer = load(MODEL)
    drawn, judge = solutions(tokenizer), RewardModel(model).eval()
    rows = [encode(tokenizer, direct(one.problem.question)) + one.completion.token_ids for one in drawn]
    steps = sum(len(scores.steps) for scores in score_steps(judge, tokenizer, drawn))
    ways = {"scores": (score_steps, judge, tokenizer, drawn), "plain pass": (plain_pass, model, rows)}
    runs = {(name, threads): [] for name in ways for threads in THREADS}
    for turn in range(RUNS + 1):  # the first run warms up
        for name, threads in runs:
            torch.set_num_threads(threads)
            runs[name, threads] += [seconds(*ways[name])] * (turn > 0)
    best = {name: min(statistics.median(runs[name, threads]) for threads in THREADS) for name in ways}
    print(f"{steps:,} steps of {len(drawn):,} solutions, {sum(map(len, rows)):,} tokens: scored in "
          f"{best['scores']:.2f} s, {steps / best['scores']:,.0f} steps/s; a plain pass takes "
          f"{best['plain pass']:.2f} s")  # fmt: skip
    ratio = best["scores"] / best["plain pass"]
    print(f"{ratio:.2f} times a plain pass, at most {TARGET} wanted: {'kept' if ratio <= TARGET else 'NOT KEPT'}")


if __name__ == "__main__":
    main()
