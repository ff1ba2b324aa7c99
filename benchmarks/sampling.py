"""Tokens per second of `course.model.generate` against `transformers.generate`: same weights, same run.

256 prompts of the five families, natural lengths up to 160 tokens, only tokens up to `<eos>` counted; the median of
five alternating runs. The peer runs in single precision with its cache on, at the fastest of the settings listed in
`PEER_SETTINGS` (prompts sorted by length, so that it pays for little padding), and so do we, at the fastest number
of threads for each. `python benchmarks/sampling.py [CHECKPOINT]`.
"""

import course  # noqa: F401, I001 (before PyTorch: it decides how waiting threads wait)

import itertools
import statistics
import sys
import time
import warnings

import torch
from transformers import AutoModelForCausalLM

from course.model import generate, load
from course.model.pretrained import checkpoints
from course.think.prompting import direct
from course.world import FAMILIES, draw_problems

PROMPTS, LONGEST, RUNS = 256, 160, 5
PEER_SETTINGS = tuple(itertools.product((16, 32, 64, 128, 256), (1, 2)))  # prompts at once, threads
TARGETS = {1: 2.5, 8: 3.0}  # samples per prompt: times the peer's speed


def questions() -> list[str]:
    """The prompts, rendered plainly."""
    each = -(-PROMPTS // len(FAMILIES))
    problems = itertools.chain.from_iterable(zip(*(draw_problems(family, each, split="test") for family in FAMILIES)))
    return [direct(problem.question) for problem in problems][:PROMPTS]


def ours(model, tokenizer, prompts: list[str], samples: int, seed: int, threads: int) -> int:
    """Tokens drawn by the course's sampler."""
    torch.set_num_threads(threads)
    drawn = generate(model, tokenizer, prompts, samples=samples, max_new_tokens=LONGEST, seed=seed)
    return sum(len(reply.token_ids) for replies in drawn for reply in replies)


@torch.inference_mode()
def peer(model, tokenizer, prompts: list[str], samples: int, seed: int, setting: tuple[int, int]) -> int:
    """Tokens up to and with the end, drawn by `transformers.generate`."""
    at_once, threads = setting
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    total, ordered = 0, sorted(prompts, key=lambda prompt: len(tokenizer.encode(prompt)))
    for start in range(0, len(ordered), at_once):
        batch = tokenizer(ordered[start : start + at_once], return_tensors="pt", padding=True, add_special_tokens=False)
        drawn = model.generate(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            max_new_tokens=LONGEST,
            num_return_sequences=samples,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )[:, batch["input_ids"].shape[1] :]
        total += int((drawn != tokenizer.pad_token_id).sum())
    return total


def speed(draw, *arguments) -> float:
    """Tokens per second."""
    start = time.perf_counter()
    tokens = draw(*arguments)
    return tokens / (time.perf_counter() - start)


def compare(our_model, their_model, tokenizer, prompts: list[str], samples: int) -> None:
    """Find each side's fastest setting, then print the medians of alternating runs and their ratio."""
    setting = max(PEER_SETTINGS, key=lambda s: speed(peer, their_model, tokenizer, prompts, samples, 0, s))
    threads = max(
        (1, 2), key=lambda t: max(speed(ours, our_model, tokenizer, prompts, samples, 0, t) for _ in range(2))
    )
    mine, theirs = [], []
    for seed in range(1, RUNS + 1):
        mine.append(speed(ours, our_model, tokenizer, prompts, samples, seed, threads))
        theirs.append(speed(peer, their_model, tokenizer, prompts, samples, seed, setting))
    first, second = statistics.median(mine), statistics.median(theirs)
    print(
        f"{samples} samples a prompt: {first:,.0f} tokens/s ({threads} threads) against {second:,.0f} "
        f"({setting[0]} prompts at once, {setting[1]} threads): {first / second:.2f}x (target {TARGETS[samples]}x)"
    )


def main() -> None:
    """Compare on a checkpoint: a shipped name or a folder; by default the first that ships."""
    warnings.simplefilter("ignore")
    name = sys.argv[1] if len(sys.argv) > 1 else next(iter(checkpoints()))
    our_model, tokenizer = load(name)
    their_model = AutoModelForCausalLM.from_pretrained(checkpoints().get(name, name)).eval()
    for samples in TARGETS:
        compare(our_model, their_model, tokenizer, questions(), samples)


if __name__ == "__main__":
    main()
