"""What asking differently can do: examples, cues, votes (chapter 2)."""

from collections.abc import Sequence
from functools import partial

from course.experiments import Experiment, Findings, progress
from course.model import load
from course.think.evaluation import (
    Estimate,
    accuracy,
    estimate,
    expected_vote,
    marks,
    paired_comparison,
    profile,
    vote_at_k,
)
from course.think.prompting import STEP_BY_STEP, direct, draw_examples, few_shot, step_by_step
from course.think.rollouts import Ask, Rollout, sample_groups, sample_rollouts
from course.world import FAMILIES, draw_problems
from course.world.corpus import CUES

POINTS = 0.25  # what "Let's think step by step" has to add, on cups and on sums
MOST_EXAMPLES = 3  # four worked searches do not fit the context
SAMPLES = 64  # of each problem; half of them say which votes will be lost, the others are counted
VOTES = (1, 2, 4, 8, 16)
UNREAD = "Abrakadabra!"  # a cue that the small web does not hold


def examples(seeds: int, problems: int) -> Findings:
    """No to three examples in the prompt, worked out or answered directly."""
    model, tokenizer = load("mini-base")
    figures, found = {}, {}
    for family in progress(list(FAMILIES), "families"):
        asked = draw_problems(family, problems, split="test")
        for style in ("worked", "direct"):
            for n in range(MOST_EXAMPLES + 1):
                found[family, style, n] = sample_rollouts(
                    model, tokenizer, asked, shots(family, n, style == "worked"), seed=7
                )
        figures[family] = {
            style: [
                {"accuracy": accuracy(marks(several)), "thinks": accuracy([one.thought for one in several])}
                for several in (found[family, style, n] for n in range(MOST_EXAMPLES + 1))
            ]
            for style in ("worked", "direct")
        }
    comparisons = {
        f"{family}: two {style} examples against none": paired_comparison(
            *(marks(found[family, style, n]) for n in (0, 2))
        )
        for family in FAMILIES
        for style in ("worked", "direct")
    }
    after_two = [[figures[family][style][2]["thinks"] for style in ("worked", "direct")] for family in FAMILIES]
    return Findings(figures, comparisons, all(one.interval[0] > other.interval[1] for one, other in after_two))


def shots(family: str, n: int, worked: bool) -> Ask:
    """A way to ask with `n` examples of a family before the question."""
    return partial(few_shot, examples=draw_examples(family, n, worked=worked)) if n else direct


def cues(seeds: int, problems: int) -> Findings:
    """Plain, and with each of six cues behind the question: share right, share that thought, tokens; greedy beside."""
    model, tokenizer = load("mini-base")
    asked = {family: draw_problems(family, problems, split="test") for family in FAMILIES}
    ways: dict[str, Ask] = {"plain": direct, **{cue: partial(step_by_step, cue=cue) for cue in (*CUES, UNREAD)}}
    found = {
        way: {family: sample_rollouts(model, tokenizer, asked[family], ask, seed=7) for family in FAMILIES}
        for way, ask in progress(list(ways.items()), "cues")
    }
    for way in ("plain", STEP_BY_STEP):
        settings = {"temperature": 0, "seed": 7}
        greedy = {
            family: sample_rollouts(model, tokenizer, asked[family], ways[way], **settings) for family in FAMILIES
        }
        found[f"{way} (greedy)"] = greedy
    comparisons = {
        f"{family}{heat}: step by step against plain": paired_comparison(
            marks(found[f"plain{heat}"][family]), marks(found[f"{STEP_BY_STEP}{heat}"][family])
        )
        for heat in ("", " (greedy)")
        for family in FAMILIES
    }
    figures = {way: {family: profile(one[family]) for family in FAMILIES} for way, one in found.items()}
    gains = [comparisons[f"{family}: step by step against plain"] for family in ("cups", "sums")]
    holds = all(one.difference >= POINTS and one.verdict == "better" for one in gains)
    return Findings(figures, comparisons, holds)


def votes(seeds: int, problems: int) -> Findings:
    """Votes of 1 to 16 samples, asked step by step; and votes on decimals with a direct prompt, won and lost."""
    model, tokenizer = load("mini-base")
    curves, comparisons = {}, {}
    for family in progress(list(FAMILIES), "families"):
        asked = draw_problems(family, problems, split="test")
        found = sample_groups(model, tokenizer, asked, step_by_step, samples=SAMPLES // 2, seed=7)
        curves[family] = {k: [vote(several, k) for several in found] for k in VOTES}
        comparisons[f"{family}: the vote of 16 against one sample"] = paired_comparison(
            curves[family][1], curves[family][16]
        )
    figures = {"step by step": {family: means(curve) for family, curve in curves.items()}}
    asked = draw_problems("decimals", problems, split="test")
    lost = lost_votes(sample_groups(model, tokenizer, asked, direct, samples=SAMPLES, seed=7))
    figures["decimals asked plainly"] = {name: means(curve) for name, curve in lost.items()} | {
        "problems": {name: len(curve[1]) for name, curve in lost.items()}
    }
    worse = paired_comparison(lost["wrong mode, observed"][1], lost["wrong mode, observed"][16])
    comparisons["decimals asked plainly, the commonest answer wrong: the vote of 16 against one sample"] = worse
    gains = [comparisons[f"{family}: the vote of 16 against one sample"].verdict for family in FAMILIES]
    return Findings(figures, comparisons, worse.verdict == "worse" and gains.count("better") >= 3)


def lost_votes(found: Sequence[Sequence[Rollout]]) -> dict[str, dict[int, list[float]]]:
    """Votes predicted from the first half of each problem's samples, and observed on the second half.

    The problems are split by a rule: whether the most common answer of the first half is wrong, or right. To choose by
    the same samples that are then counted would make luck look like a rule.
    """
    curves: dict[str, dict[int, list[float]]] = {}
    for several in found:
        first, second = several[: len(several) // 2], several[len(several) // 2 :]
        answers, right, shares = poll(first)
        mode = "right mode" if right[max(range(len(shares)), key=shares.__getitem__)] else "wrong mode"
        for kind in ("predicted", "observed"):
            curve = curves.setdefault(f"{mode}, {kind}", {k: [] for k in VOTES})
            for k in VOTES:
                curve[k].append(expected_vote(shares, right, k) if kind == "predicted" else vote(second, k))
    return curves


def poll(answered: Sequence[Rollout]) -> tuple[list[str], list[bool], list[float]]:
    """The different answers to one problem, whether each is right, and its share of all replies.

    Raises ValueError if no reply has an answer.
    """
    marked = {one.vote: one.right for one in answered if one.vote is not None}
    if not marked:
        raise ValueError("nobody answered: there is nothing to count")
    given = [one.vote for one in answered]
    return list(marked), list(marked.values()), [given.count(kind) / len(given) for kind in marked]


def vote(answered: Sequence[Rollout], k: int) -> float:
    """The chance that the majority of k of these replies to one problem is right."""
    return vote_at_k([one.vote for one in answered], marks(answered), k)


def means(curve: dict[int, list[float]]) -> dict[int, Estimate]:
    """The mean over problems at each number of samples, with its interval."""
    return {k: estimate(values) for k, values in curve.items()}


EXPERIMENTS = (
    Experiment(
        "examples",
        claim="Examples in the prompt set the format of the reply, and with worked ones the model works it out (C4).",
        falsified_if="after two worked examples it does not think more often than after two direct ones, in any family",
        run=examples,
        settings={"examples": MOST_EXAMPLES},
    ),
    Experiment(
        "cues",
        claim='"Let\'s think step by step" is a cue that was read, and other cues do less (C5).',
        falsified_if=f"it adds less than {POINTS:.0%} on cups or on sums, or the verdict is not better",
        run=cues,
    ),
    Experiment(
        "votes",
        claim="A vote gets what most samples say: more right answers where most are right, fewer where not (C32).",
        falsified_if="16 samples are better than one in fewer than three families, or a vote whose most common "
        "answer is wrong does not get worse",
        run=votes,
        problems=200,
        settings={"samples": SAMPLES, "votes": VOTES},
    ),
)
