"""Exercises of chapter 09: a masked loss, forward KL, what each direction of KL does, and a packing that leaks."""

import math

from course.teach.exercises import Exercise, Mistake

# --- the loss counts replies only ---------------------------------------------------------------------------------


def masked_loss(logprobs: list[list[float]], is_reply: list[list[bool]]) -> float:
    """Minus the mean log-prob of the tokens of replies in the whole batch."""
    wanted = [
        value
        for row, marks in zip(logprobs, is_reply, strict=True)
        for value, mark in zip(row, marks, strict=True)
        if mark
    ]
    return -sum(wanted) / len(wanted)


def _prompts_too(logprobs, is_reply):
    every = [value for row in logprobs for value in row]
    return -sum(every) / len(every)


def _over_all_tokens(logprobs, is_reply):
    return masked_loss(logprobs, is_reply) * sum(map(sum, is_reply)) / sum(map(len, is_reply))


def _mean_of_means(logprobs, is_reply):
    rows = [masked_loss([row], [marks]) for row, marks in zip(logprobs, is_reply, strict=True)]
    return sum(rows) / len(rows)


def _sum_only(logprobs, is_reply):
    return masked_loss(logprobs, is_reply) * sum(map(sum, is_reply))


_BATCHES = (
    ([[-1.0, -0.5]], [[False, True]]),
    ([[-1.0, -0.125]], [[True, True]]),
    ([[-2.0, -1.0, -0.5]], [[False, True, True]]),
    ([[-2.0, -0.1], [-3.0, -1.0]], [[False, True], [False, True]]),
    ([[-2.0, -0.1, -0.2, -0.3], [-3.0, -2.5, -1.0, -4.0]], [[False, True, True, True], [False, False, True, False]]),
)

# --- how far apart are two distributions? -------------------------------------------------------------------------


def forward_kl(teacher: list[float], student: list[float]) -> float:
    """How much more surprised the student is than the teacher, on average over what the teacher writes."""
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

# --- which tokens see which in a packed row -----------------------------------------------------------------------


def sees(examples: list[int]) -> list[list[bool]]:
    """A token sees itself and the tokens before it in its own example."""
    rows = []
    for at, own in enumerate(examples):
        rows.append([place <= at and example == own for place, example in enumerate(examples)])
    return rows


def _causal_only(examples):
    return [[place <= at for place in range(len(examples))] for at in range(len(examples))]


def _looks_ahead(examples):
    return [[example == own for example in examples] for own in examples]


def _not_itself(examples):
    return [
        [place < at and example == own for place, example in enumerate(examples)] for at, own in enumerate(examples)
    ]


def _earlier_examples_too(examples):
    return [
        [place <= at and example <= own for place, example in enumerate(examples)] for at, own in enumerate(examples)
    ]


_ROWS = (([0],), ([0, 0],), ([0, 1],), ([0, 0, 1],), ([2, 2, 0, 0, 0],), ([0, 0, 1, 1, 1],))

EXERCISES = (
    Exercise(
        "distillation.masked_loss",
        title="Learn the reply, not the question",
        text="Write masked_loss(logprobs, is_reply). Each row of logprobs holds the log-probs of the tokens of one "
        "training example, and the same row of is_reply says, token by token, whether it belongs to the reply. The "
        "loss is minus the mean log-prob of all tokens of replies in the batch, with every such token counting "
        "equally.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "First collect the log-probs whose mark is True, from all rows, in one list.",
            "Divide by how many you collected: not by the number of all tokens, and not row by row.",
        ),
        reference=masked_loss,
        inputs=_BATCHES,
        mistakes=(
            Mistake(
                _prompts_too,
                "You train on the questions as well. Nothing is masked, so the model learns to write questions.",
            ),
            Mistake(
                _over_all_tokens,
                "You divide by the number of all tokens. Then long questions make the loss, and with it each step, "
                "smaller.",
            ),
            Mistake(
                _mean_of_means,
                "You take the mean of each row first. Then a token of a short reply counts more than a token of a long "
                "reply; here every token should count equally.",
            ),
            Mistake(_sum_only, "That is the sum. A batch with more tokens would take a larger step."),
        ),
    ),
    Exercise(
        "distillation.forward_kl",
        title="How far is the student from the teacher?",
        text="Write forward_kl(teacher, student) for two lists of probabilities over the same tokens: the sum of "
        "p * log(p / q), where p is the teacher's probability and q the student's. Where p is 0, the term is 0.",
        difficulty=2,
        importance=4,
        minutes=8,
        hints=(
            "zip walks through both lists together; math.log is the natural logarithm.",
            "math.log(0) is an error, but here 0 * log(0) counts as 0: leave these terms out.",
        ),
        reference=forward_kl,
        inputs=_PAIRS,
        mistakes=(
            Mistake(
                _the_other_way,
                "That is reverse KL, KL(student || teacher). It averages over what the student writes.",
            ),
            Mistake(
                _cross_entropy,
                "That is the cross-entropy. Its gradient is the same, but it is not 0 where both agree, because it "
                "includes the teacher's own entropy.",
            ),
            Mistake(
                _unweighted,
                "You forgot to weigh each term by the teacher's p, so what it hardly writes counts just as much.",
            ),
            Mistake(
                _in_bits, "You used the logarithm to base 2, which counts bits. The course counts nats (math.log)."
            ),
        ),
    ),
    Exercise(
        "distillation.predict_match",
        title="Predict what a small student does",
        text="A teacher answers one question in two ways, each half of the time: it counts up from 0, or down from 9. "
        "Both are right, but a mixture of the two is nonsense. A student is too small to keep the two ways apart. It "
        "can spread its probability over both ways and much in between, or settle on one way.\n\n"
        "You train one such student with forward KL, KL(teacher || student), and another with reverse KL. What do "
        "they do?\n\n"
        "Answer 'A': both spread. 'B': both settle. 'C': forward spreads, reverse settles. 'D': forward settles, "
        "reverse spreads.",
        difficulty=3,
        importance=4,
        minutes=6,
        hints=(
            "Forward KL weighs log(p/q) by p. What does it cost to have q = 0 where p is one half?",
            "Reverse KL weighs log(q/p) by q. What does it cost to write what the teacher never writes? And what does "
            "it cost to leave out something that the teacher does write?",
        ),
        reference="C",
        why="Forward KL is infinite if the student never writes something that the teacher does write, so the student "
        "covers everything. Reverse KL is infinite if the student writes something that the teacher never writes; "
        "leaving out one of the two ways costs only log 2.",
        mistakes=(
            Mistake(
                "A",
                "One of the two penalizes writing what the teacher never writes, and hardly penalizes leaving one way "
                "out.",
            ),
            Mistake(
                "B",
                "One of the two is infinite if the student leaves out something the teacher writes. Can that student "
                "settle?",
            ),
            Mistake("D", "It is the other way round: look at which distribution weighs the terms."),
        ),
    ),
    Exercise(
        "distillation.mend_packing",
        title="Mend a packing that leaks",
        text="Somebody packs training examples into rows and trains with plain causal attention, so each example sees "
        "those before it in its row. Later, when it is asked one question at a time, the model misses the neighbors "
        "it got used to.\n\n"
        "Write sees(examples). examples[t] is the number of the example to which the token at position t belongs. "
        "Return a list of rows: row t says, for every position, whether the token at t sees it. A token sees itself "
        "and the tokens before it in its own example.",
        difficulty=2,
        importance=4,
        minutes=10,
        hints=(
            "There are two conditions for token t and position s: one about order, one about the example.",
            "[[... for s in range(n)] for t in range(n)], with s <= t and examples[s] == examples[t].",
        ),
        reference=sees,
        inputs=_ROWS,
        mistakes=(
            Mistake(
                _causal_only,
                "That is the packing that leaks: a token sees everything before it, whichever example it belongs to.",
            ),
            Mistake(
                _looks_ahead,
                "Now a token sees the tokens after it in its example, so it could copy what it should predict.",
            ),
            Mistake(
                _not_itself,
                "A token has to see itself; otherwise the first token of an example would see nothing at all.",
            ),
            Mistake(
                _earlier_examples_too,
                "The second example still sees the first: the numbers must be equal, not smaller or equal.",
            ),
        ),
    ),
)
