"""Exercises of chapter 2: votes, chances, intervals, and a marker that is too kind."""

import math
import statistics
from collections import Counter

from scipy.stats import t

from course.teach.exercises import Exercise, Mistake
from course.world.answers import normalize

# --- counting votes -----------------------------------------------------------------------------------------------


def majority_vote(answers: list[str | None]) -> str | None:
    """The answer given most often, the first in the alphabet of several; None if there is none."""
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
    """1 minus the chance that all k come from the n - c wrong ones."""
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
    """The mean difference, give or take so many of its standard errors as Student's t says."""
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

# --- a marker that is too kind ------------------------------------------------------------------------------------


def is_right(answer: str | None, truth: str) -> bool:
    """Exactly the truth, once spaces, a full stop and an opening are taken away."""
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
    ("1 2 3", "3"),
    ("3", "13"),
    ("The answer is 3.", "3"),
)

EXERCISES = (
    Exercise(
        "prompting.predict_vote",
        title="Predict a vote",
        text="You draw replies to one question. Each is right with chance .30; one wrong answer comes with chance .45, "
        "and the rest is spread over ten others. You take the commonest answer of 1, then of 5, then of 41 replies. "
        "What happens to the chance that it is right?\n\n"
        "Answer 'A': it rises towards 1, as more samples always help. 'B': it stays at .30. 'C': it falls towards 0. "
        "'D': it rises towards .45.",
        difficulty=2,
        importance=5,
        minutes=4,
        hints=(
            "With very many replies, how many of each answer do you see?",
            "A vote returns the answer that is given most often. Which one is that here?",
        ),
        reference="C",
        why="With many replies the commonest answer wins almost surely, and here it is a wrong one: about .30 with 1, "
        ".33 with 5, .13 with 41.",
        mistakes=(
            Mistake("A", "More samples help if the right answer is the commonest. Here it is not."),
            Mistake("B", "That is what one reply drawn at random gets. A vote prefers what is common."),
            Mistake("D", ".45 is the share of the wrong answer. A vote does not mix shares: one answer takes all."),
        ),
    ),
    Exercise(
        "prompting.majority_vote",
        title="Count the votes",
        text="Write majority_vote(answers): the answer given most often. None means that a reply had no answer; it "
        "never wins, and if there is nothing else the result is None. Of several that are given equally often, take "
        "the one that comes first in the alphabet.\n\n"
        "(The library draws one instead, by a seed. Either way the order of the replies must not matter.)",
        difficulty=2,
        importance=4,
        minutes=10,
        hints=(
            "collections.Counter counts. Leave the Nones out before you count.",
            "min with a key that is a pair: the count, turned around, then the answer itself. And a default.",
        ),
        reference=majority_vote,
        inputs=_ANSWERS,
        mistakes=(
            Mistake(
                _no_answer_can_win,
                "You count None among the answers. Two replies without an answer then outvote one that has one.",
            ),
            Mistake(
                _first_seen_wins,
                "Ties go to the answer that came first, as Counter.most_common does it. So the order of the samples "
                "decides, and the score changes when nothing else does.",
            ),
            Mistake(
                _largest_value,
                "You take the largest answer and not the most frequent: max(answers) compares values, not counts.",
            ),
        ),
    ),
    Exercise(
        "prompting.pass_at_k",
        title="At least one of k",
        text="Of n replies to a problem, c were right. Write pass_at_k(n, c, k): the chance that, of k of these n "
        "drawn without putting any back, at least one is right.",
        difficulty=3,
        importance=3,
        minutes=10,
        hints=(
            "It is easier to say when none is right.",
            "In how many ways can you choose k of the n - c wrong ones? And of all n? (math.comb)",
        ),
        reference=pass_at_k,
        inputs=_COUNTS,
        mistakes=(
            Mistake(
                _plug_in,
                "You put c/n into 1-(1-p)^k, as if each reply were put back. That is too low on average: .518 instead "
                "of .556 for 20 replies, p=.15 and k=5.",
            ),
            Mistake(_times_k, "k times the chance of one counts problems twice on which several of the k are right."),
            Mistake(_all_of_k, "That is the chance that all k are right. Asked for is at least one."),
        ),
    ),
    Exercise(
        "prompting.interval",
        title="The interval of a difference",
        text="Two ways of asking got one score for each seed, in the same order. Write interval(first, second): both "
        "ends of the 95 % t-interval of the mean of second - first.\n\n"
        "scipy.stats.t.ppf(0.975, n - 1) is how many standard errors it reaches to each side.",
        difficulty=3,
        importance=5,
        minutes=15,
        hints=(
            "Take differences first; then there is one list of n numbers.",
            "The standard error of a mean is the standard deviation (dividing by n - 1) over the square root of n.",
        ),
        reference=interval,
        inputs=_SIDES,
        mistakes=(
            Mistake(
                _normal_instead_of_t,
                "You used 1.96, which is right for many numbers. With five, the interval has to reach 2.78 standard "
                "errors; with 1.96 you would find a difference that is not there in one case of eight.",
            ),
            Mistake(
                _divided_by_n,
                "Your standard deviation divides by n, as numpy's std does unless told ddof=1. With few seeds that is "
                "too sure.",
            ),
            Mistake(
                _not_of_the_mean,
                "You left out the square root of n: that is how far single differences scatter, not their mean.",
            ),
            Mistake(
                _as_if_unpaired,
                "You added the spread of both sides, as if the pairs did not belong together. What all seeds or "
                "problems share cancels in a difference: use the spread of the differences.",
            ),
        ),
    ),
    Exercise(
        "prompting.mend_marker",
        title="Diagnose a marker that is too kind",
        text="Somebody's model suddenly scores 1.00. Their marker reads: return truth in (answer or ''). Its favorite "
        "reply is '0 1 2 3 4 5 6 7 8 9'.\n\n"
        "Write is_right(answer, truth) that can be trusted: exact, after spaces, a full stop and 'The answer is' are "
        "taken away; an empty answer or None is never right. course.world.answers.normalize does the taking away.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "Where does a marker that looks for a text inside another one go wrong? Try '13' against '3'.",
            "Compare the whole of one with the whole of the other.",
        ),
        reference=is_right,
        inputs=_MARKED,
        mistakes=(
            Mistake(_truth_inside, "That is the broken marker: any reply that has the truth somewhere in it counts."),
            Mistake(
                _answer_inside,
                "You ask whether the answer is part of the truth. The empty answer is part of everything: a published "
                "project paid full reward for saying nothing.",
            ),
            Mistake(_to_the_letter, "Too strict now: ' 3. ' and 'The answer is 3.' say 3, and a reader would agree."),
            Mistake(
                _last_word,
                "You take the last word. A reply that counts up to the answer, '1 2 3', ends in it too.",
            ),
        ),
    ),
)
