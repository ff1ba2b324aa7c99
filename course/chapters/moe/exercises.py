"""Exercises of chapter 3: weights of the chosen, a router without a gradient, load, and a bias that must not weigh."""

import math

from course.teach.exercises import Exercise, Mistake

# --- the weights of the chosen ------------------------------------------------------------------------------------


def top_k_weights(logits: list[float], k: int) -> list[float]:
    """A softmax over the k largest logits, 0 for all others; of equal ones the first is chosen."""
    chosen = sorted(range(len(logits)), key=lambda expert: -logits[expert])[:k]
    total = sum(math.exp(logits[expert]) for expert in chosen)
    return [math.exp(logit) / total if expert in chosen else 0.0 for expert, logit in enumerate(logits)]


def _chosen(logits, k):
    return sorted(range(len(logits)), key=lambda expert: -logits[expert])[:k]


def _of_all(logits, k):
    total = sum(map(math.exp, logits))
    return [math.exp(z) / total if e in _chosen(logits, k) else 0.0 for e, z in enumerate(logits)]


def _zeros_in_the_softmax(logits, k):
    kept = [z if e in _chosen(logits, k) else 0.0 for e, z in enumerate(logits)]
    total = sum(map(math.exp, kept))
    return [math.exp(z) / total for z in kept]


def _only_the_chosen(logits, k):
    total = sum(math.exp(logits[e]) for e in _chosen(logits, k))
    return [math.exp(logits[e]) / total for e in _chosen(logits, k)]


def _equal_shares(logits, k):
    return [1 / k if e in _chosen(logits, k) else 0.0 for e in range(len(logits))]


_LOGITS = (([1.0, 0.0], 1), ([0.0, 2.0, 1.0], 2), ([1.0, 3.0, 2.0, -1.0], 2), ([0.5, -0.5, 0.0, 2.0, 1.0], 3))

# --- how uneven the load is ---------------------------------------------------------------------------------------


def max_violation(load: list[int]) -> float:
    """How far the busiest expert stands above the mean, as a share of the mean."""
    return max(load) / (sum(load) / len(load)) - 1


def _without_minus_one(load):
    return max(load) / (sum(load) / len(load))


def _share_of_all(load):
    return max(load) / sum(load)


def _either_side(load):
    mean = sum(load) / len(load)
    return max(abs(n - mean) for n in load) / mean


def _from_top_to_bottom(load):
    return (max(load) - min(load)) / (sum(load) / len(load))


_LOADS = (
    ([4, 4],),
    ([6, 2],),
    ([5, 2, 1],),
    ([4, 1, 2],),
    ([20, 0, 0, 0],),
    ([5, 5, 5, 1],),
    ([30, 10, 12, 8, 20, 40],),
)

# --- one step of the bias -----------------------------------------------------------------------------------------


def nudge(bias: list[float], load: list[int], speed: float) -> list[float]:
    """Every bias one step of `speed` up where the load is below the mean, down where it is above."""
    mean = sum(load) / len(load)
    return [b + speed * ((n < mean) - (n > mean)) for b, n in zip(bias, load, strict=True)]


def _the_wrong_way(bias, load, speed):
    mean = sum(load) / len(load)
    return [b - speed * ((n < mean) - (n > mean)) for b, n in zip(bias, load, strict=True)]


def _as_far_as_it_is_off(bias, load, speed):
    mean = sum(load) / len(load)
    return [b + speed * (mean - n) for b, n in zip(bias, load, strict=True)]


def _from_zero(bias, load, speed):
    mean = sum(load) / len(load)
    return [speed * ((n < mean) - (n > mean)) for n in load]


def _busiest_and_idlest(bias, load, speed):
    return [b + speed * ((n == min(load)) - (n == max(load))) for b, n in zip(bias, load, strict=True)]


_NUDGED = (
    ([0.0, 0.0], [5, 5], 0.1),
    ([0.0, 0.0], [8, 2], 0.1),
    ([0.0, 0.0], [4, 3], 0.1),
    ([0.3, -0.1, 0.0], [9, 3, 3], 0.01),
    ([0.0, 0.2, 0.1, -0.4], [10, 2, 7, 5], 0.005),
)

# --- a bias that weighs -------------------------------------------------------------------------------------------


def weights(scores: list[float], bias: list[float], k: int) -> list[float]:
    """The best k by score plus bias; the weights are their scores alone, made to add up to 1; 0 for the others."""
    chosen = sorted(range(len(scores)), key=lambda expert: -(scores[expert] + bias[expert]))[:k]
    total = sum(scores[expert] for expert in chosen)
    return [score / total if expert in chosen else 0.0 for expert, score in enumerate(scores)]


def _by(values, k):
    return sorted(range(len(values)), key=lambda expert: -values[expert])[:k]


def _bias_weighs(scores, bias, k):
    both = [s + b for s, b in zip(scores, bias, strict=True)]
    total = sum(both[e] for e in _by(both, k))
    return [x / total if e in _by(both, k) else 0.0 for e, x in enumerate(both)]


def _bias_forgotten(scores, bias, k):
    total = sum(scores[e] for e in _by(scores, k))
    return [s / total if e in _by(scores, k) else 0.0 for e, s in enumerate(scores)]


def _not_made_to_add_up(scores, bias, k):
    both = [s + b for s, b in zip(scores, bias, strict=True)]
    return [s if e in _by(both, k) else 0.0 for e, s in enumerate(scores)]


_SCORED = (
    ([0.75, 0.25], [0.0, 0.0], 2),
    ([0.8, 0.6, 0.4], [-0.3, 0.0, 0.0], 2),
    ([0.9, 0.8, 0.3, 0.2], [-0.5, 0.0, 0.2, 0.9], 2),
)

EXERCISES = (
    Exercise(
        "moe.top_k_weights",
        title="Weigh the chosen",
        text="A router gives each expert a number, its logit. Write top_k_weights(logits, k): a list with a weight for "
        "every expert. The k experts with the largest logits share a weight of 1 by a softmax among them; all others "
        "get 0.0.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "First find which k experts are chosen; then forget the others' logits.",
            "The weight of a chosen expert is exp(its logit) over the sum of exp(logit) of the chosen ones.",
        ),
        reference=top_k_weights,
        inputs=_LOGITS,
        mistakes=(
            Mistake(
                _of_all,
                "Your softmax runs over all experts, so the weights of the chosen do not add up to 1. (Switch does it "
                "so, on purpose: soon you see why.)",
            ),
            Mistake(
                _zeros_in_the_softmax,
                "You set the others' logits to 0 before the softmax, but exp(0) is 1: they still get a weight. Minus "
                "infinity would do.",
            ),
            Mistake(_only_the_chosen, "The weights are right, but their places are lost: one number for every expert."),
            Mistake(_equal_shares, "You gave all chosen experts the same weight. Then the router cannot say how much."),
        ),
    ),
    Exercise(
        "moe.predict_top_one",
        title="Predict a gradient",
        text="One expert a token (k = 1), with the weights of the exercise before: a softmax over the chosen. The loss "
        "is computed from the layer's output. Which gradient does the router get?\n\n"
        "Answer 'A': one like any layer. 'B': one for the chosen expert's logit only. 'C': none, exactly zero. "
        "'D': one that pushes all logits up.",
        difficulty=3,
        importance=5,
        minutes=4,
        hints=("What is a softmax over a single number?", "How does that weight change if the logit changes a little?"),
        reference="C",
        why="A softmax over one number is 1, whatever the number. The output does not change with the logits, so no "
        "gradient comes back: the router stays as it was drawn at the beginning.",
        mistakes=(
            Mistake("A", "It would, if the weight depended on the logits. Work it out for one chosen expert."),
            Mistake("B", "Nearly: the others are cut off by the choice. But look at the chosen one's weight, too."),
            Mistake("D", "Nothing pushes: the weight is the same for all logits."),
        ),
    ),
    Exercise(
        "moe.max_violation",
        title="How uneven is the load?",
        text="Experts served load[0], load[1], ... tokens. Write max_violation(load): how far the busiest expert "
        "stands above the mean load, as a share of the mean. Balanced is 0; twice the mean is 1.",
        difficulty=1,
        importance=4,
        minutes=5,
        hints=(
            "The mean load is the sum over the number of experts.",
            "Only the busiest counts: everybody waits for it.",
        ),
        reference=max_violation,
        inputs=_LOADS,
        mistakes=(
            Mistake(_without_minus_one, "That is how many times the mean it serves; balanced should be 0, not 1."),
            Mistake(_share_of_all, "That is its share of all tokens, which depends on how many experts there are."),
            Mistake(
                _either_side,
                "You count an expert far below the mean as well. An idle one wastes memory; a busy one makes all wait.",
            ),
            Mistake(
                _from_top_to_bottom, "You measure from the busiest to the idlest; it is from the busiest to the mean."
            ),
        ),
    ),
    Exercise(
        "moe.nudge",
        title="Nudge a bias",
        text="Write nudge(bias, load, speed): the biases after one step of balancing. Where an expert served fewer "
        "tokens than the mean, its bias goes up by speed; where it served more, down by speed; where it served exactly "
        "the mean, it stays.",
        difficulty=2,
        importance=4,
        minutes=8,
        hints=(
            "What should happen to the bias of an expert that nobody chooses?",
            "The step has the same size for all: only the sign of mean - load counts.",
        ),
        reference=nudge,
        inputs=_NUDGED,
        mistakes=(
            Mistake(_the_wrong_way, "The wrong way round: the busy get busier, and soon two experts do everything."),
            Mistake(
                _as_far_as_it_is_off,
                "Your step grows with the distance. With thousands of tokens a batch it would be huge; the sign alone "
                "is used.",
            ),
            Mistake(_from_zero, "You forgot the bias there was: steps add up."),
            Mistake(_busiest_and_idlest, "All experts move, not only the busiest and the idlest."),
        ),
    ),
    Exercise(
        "moe.mend_bias",
        title="Diagnose a bias that spoils the loss",
        text="Somebody's balancing works: the load is even. But the loss gets worse the longer biases are updated. "
        "Their line reads: weights = (scores + bias) of the best k by scores + bias, over their sum.\n\n"
        "Write weights(scores, bias, k) as it should be: a weight for every expert, 0.0 for those not chosen.",
        difficulty=3,
        importance=5,
        minutes=8,
        hints=(
            "What was the bias made for: to say who works, or how much it counts?",
            "Choose by scores plus bias; weigh by scores alone.",
        ),
        reference=weights,
        inputs=_SCORED,
        mistakes=(
            Mistake(
                _bias_weighs,
                "That is the broken line: an expert that is nudged up to get work is also counted more, though the "
                "router thinks no better of it.",
            ),
            Mistake(_bias_forgotten, "Now the bias does nothing: it has to take part in the choice."),
            Mistake(_not_made_to_add_up, "The choice is right; the weights of the chosen should add up to 1."),
        ),
    ),
)
