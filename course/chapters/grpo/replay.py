"""One run of chapter 6, recorded: after each step, the shares of the batch and one sampled reply to one question.

`python -m course.chapters.grpo.replay` makes the recording anew, in about four minutes of one core. It is the run that
`mini-zero` comes from (seed 0), as far as rounding allows.
"""

import json
from collections.abc import Mapping
from importlib import resources

import torch

from course.learn.grpo import GRPOConfig, grpo
from course.model import generate, load
from course.teach.page import InPage
from course.teach.widgets import OWN
from course.think.prompting import direct
from course.think.rollouts import read_reply
from course.world import is_right

PROBLEM = OWN[0]  # of no split: it is never trained on
CONFIG = GRPOConfig()
FILE = resources.files("course.chapters.grpo") / "replay.json"


def record() -> dict:
    """Make the run and keep what is replayed of it: shares by step, and the replies wherever they change."""
    torch.set_num_threads(1)
    model, tokenizer = load("mini-base")
    prompt, shares, replies = direct(PROBLEM.question), {"right": [], "thinks": []}, []

    def ask(step: int) -> None:
        reply = generate(model, tokenizer, [prompt], seed=step)[0][0]
        read = read_reply(prompt, reply)
        one = {"thoughts": read.reasoning or "", "answer": read.answer or "", "right": is_right(PROBLEM, read.answer)}
        if not replies or one != {key: replies[-1][key] for key in one}:
            replies.append({"step": step, **one})

    ask(0)
    for stats in grpo(model, tokenizer, CONFIG):
        for name, values in shares.items():
            values.append(stats[name])
        ask(stats["step"])
    return {"question": PROBLEM.question, "shares": shares, "replies": replies}


def recording() -> Mapping:
    """The recording that comes with the course."""
    return json.loads(FILE.read_text(encoding="utf-8"))


class Replay(InPage):
    """The recorded run: play it, or move its slider, and watch the curves and the reply to one question change."""

    def __init__(self):
        kept = recording()
        names = {"right": "share right", "thinks": "share that thinks"}
        steps = list(range(CONFIG.steps))  # done before the batch was drawn
        axes = {"x": steps, "xlim": [0, CONFIG.steps - 1], "ylim": [0, 1]}
        axes |= {"xlabel": "steps of GRPO", "ylabel": "share of replies"}
        state = {"lines": {names[name]: values for name, values in kept["shares"].items()}, "axes": axes}
        state |= {"replies": kept["replies"], "question": kept["question"]}
        first, last = kept["replies"][0]["answer"], kept["replies"][-1]["answer"]
        text = f"Asked {kept['question']!r}, the model says {first} before the run and {last} after it."
        super().__init__("replay", state, still=f"<p>{text}</p>", text=text)


def main() -> None:
    """Record the run and write it down."""
    FILE.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
    print(f"recorded in {FILE}")


if __name__ == "__main__":
    main()
