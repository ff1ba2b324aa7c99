"""Exercises of chapter 2: majority votes, pass@k, confidence intervals, and a grader that is too lenient."""

import math
import statistics
from collections import Counter

from scipy.stats import t

from course.teach.exercises import Exercise, Mistake
from course.world.answers import normalize

# --- counting votes -----------------------------------------------------------------------------------------------


def majority_vote(answers: list[str | None]) -> str | None:
    """The most frequent answer; of equally frequent ones, the first in the alphabet; None if there is no answer."""
    counts = Counter(answer for answer in answers if answer is not None)
    return min(counts, key=lambda answer: (-counts[answer], answer), default=None)


def _no_answer_can_win(answers):
    counts = Counter(answers)
    return min(counts, key=lambda answer: (-counts[answer], answer or ""), default=None)


def _first_seen_wins(answers):
    counts = Counter(answer for answer in answers if answer is not None)
    return counts.most_common(1)[0][0] if counts else None


def _largest_value(answers):
    return max((answer for answer in answers if answer is not None), default=None)


_ANSWERS = (
    (["3"],),
    ([None],),
    ([],),
    (["3", "2", "3"],),
    (["3", None, None],),
    (["3", "2"],),
    (["2", "9", "2", "3"],),
    (["b", "a", None, "a", "b", "c"],),
)

# --- at least one of k --------------------------------------------------------------------------------------------


def pass_at_k(n: int, c: int, k: int) -> float:
    """1 minus the probability that all k are among the n - c wrong ones."""
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def _plug_in(n, c, k):
    return 1 - (1 - c / n) ** k


def _times_k(n, c, k):
    return min(1.0, k * c / n)


def _all_of_k(n, c, k):
    return math.comb(c, k) / math.comb(n, k)


_COUNTS = ((1, 0, 1), (1, 1, 1), (3, 1, 2), (4, 1, 2), (10, 3, 5), (10, 3, 10), (20, 15, 3))

# --- how sure are we ----------------------------------------------------------------------------------------------


def interval(first: list[float], second: list[float]) -> tuple[float, float]:
    """The mean difference, plus and minus its standard error times a quantile of Student's t distribution."""
    differences = [after - before for before, after in zip(first, second, strict=True)]
    n, mean = len(differences), statistics.mean(differences)
    half = t.ppf(0.975, n - 1) * statistics.stdev(differences) / math.sqrt(n)
    return mean - half, mean + half


def _differences(first, second):
    return [after - before for before, after in zip(first, second, strict=True)]


def _around(mean: float, half: float) -> tuple[float, float]:
    return mean - half, mean + half


def _normal_instead_of_t(first, second):
    d = _differences(first, second)
    return _around(sum(d) / len(d), 1.959964 * statistics.stdev(d) / math.sqrt(len(d)))


def _divided_by_n(first, second):
    d = _differences(first, second)
    return _around(sum(d) / len(d), t.ppf(0.975, len(d) - 1) * statistics.pstdev(d) / math.sqrt(len(d)))


def _not_of_the_mean(first, second):
    d = _differences(first, second)
    return _around(sum(d) / len(d), t.ppf(0.975, len(d) - 1) * statistics.stdev(d))


def _as_if_unpaired(first, second):
    d, n = _differences(first, second), len(first)
    return _around(
        sum(d) / n, t.ppf(0.975, n - 1) * math.sqrt((statistics.stdev(first) ** 2 + statistics.stdev(second) ** 2) / n)
    )


_SIDES = (
    ([0.1, 0.2], [0.3, 0.5]),
    ([0.1, 0.2, 0.3], [0.2, 0.4, 0.5]),
    ([0.50, 0.60, 0.55, 0.65, 0.58], [0.55, 0.66, 0.57, 0.72, 0.61]),
)

# --- a grader that is too lenient ---------------------------------------------------------------------------------


def is_right(answer: str | None, truth: str) -> bool:
    """Whether an answer equals the truth once spaces, a full stop and an opening phrase are removed."""
    return normalize(answer) == truth


def _truth_inside(answer, truth):
    return truth in (answer or "")


def _answer_inside(answer, truth):
    return normalize(answer) in truth


def _to_the_letter(answer, truth):
    return answer == truth


def _last_word(answer, truth):
    return normalize(answer).split(" ")[-1] == truth


_MARKED = (
    ("3", "3"),
    ("2", "3"),
    (None, "3"),
    ("", "3"),
    (" 3. ", "3"),
    ("13", "3"),
    ("31", "3"),
    ("1 2 3", "3"),
    ("3", "13"),
    ("The answer is 3.", "3"),
)

EXERCISES = (
    Exercise(
        "prompting.predict_vote",
        title="Predict a majority vote",
        text="You sample replies to one question. Each is right with probability .30. One particular wrong answer has "
        "probability .45, and the rest is spread over ten others. You take the most common answer of 1, then of 5, "
        "then of 41 replies. What happens to the probability that it is right?\n\n"
        "Answer 'A': it rises towards 1, since more samples always help. 'B': it stays at .30. 'C': it falls to 0. "
        "'D': it rises to .45.",
        difficulty=2,
        importance=5,
        minutes=4,
        hints=(
            "With very many replies, how many of each answer do you see?",
            "A vote returns the answer that is given most often. Which one is that here?",
        ),
        reference="C",
        why="With many replies the most probable answer wins almost surely, and here it is a wrong one: the vote is "
        "right with probability .30 for 1 reply, .33 for 5, and .13 for 41.",
        mistakes=(
            Mistake("A", "More samples help if the right answer is the most common one. Here it is not."),
            Mistake("B", "That is the score of a single random reply. A vote favors the most common answer."),
            Mistake("D", ".45 is the share of the wrong answer. A vote does not mix shares: one answer takes all."),
        ),
    ),
    Exercise(
        "prompting.majority_vote",
        title="Count the votes",
        text="Write majority_vote(answers), which returns the most frequent answer. None means that a reply had no "
        "answer: it never wins, and if there is nothing else, the result is None. If several answers are equally "
        "frequent, return the one that comes first in the alphabet.\n\n"
        "(The library chooses one at random, from a seed. Either way, the order of the replies must not matter.)",
        difficulty=2,
        importance=4,
        minutes=10,
        hints=(
            "collections.Counter counts. Leave the Nones out before you count.",
            "Use min with a key that is a pair: the negative count, then the answer itself. Give it a default, too.",
        ),
        reference=majority_vote,
        inputs=_ANSWERS,
        mistakes=(
            Mistake(
                _no_answer_can_win,
                "You count None as an answer. Two replies without an answer then outvote one that has an answer.",
            ),
            Mistake(
                _first_seen_wins,
                "Ties go to the answer that came first, as in Counter.most_common. The order of the samples then "
                "decides, so the score can change although the answers are the same.",
            ),
            Mistake(
                _largest_value,
                "You take the largest answer, not the most frequent one: max(answers) compares values, not counts.",
            ),
        ),
    ),
    Exercise(
        "prompting.pass_at_k",
        title="At least one of k",
        text="Of n replies to a problem, c are right. Write pass_at_k(n, c, k): the probability that at least one of k "
        "replies is right, if these k are drawn from the n without replacement.",
        difficulty=3,
        importance=3,
        minutes=10,
        hints=(
            "It is easier to compute the probability that none is right.",
            "In how many ways can you choose k of the n - c wrong ones? And k of all n? (Use math.comb.)",
        ),
        reference=pass_at_k,
        inputs=_COUNTS,
        mistakes=(
            Mistake(
                _plug_in,
                "You put c/n into 1-(1-p)^k, as if replies were drawn with replacement. That is too low on average: "
                ".518 instead of .556 for 20 replies, p=.15 and k=5.",
            ),
            Mistake(_times_k, "k times the probability of one counts cases in which several are right more than once."),
            Mistake(_all_of_k, "That is the probability that all k are right. The question is about at least one."),
        ),
    ),
    Exercise(
        "prompting.interval",
        title="The confidence interval of a difference",
        text="Two prompts were scored once for each seed, in the same order. Write interval(first, second), which "
        "returns both ends of the 95 % t-interval of the mean of second - first.\n\n"
        "The interval reaches scipy.stats.t.ppf(0.975, n - 1) standard errors to each side of the mean.",
        difficulty=3,
        importance=5,
        minutes=15,
        hints=(
            "Take the differences first; then you have one list of n numbers.",
            "The standard error of a mean is the standard deviation (dividing by n - 1) over the square root of n.",
        ),
        reference=interval,
        inputs=_SIDES,
        mistakes=(
            Mistake(
                _normal_instead_of_t,
                "You used 1.96, which is right for many numbers. With five numbers, the interval has to reach 2.78 "
                "standard errors; with 1.96 you would report a difference that is not there in one case of eight.",
            ),
            Mistake(
                _divided_by_n,
                "Your standard deviation divides by n, as numpy's std does unless you set ddof=1. With few seeds that "
                "makes the interval too narrow.",
            ),
            Mistake(_not_of_the_mean, "You left out the square root of n: this is the spread of single differences."),
            Mistake(
                _as_if_unpaired,
                "You combined the variances of both sides, as if the pairs did not belong together. What both sides of "
                "a pair share cancels in the difference: use the standard deviation of the differences.",
            ),
        ),
    ),
    Exercise(
        "prompting.mend_marker",
        title="Fix a grader that is too lenient",
        text="Somebody's model suddenly scores 1.00. The grader reads: return truth in (answer or ''). The model's "
        "favorite reply is '0 1 2 3 4 5 6 7 8 9'.\n\n"
        "Write an is_right(answer, truth) that can be trusted. It compares exactly, after spaces, a full stop and "
        "'The answer is' have been removed; an empty answer or None is never right. course.world.answers.normalize "
        "does the removing.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "Where does a grader go wrong that looks for one text inside another? Try '13' against '3'.",
            "Compare the whole answer with the whole truth.",
        ),
        reference=is_right,
        inputs=_MARKED,
        mistakes=(
            Mistake(_truth_inside, "That is the broken grader: any reply that contains the truth counts as right."),
            Mistake(
                _answer_inside,
                "You ask whether the answer is part of the truth. The empty answer is part of everything: in one "
                "published project, an empty answer earned the full reward.",
            ),
            Mistake(_to_the_letter, "This is too strict: ' 3. ' and 'The answer is 3.' both mean 3 to any reader."),
            Mistake(_last_word, "You take the last word. A reply that counts up, such as '1 2 3', also ends in 3."),
        ),
    ),
)
