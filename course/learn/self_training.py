"""Self-training: a model solves problems, keeps those of its solutions that end right, learns from them, and goes on.

STaR (Zelikman and others 2022, arXiv:2203.14465) draws one solution greedily and learns from it if its answer is right;
what it fails at, it may solve again with the right answer in the question (*rationalization*), and then learns that
solution as if it had been found without the hint. ReST-EM (Singh and others 2024, arXiv:2312.06585) draws several at a
temperature, keeps at most ten a problem, and rationalizes nothing. Both restart from the first weights in each round.

Departures:
1. The model has learned to write solutions (and to use a hint) from a few worked ones; STaR shows it examples.
2. A round reads what was kept `epochs` times; STaR's rounds take 20 % more steps each.
3. No optimizer is carried from round to round: each has a warm-up and a decay of its own.
4. `restart=False` goes on from the weights of the round before.
What is not covered: a checkpoint to take a run up from. A round takes seconds.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from torch import nn

from course.learn.distillation import as_examples, distinct, ends_right, worked_solutions
from course.learn.monitoring import slips
from course.learn.settings import between, whole
from course.learn.sft import TrainingExample, imitation_loss, pack, shuffled_batches
from course.learn.training import LARGEST, TrainingConfig, naming_step, step_seed, train
from course.think.evaluation import mean
from course.think.rollouts import Rollout, sample_groups
from course.world import FAMILIES, Problem
from course.world.answers import steps

Hint = Callable[[Problem], str]  # the question with the right answer in it
KINDS = ("sound", "wrong line", "stops early", "no line")  # of replies that end right

# --- right, but for which reason? ---------------------------------------------------------------------------------


def reason(one: Rollout) -> str:
    """Why a reply that ends right is right, by the oracle: one of `KINDS`.

    `sound`: every line is right, or done again rightly in the next one, and the answer is what they come to. `wrong
    line`: one is wrong and stays so. `stops early`: its lines are right, but do not come to the answer. `no line`: it
    only answers. All but the first are false positives. Raises ValueError for a reply that ends wrong.
    """
    if not one.right:
        raise ValueError("this reply ends wrong: only right answers can have a wrong reason")
    lines, (wrong, mended) = steps(one.reply.reasoning), slips(one)
    if not lines:
        return "no line"
    if wrong > mended:
        return "wrong line"
    return "sound" if FAMILIES[one.problem.family].leads_to(one.problem, lines, one.reply.answer) else "stops early"


def is_sound(one: Rollout) -> bool:
    """Whether a reply ends right for the right reason: a filter that nobody has for real problems."""
    return one.right and reason(one) == "sound"


def false_positives(kept: Sequence[Rollout]) -> float:
    """Of replies that end right, the share whose reason is wrong or missing; not a number if there are none."""
    return mean([not is_sound(one) for one in kept])


# --- solutions to learn from --------------------------------------------------------------------------------------


def hinted(problem: Problem) -> str:
    """The question with the answer behind it.

    >>> from course.world.sums import ask
    >>> hinted(ask((2, 3)))
    'What is 2+3? Hint: 5.'
    """
    return f"{problem.question} Hint: {problem.answer}."


def rationalize(
    model: nn.Module, tokenizer, problems: Sequence[Problem], hint: Hint = hinted, **sampling
) -> list[list[Rollout]]:
    """Replies to problems whose answer stands in the question. What comes back belongs to the questions without it.

    `sampling` is what `sample_groups` takes.
    """
    asked = [replace(one, question=hint(one)) for one in problems]
    drawn = sample_groups(model, tokenizer, asked, **sampling)
    return [[replace(one, problem=own) for one in several] for own, several in zip(problems, drawn, strict=True)]


def capped(kept: Sequence[Rollout], most: int) -> list[Rollout]:
    """At most `most` replies to each problem, the first: easy ones would crowd out the others.

    Raises ValueError for less than one.
    """
    if most < 1:
        raise ValueError(f"at least one solution of a problem is kept: found most={most}")
    counts: dict[str, int] = {}
    chosen = []
    for one in kept:
        counts[one.problem.key] = counts.get(one.problem.key, 0) + 1
        if counts[one.problem.key] <= most:
            chosen.append(one)
    return chosen


# --- the loop -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SelfTrainingConfig:
    """How many rounds, what is drawn in each, and how what was kept is learned."""

    rounds: int = 6
    samples: int = 1  # replies to a problem
    temperature: float = 0.0  # of sampling; 0 is greedy, as in STaR
    most: int = 4  # solutions of a problem that are learned in a round
    max_new_tokens: int = 160  # of a reply
    epochs: float = 2.0  # how often a round reads what it kept
    rows: int = 4  # of packed examples a step
    length: int = 200  # tokens of a row
    learning_rate: float = 2e-3
    restart: bool = True  # each round from the first weights; else from those of the round before
    seed: int = 0

    def __post_init__(self) -> None:
        whole(self, 1, "rounds", "samples", "most", "max_new_tokens", "rows")
        whole(self, 2, "length")
        whole(self, 0, "seed")
        between(self, 0, LARGEST, "temperature", "learning_rate")
        between(self, 0, LARGEST, "epochs", least_too=False)


def self_train(
    model: nn.Module,
    tokenizer,
    problems: Callable[[int], Sequence[Problem]],
    config: SelfTrainingConfig = SelfTrainingConfig(),
    *,
    keep: Callable[[Rollout], bool] = ends_right,
    hint: Hint | None = None,
) -> Iterator[dict]:
    """Train in place, yielding statistics and what was `kept` after each round.

    `problems(number)` are those of a round, from 0. With a `hint`, problems of which no reply is kept are asked again
    with their answer in the question; what is learned is asked without it. Each dictionary holds `step` and `steps`
    (rounds), `right` (of the replies drawn without a hint), `kept` (those that are learned), `hinted` (how many of them
    were found with a hint), `false_positives` (a share of those kept), and the last `loss` in nats.

    Stop after any round: the model keeps what it has learned. Raises ValueError, naming the round, if a round keeps too
    little to fill one step, and as `train` does.
    """
    start = copy.deepcopy(model.state_dict()) if config.restart else None
    for number in range(config.rounds):
        model.eval()
        drawn, kept, rationalized = solve(model, tokenizer, problems(number), config, number, keep, hint)
        learned = [*kept, *rationalized]
        if start is not None:
            model.load_state_dict(start)
        with naming_step(number + 1):
            loss = learn(model, as_examples(tokenizer, learned), config, number)
        yield {
            "step": number + 1,
            "steps": config.rounds,
            "right": mean([one.right for one in drawn]),
            "kept": learned,
            "hinted": len(rationalized),
            "false_positives": false_positives([one for one in learned if one.right]),
            "loss": loss,
        }


def solve(
    model: nn.Module,
    tokenizer,
    problems: Sequence[Problem],
    config: SelfTrainingConfig,
    number: int,
    keep: Callable[[Rollout], bool],
    hint: Hint | None,
) -> tuple[list[Rollout], list[Rollout], list[Rollout]]:
    """What a round draws without a hint, what of it is kept, and what is kept of the solutions found with one."""
    sampling = {
        "samples": config.samples,
        "temperature": config.temperature,
        "max_new_tokens": config.max_new_tokens,
        # The seed must change with every round, or a problem that comes again gets the same luck.
        "seed": step_seed(config.seed, number),
    }
    groups = sample_groups(model, tokenizer, problems, **sampling)
    unsolved = [one for one, several in zip(problems, groups, strict=True) if not any(map(keep, several))]
    again = rationalize(model, tokenizer, unsolved, hint, **sampling) if hint and unsolved else []
    kept, rationalized = (
        capped(distinct([one for several in found for one in several if keep(one)]), config.most)
        for found in (groups, again)
    )
    return [one for several in groups for one in several], kept, rationalized


def learn(model: nn.Module, examples: Sequence[TrainingExample], config: SelfTrainingConfig, number: int) -> float:
    """Imitate examples `epochs` times; the last step's loss in nats."""
    batch = shuffled_batches(examples, config.rows, config.length, step_seed(config.seed, number))
    steps = max(1, round(config.epochs * len(pack(examples, config.length)) / config.rows))
    settings = {"learning_rate": config.learning_rate, "warmup": min(10, steps), "seed": config.seed}
    training = TrainingConfig(steps, config.rows, config.length, decay=0.5, weight_decay=0.01, **settings)
    return list(train(model, batch, training, loss=imitation_loss))[-1]["loss"]


def few_solutions(tokenizer, problems: Sequence[Problem], hint: Hint | None = None) -> list[TrainingExample]:
    """The world's own solutions of these problems to begin with; with a `hint`, each a second time behind it."""
    ways = [problems] if hint is None else [problems, [replace(one, question=hint(one)) for one in problems]]
    return [example for several in ways for example in worked_solutions(tokenizer, several)]
