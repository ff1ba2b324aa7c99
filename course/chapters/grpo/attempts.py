"""Attempts at the exercises of chapter 06: the solutions, the wrong answers people give, and what they are tried on."""

import math
import statistics

from course.world.answers import normalize

# --- better than its group? ---------------------------------------------------------------------------------------


def group_advantages(rewards: list[list[float]]) -> list[list[float]]:
    """How far each reward stands above its group's mean, in the group's standard deviations."""
    return [[(r - statistics.mean(group)) / (statistics.stdev(group) + 1e-4) for r in group] for group in rewards]


def divided_by_g(rewards):
    """With the standard deviation that divides by G."""
    return [[(r - statistics.mean(group)) / (statistics.pstdev(group) + 1e-4) for r in group] for group in rewards]


def over_the_batch(rewards):
    """With mean and standard deviation of the whole batch."""
    every = [r for group in rewards for r in group]
    return [[(r - statistics.mean(every)) / (statistics.stdev(every) + 1e-4) for r in group] for group in rewards]


def spread_of_the_batch(rewards):
    """With the standard deviation of the whole batch."""
    every = [r for group in rewards for r in group]
    return [[(r - statistics.mean(group)) / (statistics.stdev(every) + 1e-4) for r in group] for group in rewards]


def no_epsilon(rewards):
    """Without the small constant: a group of equal rewards divides by zero."""
    return [[(r - statistics.mean(group)) / statistics.stdev(group) for r in group] for group in rewards]


def not_a_number(rewards):
    """NaN for a group of equal rewards."""
    spreads = [statistics.stdev(group) for group in rewards]
    return [
        [(r - statistics.mean(group)) / spread if spread else math.nan for r in group]
        for group, spread in zip(rewards, spreads, strict=True)
    ]


def against_the_others(rewards):
    """Against the mean of the others, undivided: RLOO's."""
    return [[r - (sum(group) - r) / (len(group) - 1) for r in group] for group in rewards]


def centered(rewards):
    """Undivided: Dr. GRPO's."""
    return [[r - statistics.mean(group) for r in group] for group in rewards]


GROUPS = (
    ([[1.0, 0.0]],),
    ([[1.0, 1.0, 0.0, 0.0]],),
    ([[1.0, 1.0, 1.0, 1.0]],),
    ([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]],),
    ([[0.0, 0.5, 1.0], [0.2, 0.2, 0.2]],),
)

# --- how far may one batch push? ----------------------------------------------------------------------------------


def clipped_objective(new: float, old: float, advantage: float) -> float:
    """The smaller of two products with the advantage: of the ratio, and of the ratio clipped to between .8 and 1.2."""
    ratio = math.exp(new - old)
    return min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage)


def larger_if_negative(new, old, advantage):
    """The larger product where the advantage is negative."""
    ratio, kept = math.exp(new - old), min(max(math.exp(new - old), 0.8), 1.2)
    return (min if advantage >= 0 else max)(ratio * advantage, kept * advantage)


def clip_only(new, old, advantage):
    """The clipped product alone."""
    return min(max(math.exp(new - old), 0.8), 1.2) * advantage


def no_clip(new, old, advantage):
    """The product without a clip."""
    return math.exp(new - old) * advantage


def upside_down(new, old, advantage):
    """With the ratio upside down."""
    return clipped_objective(old, new, advantage)


def a_difference(new, old, advantage):
    """With the difference of log-probs for a ratio."""
    ratio = new - old
    return min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage)


def a_loss(new, old, advantage):
    """Minus the objective."""
    return -clipped_objective(new, old, advantage)


RATIOS = (
    (-1.0, -1.0, 1.0),
    (-1.0, -0.9, 1.0),
    (math.log(0.3), math.log(0.2), 1.0),
    (math.log(0.1), math.log(0.2), 1.0),
    (math.log(0.3), math.log(0.2), -1.0),
    (math.log(0.1), math.log(0.2), -1.0),
    (math.log(0.22), math.log(0.2), 2.0),
)

# --- a reward with holes ------------------------------------------------------------------------------------------


def strict_reward(text: str, truth: str, finished: bool) -> float:
    """1 if a reply ended by itself and its answer is exactly the truth, and 0 for everything else."""
    return float(finished and normalize(text.rpartition("</think>")[2]) == truth)


def something_for_trying(text, truth, finished):
    """A small reward for a wrong reply."""
    return 1.0 if strict_reward(text, truth, finished) else 0.05 if any(one.isdigit() for one in text) else 0.01


def the_broken_one(text, truth, finished):
    """The reward of the run that learns nothing."""
    return 1.0 if truth in text else 0.05 if any(one.isdigit() for one in text) else 0.01


def anywhere(text, truth, finished):
    """The truth anywhere in the text."""
    return float(finished and truth in text)


def truncated_too(text, truth, finished):
    """Truncated replies are rewarded as well."""
    return strict_reward(text, truth, True)


def thoughts_too(text, truth, finished):
    """The whole text is compared, thinking included."""
    return float(finished and normalize(text) == truth)


REPLIES = (
    ("12", "12", True),
    ("7", "12", True),
    ("", "12", True),
    ("I do not know", "12", True),
    ("3+9=12", "12", True),
    ("12", "12", False),
    ("<think>5+7=12\n</think>12", "12", True),
    ("<think>5+7=12\n</think>13", "12", True),
    ("<think>5+7=12", "12", False),
    ("10 11 12 13", "12", True),
    ("10 11 12", "12", True),
    ("12 or 13", "12", True),
    ("<think>5+7=12\n</think> 12. ", "12", True),
)
