"""Exercises of chapter 3: routing weights, a router without a gradient, expert load, and the selection bias."""

import math

from course.teach.exercises import Exercise, Mistake

# --- routing weights ----------------------------------------------------------------------------------------------


def top_k_weights(logits: list[float], k: int) -> list[float]:
    """A softmax over the k largest logits, 0 for all others; of equal logits, the first is chosen."""
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
    """How far the largest load exceeds the mean load, relative to the mean."""
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
    """The biases, raised by `speed` where the load is below the mean and lowered by `speed` where it is above."""
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
    """The normalized scores of the k experts with the largest score plus bias; 0 for all others."""
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
        title="Compute routing weights",
        text="A router gives each expert a score, its logit. Write top_k_weights(logits, k), which returns a list with "
        "a weight for every expert. The weights of the k experts with the largest logits are the softmax of their "
        "logits and add up to 1; all others are 0.0.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "First find which k experts are chosen; then ignore the logits of the others.",
            "The weight of a chosen expert is exp(its logit) over the sum of exp(logit) of the chosen ones.",
        ),
        reference=top_k_weights,
        inputs=_LOGITS,
        mistakes=(
            Mistake(
                _of_all,
                "Your softmax runs over all experts, so the weights of the chosen ones do not add up to 1. (Switch "
                "does this on purpose; you will soon see why.)",
            ),
            Mistake(
                _zeros_in_the_softmax,
                "You set the other logits to 0 before the softmax, but exp(0) is 1, so those experts still get a "
                "weight. Minus infinity would work.",
            ),
            Mistake(_only_the_chosen, "The weights are right, but the list must have one number for every expert."),
            Mistake(
                _equal_shares, "All chosen experts get the same weight, so the router cannot say how much each counts."
            ),
        ),
    ),
    Exercise(
        "moe.predict_top_one",
        title="Predict a gradient",
        text="Each token uses one expert (k = 1), with the weights of the previous exercise: a softmax over the chosen "
        "experts. The loss is computed from the layer's output. Which gradient does the router get?\n\n"
        "Answer 'A': an ordinary gradient, as any layer does. 'B': a gradient for the chosen expert's logit only. "
        "'C': none; it is exactly zero. 'D': a gradient that raises all logits.",
        difficulty=3,
        importance=5,
        minutes=4,
        hints=("What is the softmax of a single number?", "How does that weight change if the logit changes a little?"),
        reference="C",
        why="The softmax of a single number is 1, whatever the number. The output does not depend on the logits, so "
        "the router gets no gradient and keeps its initial weights.",
        mistakes=(
            Mistake("A", "It would if the weight depended on the logits. Work it out for one chosen expert."),
            Mistake("B", "The other experts indeed get no gradient. But look at the weight of the chosen one, too."),
            Mistake("D", "The weight is the same for all logits, so nothing raises them."),
        ),
    ),
    Exercise(
        "moe.max_violation",
        title="How uneven is the load?",
        text="Expert 0 processed load[0] tokens, expert 1 processed load[1], and so on. Write max_violation(load): how "
        "far the largest load exceeds the mean load, relative to the mean. It is 0 if all loads are equal, and 1 if "
        "the busiest expert has twice the mean.",
        difficulty=1,
        importance=4,
        minutes=5,
        hints=(
            "The mean load is the sum divided by the number of experts.",
            "Only the busiest expert matters: all others wait for it.",
        ),
        reference=max_violation,
        inputs=_LOADS,
        mistakes=(
            Mistake(_without_minus_one, "That is the largest load divided by the mean; balanced should be 0, not 1."),
            Mistake(_share_of_all, "That is its share of all tokens, which depends on how many experts there are."),
            Mistake(
                _either_side,
                "You also count experts far below the mean. An idle expert wastes memory; a busy one makes all wait.",
            ),
            Mistake(
                _from_top_to_bottom,
                "You measure from the largest load to the smallest; measure from the largest to the mean.",
            ),
        ),
    ),
    Exercise(
        "moe.nudge",
        title="Update the selection bias",
        text="Write nudge(bias, load, speed), which returns the biases after one step of balancing. If an expert "
        "processed fewer tokens than the mean, its bias rises by speed; if it processed more, its bias falls by speed; "
        "if it processed exactly the mean, its bias stays the same.",
        difficulty=2,
        importance=4,
        minutes=8,
        hints=(
            "What should happen to the bias of an expert that nobody chooses?",
            "The step has the same size for all experts: only the sign of mean - load matters.",
        ),
        reference=nudge,
        inputs=_NUDGED,
        mistakes=(
            Mistake(_the_wrong_way, "The sign is wrong: busy experts get busier, and soon two experts do everything."),
            Mistake(
                _as_far_as_it_is_off,
                "Your step grows with the distance from the mean. With thousands of tokens per batch it would be huge; "
                "only the sign is used.",
            ),
            Mistake(_from_zero, "You dropped the old bias: the steps add up."),
            Mistake(_busiest_and_idlest, "All biases change, not only those of the busiest and the idlest expert."),
        ),
    ),
    Exercise(
        "moe.mend_bias",
        title="Diagnose a bias that spoils the loss",
        text="Somebody's balancing works: the load is even. But the loss gets worse the longer the biases are updated. "
        "The code chooses the k experts with the largest scores + bias and divides their scores + bias by the sum of "
        "these.\n\n"
        "Write weights(scores, bias, k) as it should be: a list with a weight for every expert, 0.0 for those that are "
        "not chosen.",
        difficulty=3,
        importance=5,
        minutes=8,
        hints=(
            "What is the bias for: to decide which expert works, or how much its output counts?",
            "Choose by scores plus bias; compute the weights from the scores alone.",
        ),
        reference=weights,
        inputs=_SCORED,
        mistakes=(
            Mistake(
                _bias_weighs,
                "That is the broken code: an expert whose bias was raised also counts more, although the router does "
                "not score it any higher.",
            ),
            Mistake(_bias_forgotten, "Now the bias does nothing: it must take part in the choice."),
            Mistake(_not_made_to_add_up, "The choice is right; the weights of the chosen should add up to 1."),
        ),
    ),
)
