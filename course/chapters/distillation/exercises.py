"""Exercises of chapter 9: a masked loss, two divergences, a packing that leaks, and which way of matching spreads."""

import math

from course.teach.exercises import Exercise, Mistake

# --- the loss counts replies only ---------------------------------------------------------------------------------


def masked_loss(logprobs: list[list[float]], learnt: list[list[bool]]) -> float:
    """Minus the log-probs of the tokens to learn, over their number in the whole batch."""
    wanted = [
        value
        for row, marks in zip(logprobs, learnt, strict=True)
        for value, mark in zip(row, marks, strict=True)
        if mark
    ]
    return -sum(wanted) / len(wanted)


def _prompts_too(logprobs, learnt):
    every = [value for row in logprobs for value in row]
    return -sum(every) / len(every)


def _over_all_tokens(logprobs, learnt):
    return masked_loss(logprobs, learnt) * sum(map(sum, learnt)) / sum(map(len, learnt))


def _mean_of_means(logprobs, learnt):
    rows = [masked_loss([row], [marks]) for row, marks in zip(logprobs, learnt, strict=True)]
    return sum(rows) / len(rows)


def _sum_only(logprobs, learnt):
    return masked_loss(logprobs, learnt) * sum(map(sum, learnt))


_BATCHES = (
    ([[-1.0, -0.5]], [[False, True]]),
    ([[-1.0, -0.125]], [[True, True]]),
    ([[-2.0, -1.0, -0.5]], [[False, True, True]]),
    ([[-2.0, -0.1], [-3.0, -1.0]], [[False, True], [False, True]]),
    ([[-2.0, -0.1, -0.2, -0.3], [-3.0, -2.5, -1.0, -4.0]], [[False, True, True, True], [False, False, True, False]]),
)

# --- how far apart are two distributions? -------------------------------------------------------------------------


def forward_kl(teacher: list[float], student: list[float]) -> float:
    """What the student's surprise exceeds the teacher's by, where the teacher speaks."""
    return sum(p * math.log(p / q) for p, q in zip(teacher, student, strict=True) if p > 0)


def _the_other_way(teacher, student):
    return forward_kl(student, teacher) if all(p > 0 for p in teacher) else math.inf


def _cross_entropy(teacher, student):
    return -sum(p * math.log(q) for p, q in zip(teacher, student, strict=True))


def _unweighted(teacher, student):
    return sum(math.log(p / q) for p, q in zip(teacher, student, strict=True) if p > 0) / len(teacher)


def _in_bits(teacher, student):
    return forward_kl(teacher, student) / math.log(2)


_PAIRS = (
    ([0.5, 0.5], [0.5, 0.5]),
    ([0.9, 0.1], [0.5, 0.5]),
    ([0.5, 0.3, 0.2], [0.1, 0.6, 0.3]),
    ([1.0, 0.0, 0.0], [0.5, 0.25, 0.25]),
)

# --- who sees whom in a packed row --------------------------------------------------------------------------------


def sees(lessons: list[int]) -> list[list[bool]]:
    """A token sees itself and what stands before it in its own lesson."""
    rows = []
    for asking, own in enumerate(lessons):
        rows.append([place <= asking and lesson == own for place, lesson in enumerate(lessons)])
    return rows


def _causal_only(lessons):
    return [[place <= asking for place in range(len(lessons))] for asking in range(len(lessons))]


def _looks_ahead(lessons):
    return [[lesson == own for lesson in lessons] for own in lessons]


def _not_itself(lessons):
    return [
        [place < asking and lesson == own for place, lesson in enumerate(lessons)] for asking, own in enumerate(lessons)
    ]


def _earlier_lessons_too(lessons):
    return [
        [place <= asking and lesson <= own for place, lesson in enumerate(lessons)]
        for asking, own in enumerate(lessons)
    ]


_ROWS = (([0],), ([0, 0],), ([0, 1],), ([0, 0, 1],), ([2, 2, 0, 0, 0],), ([0, 0, 1, 1, 1],))

EXERCISES = (
    Exercise(
        "distillation.masked_loss",
        title="Learn the reply, not the question",
        text="Write masked_loss(logprobs, learnt). Each row of logprobs holds the log-prob of every token of one "
        "lesson, and learnt says, token by token, whether it belongs to the reply. The loss is minus the mean log-prob "
        "of all tokens of replies in the batch, every such token counting alike.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "First collect the log-probs whose mark is True, from all rows, in one list.",
            "Divide by how many you collected. Not by all tokens, and not row by row.",
        ),
        reference=masked_loss,
        inputs=_BATCHES,
        mistakes=(
            Mistake(_prompts_too, "You learn the questions as well: nothing is masked, the model is paid to ask."),
            Mistake(
                _over_all_tokens,
                "You divide by all tokens. Then long questions make the loss, and each step, smaller.",
            ),
            Mistake(
                _mean_of_means,
                "You take the mean of each row first. A token of a short reply then counts more than one of a long "
                "reply; here every token counts alike.",
            ),
            Mistake(_sum_only, "That is the sum. A batch with more tokens would make a longer step."),
        ),
    ),
    Exercise(
        "distillation.forward_kl",
        title="How far is the student?",
        text="Write forward_kl(teacher, student), for two lists of probabilities over the same tokens: the sum of "
        "p * log(p / q), p the teacher's and q the student's. Where the teacher's p is 0 the term is 0.",
        difficulty=2,
        importance=4,
        minutes=8,
        hints=(
            "zip walks through both lists together; math.log is the natural logarithm.",
            "log(0) is an error, but 0 * log(0) stands for 0: leave these terms out.",
        ),
        reference=forward_kl,
        inputs=_PAIRS,
        mistakes=(
            Mistake(
                _the_other_way,
                "That is the reverse one, KL(student || teacher). It asks where the student speaks, not the teacher.",
            ),
            Mistake(
                _cross_entropy,
                "That is the cross-entropy. Its gradient is the same, but it is not 0 where both agree: the teacher's "
                "own entropy is still in it.",
            ),
            Mistake(
                _unweighted, "You forgot to weigh by the teacher's p: what it never says counts as much as the rest."
            ),
            Mistake(_in_bits, "You took the logarithm to base 2. That is bits; the course counts in nats (math.log)."),
        ),
    ),
    Exercise(
        "distillation.predict_match",
        title="Predict what a small student does",
        text="A teacher answers one question in two ways, each half the time: it counts up from 0, or down from 9. "
        "Both are right; a mixture of both is nonsense. A student is too small to keep two ways apart. It can spread "
        "its probability over both ways and much in between, or settle on one way.\n\n"
        "You train it with forward KL (the teacher's side first), then another with reverse KL. What do they do?\n\n"
        "Answer 'A': both spread. 'B': both settle. 'C': forward spreads, reverse settles. 'D': forward settles, "
        "reverse spreads.",
        difficulty=3,
        importance=4,
        minutes=6,
        hints=(
            "Forward KL holds log(p/q) weighted by p. What does it cost to give q = 0 where p is one half?",
            "Reverse KL holds log(q/p) weighted by q. What does it cost to say what the teacher never says? And to "
            "keep silent about what it does say?",
        ),
        reference="C",
        why="Forward KL is endless where the teacher speaks and the student is silent, so the student covers "
        "everything. Reverse KL is endless where the student says what the teacher never would; silence about "
        "one way costs log 2.",
        mistakes=(
            Mistake(
                "A", "One of the two punishes what the teacher never says, and hardly minds that a way is left out."
            ),
            Mistake(
                "B", "One of the two is endless where the teacher speaks and the student is silent. Could it settle?"
            ),
            Mistake("D", "The other way round: look at which distribution weighs the terms."),
        ),
    ),
    Exercise(
        "distillation.mend_packing",
        title="Mend a packing that leaks",
        text="Somebody packs lessons into rows and trains with plain causal attention, so each lesson sees those that "
        "stand before it in its row. Asked alone, the model misses the neighbors it got used to.\n\n"
        "Write sees(lessons). lessons[t] is the number of the lesson that the token at place t belongs to. Return a "
        "list of rows: row t says, for every place, whether the token at t sees it. It sees itself, and what stands "
        "before it in its own lesson.",
        difficulty=2,
        importance=4,
        minutes=10,
        hints=(
            "Two conditions for token t and place s: which one is about time, which one about the lesson?",
            "[[... for s in range(n)] for t in range(n)], with s <= t and lessons[s] == lessons[t].",
        ),
        reference=sees,
        inputs=_ROWS,
        mistakes=(
            Mistake(_causal_only, "That is what leaks: everything before, whichever lesson it belongs to."),
            Mistake(
                _looks_ahead, "Now a token sees those after it in its lesson: it could copy what it should predict."
            ),
            Mistake(_not_itself, "A token has to see itself; the first one of a lesson would see nothing at all."),
            Mistake(
                _earlier_lessons_too, "The second lesson still sees the first: the numbers must be equal, not smaller."
            ),
        ),
    ),
)
