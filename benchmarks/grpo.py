"""One step of GRPO against TRL's trainer: same model, prompts, group size and limits, run alternately.

`python benchmarks/grpo.py` prints ratios above 1 where ours is faster, from `mini-base` (short replies) and from
`mini-zero` (long ones). A step draws the replies, rewards them, and moves the weights; the learning rate is 0, so that
every step starts from the same model. Both sides reward exact answers, in single precision, without checkpointing of
activations; TRL's runs with each of several sizes of its micro-batches, and the fastest stands. The median of five
alternating steps counts. Needs the extra `peers`.
"""

import course  # noqa: F401, I001 (before PyTorch: it decides how waiting threads wait)

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import torch
import transformers
from datasets import Dataset
from transformers import AutoModelForCausalLM, TrainerCallback
from trl import GRPOConfig as Settings
from trl import GRPOTrainer

from course.learn.grpo import GRPOConfig, grpo, training_problems
from course.model import load
from course.model.pretrained import checkpoints
from course.think.prompting import direct
from course.world import is_right
from course.world.answers import split_reply
from course.world.tokenizer import EOS, load_tokenizer

ROUNDS = 5
MICRO_BATCHES = (400, 100, 50, 25)  # completions that TRL scores together
CONFIG = replace(GRPOConfig(), learning_rate=0.0)
BATCH = CONFIG.prompts * CONFIG.group_size


Step = Callable[[int], tuple[float, float]]  # from the number of a round to seconds and the mean length of replies


class Clock(TrainerCallback):
    """How long TRL's last step took, without setting up and taking down what surrounds it."""

    def on_step_begin(self, *_, **__) -> None:
        """Called before replies are drawn."""
        self.start = time.perf_counter()

    def on_step_end(self, *_, **__) -> None:
        """Called after the weights have moved."""
        self.seconds = time.perf_counter() - self.start


def ours(name: str) -> Step:
    """A step of ours."""
    model, tokenizer = load(name)

    def step(number: int) -> tuple[float, float]:
        config = replace(CONFIG, steps=1, seed=number)
        start = time.perf_counter()
        (stats,) = grpo(model, tokenizer, config, problems=lambda config, step: training_problems(CONFIG, 0))
        return time.perf_counter() - start, stats["length"]

    return step


def theirs(name: str, micro_batch: int, folder: str) -> Step:
    """A step of TRL's trainer over the same prompts."""
    problems = training_problems(CONFIG, 0)
    by_prompt = {direct(problem.question): problem for problem in problems}
    tokenizer = load_tokenizer()

    def right(prompts: list[str], completion_ids: list[list[int]], **_) -> list[float]:
        texts = tokenizer.batch_decode(completion_ids)
        return [
            float(EOS in text and is_right(by_prompt[prompt], split_reply(text).answer))
            for prompt, text in zip(prompts, texts)
        ]

    settings = Settings(
        output_dir=folder,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=BATCH // micro_batch,
        num_generations=CONFIG.group_size,
        max_completion_length=CONFIG.max_new_tokens,
        learning_rate=0.0,
        beta=0.0,
        max_steps=1,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        shuffle_dataset=False,
    )
    clock = Clock()
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(checkpoints()[name]),
        processing_class=tokenizer,
        reward_funcs=right,
        args=settings,
        train_dataset=Dataset.from_dict({"prompt": list(by_prompt)}),
        callbacks=[clock],
    )
    trainer.remove_callback(transformers.PrinterCallback)

    def step(number: int) -> tuple[float, float]:
        torch.manual_seed(number)
        trainer.train()
        return clock.seconds, trainer.state.log_history[0]["completions/mean_length"]

    return step


def compare(name: str, rounds: int) -> None:
    """Print the ratio for one model."""
    with tempfile.TemporaryDirectory() as folder:
        mine, found = ours(name), {size: theirs(name, size, folder) for size in MICRO_BATCHES}
        mine(0)
        trial = {size: min(step(number)[0] for number in range(2)) for size, step in found.items()}
        fastest = min(trial, key=trial.__getitem__)
        print(f"{name}: TRL by micro-batch: " + ", ".join(f"{size} {spent:.1f} s" for size, spent in trial.items()))
        times, lengths = {"ours": [], "TRL": []}, {"ours": [], "TRL": []}
        for number in range(1, rounds + 1):
            for side, step in (("ours", mine), ("TRL", found[fastest])):
                spent, length = step(number)
                times[side].append(spent)
                lengths[side].append(length)
    median = {side: statistics.median(several) for side, several in times.items()}
    shown = ", ".join(
        f"{side} {median[side]:.2f} s ({min(times[side]):.2f} to {max(times[side]):.2f}; "
        f"{statistics.mean(lengths[side]):.0f} tokens a reply)"
        for side in median
    )
    print(f"{name}: {shown}: {median['TRL'] / median['ours']:.2f}x", flush=True)


def main() -> None:
    """Print a line a model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("models", nargs="*", default=["mini-base", "mini-zero"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print(f"{CONFIG.prompts} prompts x {CONFIG.group_size} completions, {options.threads} threads")
    for name in options.models:
        compare(name, options.rounds)


if __name__ == "__main__":
    main()
