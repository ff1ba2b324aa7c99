"""Exercises of chapter 6: advantages, the clip, a KL that pulls, lengths that do not matter, a reward with holes."""

import math
import statistics

from course.teach.exercises import Exercise, Mistake
from course.world.answers import normalize

# --- better than its group? ---------------------------------------------------------------------------------------


def group_advantages(rewards: list[list[float]]) -> list[list[float]]:
    """How far each reward stands above its group's mean, in the group's standard deviations."""
    return [[(r - statistics.mean(group)) / (statistics.stdev(group) + 1e-4) for r in group] for group in rewards]


def _divided_by_g(rewards):
    return [[(r - statistics.mean(group)) / (statistics.pstdev(group) + 1e-4) for r in group] for group in rewards]


def _over_the_batch(rewards):
    every = [r for group in rewards for r in group]
    return [[(r - statistics.mean(every)) / (statistics.stdev(every) + 1e-4) for r in group] for group in rewards]


def _spread_of_the_batch(rewards):
    every = [r for group in rewards for r in group]
    return [[(r - statistics.mean(group)) / (statistics.stdev(every) + 1e-4) for r in group] for group in rewards]


def _no_epsilon(rewards):
    return [[(r - statistics.mean(group)) / statistics.stdev(group) for r in group] for group in rewards]


def _not_a_number(rewards):
    spreads = [statistics.stdev(group) for group in rewards]
    return [
        [(r - statistics.mean(group)) / spread if spread else math.nan for r in group]
        for group, spread in zip(rewards, spreads, strict=True)
    ]


def _against_the_others(rewards):
    return [[r - (sum(group) - r) / (len(group) - 1) for r in group] for group in rewards]


def _centered(rewards):
    return [[r - statistics.mean(group) for r in group] for group in rewards]


_GROUPS = (
    ([[1.0, 0.0]],),
    ([[1.0, 1.0, 0.0, 0.0]],),
    ([[1.0, 1.0, 1.0, 1.0]],),
    ([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]],),
    ([[0.0, 0.5, 1.0], [0.2, 0.2, 0.2]],),
)

# --- how far may one batch push? ----------------------------------------------------------------------------------


def clipped_objective(new: float, old: float, advantage: float) -> float:
    """The smaller of the two: the ratio times the advantage as it is, and with the ratio kept between .8 and 1.2."""
    ratio = math.exp(new - old)
    return min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage)


def _larger_if_negative(new, old, advantage):
    ratio, kept = math.exp(new - old), min(max(math.exp(new - old), 0.8), 1.2)
    return (min if advantage >= 0 else max)(ratio * advantage, kept * advantage)


def _clip_only(new, old, advantage):
    return min(max(math.exp(new - old), 0.8), 1.2) * advantage


def _no_clip(new, old, advantage):
    return math.exp(new - old) * advantage


def _upside_down(new, old, advantage):
    return clipped_objective(old, new, advantage)


def _a_difference(new, old, advantage):
    ratio = new - old
    return min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage)


def _a_loss(new, old, advantage):
    return -clipped_objective(new, old, advantage)


_RATIOS = (
    (-1.0, -1.0, 1.0),
    (-1.0, -0.9, 1.0),
    (math.log(0.3), math.log(0.2), 1.0),
    (math.log(0.1), math.log(0.2), 1.0),
    (math.log(0.3), math.log(0.2), -1.0),
    (math.log(0.1), math.log(0.2), -1.0),
    (math.log(0.22), math.log(0.2), 2.0),
)

# --- a reward with holes ------------------------------------------------------------------------------------------


def paid(text: str, truth: str, finished: bool) -> float:
    """1 for exactly the truth at the end of a reply that came to its end, and 0 for everything else."""
    return float(finished and normalize(text.rpartition("</think>")[2]) == truth)


def _something_for_trying(text, truth, finished):
    return 1.0 if paid(text, truth, finished) else 0.05 if any(one.isdigit() for one in text) else 0.01


def _the_broken_one(text, truth, finished):
    return 1.0 if truth in text else 0.05 if any(one.isdigit() for one in text) else 0.01


def _anywhere(text, truth, finished):
    return float(finished and truth in text)


def _cut_off_too(text, truth, finished):
    return paid(text, truth, True)


def _thoughts_too(text, truth, finished):
    return float(finished and normalize(text) == truth)


_REPLIES = (
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

EXERCISES = (
    Exercise(
        "grpo.group_advantages",
        title="Better than its group",
        text="rewards holds a list for each prompt: what its completions were paid. Write group_advantages(rewards): "
        "each reward minus the mean of its group, divided by the group's standard deviation plus 0.0001. The standard "
        "deviation divides by G - 1, as statistics.stdev does.\n\n"
        "A group in which all got the same must give zeros.",
        difficulty=2,
        importance=5,
        minutes=10,
        hints=(
            "Go group by group. statistics.mean and statistics.stdev take a list.",
            "Add the 0.0001 to the standard deviation before you divide; then a group that agrees gives 0 / 0.0001.",
        ),
        reference=group_advantages,
        inputs=_GROUPS,
        mistakes=(
            Mistake(
                _divided_by_g,
                "Your standard deviation divides by G, as numpy's std does unless told ddof=1 (torch's divides by "
                "G - 1 unasked). In groups of four it makes advantages 15 % larger.",
            ),
            Mistake(
                _over_the_batch,
                "You took mean and spread over the whole batch. Then a wrong reply to an easy prompt may stand above "
                "the mean, and every reply to a hard one below it, so the group says nothing any more.",
            ),
            Mistake(
                _spread_of_the_batch,
                "The mean is the group's, the spread that of the batch. Some methods do that on purpose; asked for is "
                "the group's own.",
            ),
            Mistake(
                _no_epsilon,
                "Where all rewards of a group are equal you divide by zero. That happens in every batch, as soon as "
                "some prompts are easy.",
            ),
            Mistake(
                _not_a_number,
                "Where all rewards of a group are equal you give not-a-number. One of these in a batch, and after the "
                "step every weight of the model is one.",
            ),
            Mistake(
                _against_the_others,
                "You compare each with the mean of the others and do not divide: that is RLOO, unbiased and fine, but "
                "not what was asked.",
            ),
            Mistake(_centered, "You did not divide by the standard deviation: that is Dr. GRPO's advantage."),
        ),
    ),
    Exercise(
        "grpo.clipped_objective",
        title="No further than the clip",
        text="new and old are log-probs of one token, now and when it was drawn. Write "
        "clipped_objective(new, old, advantage), which training makes large: with ratio = new probability over old, "
        "the smaller of ratio * advantage and the same with the ratio kept between 0.8 and 1.2.",
        difficulty=3,
        importance=5,
        minutes=10,
        hints=(
            "A ratio of probabilities is the exponential of a difference of log-probs.",
            "The smaller of the two for advantages of either sign. Try ratio 1.5 with advantage -1 on paper.",
        ),
        reference=clipped_objective,
        inputs=_RATIOS,
        mistakes=(
            Mistake(
                _larger_if_negative,
                "You take the larger one where the advantage is negative. A published course did so. A bad token that "
                "got likelier (ratio 1.5) is then let off, and one that got rarer is pushed down without end.",
            ),
            Mistake(
                _clip_only,
                "You only clip. Then a good token that got rarer by more than a fifth has no gradient, and no way "
                "back: the minimum leaves that way open.",
            ),
            Mistake(_no_clip, "Nothing is clipped: one batch may push a token as far as it likes."),
            Mistake(
                _upside_down,
                "Your ratio is upside down, old over new: making a good token likelier would lower the objective.",
            ),
            Mistake(_a_difference, "new and old are logarithms: their difference is the ratio's logarithm."),
            Mistake(_a_loss, "That is the loss, minus the objective. Asked for is what training makes large."),
        ),
    ),
    Exercise(
        "grpo.kl_that_pulls",
        title="Which of them pulls?",
        text="You want the model to stay close to a reference, so you add one of these to the loss of each token it "
        "drew, with u = reference probability over model probability, and differentiate: k1 = -log u, "
        "k2 = (log u)**2 / 2, k3 = u - 1 - log u. Averaged over what the model draws, all of k1 and k3 have the right "
        "value, KL(model, reference).\n\n"
        "Which one has, on average, the gradient of KL(model, reference)? Answer 'k1', 'k2', 'k3' or 'k1 and k3'.",
        difficulty=4,
        importance=3,
        minutes=8,
        hints=(
            "The derivative of k1 with respect to the weights is the derivative of log model(token). What is its mean "
            "over tokens that the model draws?",
            "That mean is zero, since probabilities always sum to one. So k1 is out. For k2, the derivative is "
            "log(model / reference) times that of log model(token).",
        ),
        reference="k2",
        why="Its derivative is log(model / reference) * d log model, whose mean is the gradient of KL(model, "
        "reference). That of k1 is zero on average, pure noise; that of k3, GRPO's, is the gradient of "
        "KL(reference, model), the other way round.",
        mistakes=(
            Mistake(
                "k1",
                "Its value is right, but its gradient is that of log model(token), and over tokens the model draws "
                "that is zero on average. As a loss it is noise; in the reward it would do.",
            ),
            Mistake(
                "k3",
                "That is what GRPO uses, and it does pull to the reference, but with the gradient of KL(reference, "
                "model), the other way round.",
            ),
            Mistake(
                "k1 and k3",
                "They have the right value. A gradient is another matter: the tokens that were drawn do not move when "
                "you differentiate, though their probabilities do.",
            ),
        ),
    ),
    Exercise(
        "grpo.predict_length",
        title="Predict two lengths",
        text="A model begins with a or with b and then babbles; how long does not matter, replies with a are right, "
        "and both kinds are equally long. It is trained by a GRPO whose loss is the mean over replies of the mean over "
        "the tokens of each. What happens to the lengths?\n\n"
        "'A': nothing, as length is of no use. 'B': both get longer. 'C': right ones get shorter, wrong ones longer. "
        "'D': right ones get longer, wrong ones shorter.",
        difficulty=3,
        importance=4,
        minutes=4,
        hints=(
            "Each reply gets the same weight, shared out among its tokens. How much does one token of a short reply "
            "get, how much one of a long reply?",
            "A short right reply is praised strongly, a long wrong one hardly blamed.",
        ),
        reference="C",
        why="A token of a short reply counts more. So of the right ones it learns most from the short, and of the "
        "wrong ones it is deterred most from the short.",
        mistakes=(
            Mistake("A", "So it is if every token counts alike. Here every reply does, whatever its length."),
            Mistake("B", "Wrong ones do. A right reply that is short is praised more a token than a long one."),
            Mistake("D", "The other way round: the shorter a reply, the more each of its tokens counts."),
        ),
    ),
    Exercise(
        "grpo.mend_reward",
        title="Diagnose a reward with holes",
        text="The reward of somebody's run rises, the model learns nothing. Their reward reads: 1.0 if truth in text, "
        "else 0.05 if there is a digit in it, else 0.01 for taking part. In a group without a solution, one digit is "
        "worth an advantage of 2.5, as much as a solution in other groups.\n\n"
        "Write paid(text, truth, finished): 1.0 if the reply came to its end and what follows the thoughts is exactly "
        "the truth, else 0.0. course.world.answers.normalize takes spaces and a full stop away.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "text.rpartition('</think>')[2] is what follows the last closing tag, or everything if there is none.",
            "Three things have to hold; the reward is 1.0 if all do. Nothing in between.",
        ),
        reference=paid,
        inputs=_REPLIES,
        mistakes=(
            Mistake(_the_broken_one, "That is the broken reward."),
            Mistake(
                _something_for_trying,
                "You still pay for taking part. Groups are divided by their own spread, so a group that differs by "
                ".04 gets advantages as large as one that differs by 1.",
            ),
            Mistake(_anywhere, "You look for the truth anywhere in the text. '10 11 12 13' is right about everything."),
            Mistake(
                _cut_off_too,
                "You pay replies that were cut off. What stood there so far may be right by chance, and the model "
                "learns not to end.",
            ),
            Mistake(_thoughts_too, "You compare the whole text: whoever thinks first is never paid."),
        ),
    ),
)
