"""Exercises of chapter 06b: zero-variance groups, a mask that keeps the end, reading a log, and the best of many."""

from course.teach.exercises import Exercise, Mistake

# --- which tokens count -------------------------------------------------------------------------------------------


def mask(ids: list[int], end: int) -> list[bool]:
    """True up to and including the first end token, False after it."""
    length = ids.index(end) + 1 if end in ids else len(ids)
    return [place < length for place in range(len(ids))]


def _end_left_out(ids, end):
    return [token != end for token in ids]


def _padding_counted(ids, end):
    return [True] * len(ids)


def _last_end(ids, end):
    return [place <= max((at for at, token in enumerate(ids) if token == end), default=-1) for place in range(len(ids))]


def _unfinished_dropped(ids, end):
    return [place <= (ids.index(end) if end in ids else -1) for place in range(len(ids))]


_ROWS = (
    ([7, 8, 1], 1),
    ([7, 1, 1, 1], 1),
    ([1, 1], 1),
    ([7, 8, 9], 1),
    ([7, 0, 8, 0, 0], 0),
)

# --- groups without signal -----------------------------------------------------------------------------------------


def zero_variance(p: float, group_size: int) -> float:
    """The probability that a group is all right, plus the probability that it is all wrong."""
    return p**group_size + (1 - p) ** group_size


def _all_wrong(p, group_size):
    return (1 - p) ** group_size


def _all_right(p, group_size):
    return p**group_size


def _one_of_each(p, group_size):
    return 1 - p**group_size - (1 - p) ** group_size


def _multiplied(p, group_size):
    return p**group_size * (1 - p) ** group_size


_CHANCES = ((0.5, 2), (0.5, 3), (0.0, 8), (1.0, 8), (0.05, 8), (0.05, 32), (0.9, 4))

# --- reading a log ------------------------------------------------------------------------------------------------


def diagnose(loss: float, reward: float, zero_variance: float, clipped: float, iterations: int) -> str:
    """Whether the rewards give a signal, and whether scoring reproduces sampling. The loss says neither."""
    if zero_variance == 1:
        return "done" if reward == 1 else "no signal"
    return "scoring" if iterations == 1 and clipped > 0 else "healthy"


def _by_the_loss(loss, reward, zero_variance, clipped, iterations):
    return diagnose(loss, reward, float(abs(loss) < 1e-6), clipped, iterations)


def _no_clip_is_sick(loss, reward, zero_variance, clipped, iterations):
    return diagnose(loss, reward, zero_variance, float(clipped == 0), 1)


def _any_clip(loss, reward, zero_variance, clipped, iterations):
    return diagnose(loss, reward, zero_variance, clipped, 1)


def _never_done(loss, reward, zero_variance, clipped, iterations):
    return diagnose(loss, min(reward, 0.99), zero_variance, clipped, iterations)


def _done_is_healthy(loss, reward, zero_variance, clipped, iterations):
    found = diagnose(loss, reward, zero_variance, clipped, iterations)
    return "healthy" if found == "done" else found


_LOGS = (
    (0.0, 0.4, 0.1, 0.0, 1),
    (0.0, 0.0, 1.0, 0.0, 1),
    (0.0, 1.0, 1.0, 0.0, 1),
    (0.21, 0.6, 0.2, 0.0, 1),
    (0.03, 0.5, 0.1, 0.15, 1),
    (0.03, 0.5, 0.1, 0.15, 8),
)

EXERCISES = (
    Exercise(
        "clinic.zero_variance",
        title="Groups without signal",
        text="A model solves a problem with probability p; the reward is 1 if it does and 0 if not. Write "
        "zero_variance(p, group_size): the probability that all replies of a group get the same reward, so that "
        "nothing is learned from the group.",
        difficulty=2,
        importance=4,
        minutes=5,
        hints=(
            "In how many ways can all rewards be equal? There are two.",
            "All right has probability p times p times p, and so on. Add the probability that all are wrong.",
        ),
        reference=zero_variance,
        inputs=_CHANCES,
        mistakes=(
            Mistake(
                _all_wrong,
                "You count only groups in which every reply is wrong. A group in which every reply is right has zero "
                "variance, too.",
            ),
            Mistake(
                _all_right,
                "You count only groups in which every reply is right. Early in a run, most zero-variance groups are "
                "all wrong.",
            ),
            Mistake(
                _one_of_each,
                "That is the probability that a group does give a signal. The exercise asks for the opposite.",
            ),
            Mistake(
                _multiplied,
                "All right and all wrong cannot both happen, so their probabilities add up. You multiplied them.",
            ),
        ),
    ),
    Exercise(
        "clinic.mend_mask",
        title="Mend a mask",
        text="In somebody's run, replies grow longer and longer. The mask reads: [token != end for token in ids]. Rows "
        "are padded on the right, and as in many tokenizers, the padding token is the end token.\n\n"
        "Write mask(ids, end): True for every token that counts. The first end token counts; whatever comes after it "
        "does not. A truncated reply has no end token, and all of its tokens count.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "The end token and the padding have the same id. Their position tells them apart.",
            "ids.index(end) is the position of the first end token; it raises an error if there is none.",
        ),
        reference=mask,
        inputs=_ROWS,
        mistakes=(
            Mistake(
                _end_left_out,
                "That is the broken mask. The end token gets no gradient, so the model never learns when to end.",
            ),
            Mistake(_padding_counted, "Now padding counts as if the model had written it."),
            Mistake(
                _last_end, "You go up to the last end token. Padding is the same token, so you count the padding, too."
            ),
            Mistake(
                _unfinished_dropped,
                "A truncated reply has no end token. You drop it, but all of its tokens should count.",
            ),
        ),
    ),
    Exercise(
        "clinic.diagnose",
        title="Diagnose a log",
        text="A line of a log holds five numbers: loss; reward (the mean, at most 1); zero_variance (the share of "
        "groups whose rewards are all equal); clipped (the clip fraction at the last iteration on a batch); and "
        "iterations (how many optimizer steps are taken on each batch).\n\n"
        "Write diagnose(loss, reward, zero_variance, clipped, iterations). If all groups are zero-variance groups, it "
        "returns 'done' if the reward is 1 and 'no signal' if not. Otherwise it returns 'scoring' if something is "
        "clipped although there is only one iteration, and 'healthy' if not.",
        difficulty=3,
        importance=5,
        minutes=10,
        hints=(
            "One of the five numbers is of no use at all.",
            "On the first iteration every ratio must be 1, so nothing is clipped. On later ones something may be.",
        ),
        reference=diagnose,
        inputs=_LOGS,
        mistakes=(
            Mistake(_by_the_loss, "You use the loss. It is zero in the healthy first line, and in others it is not."),
            Mistake(
                _no_clip_is_sick,
                "With one iteration, a clip that never fires is a sign of health. If it fires, that is an alarm.",
            ),
            Mistake(
                _any_clip, "With several iterations on a batch the weights have moved, and then the clip should fire."
            ),
            Mistake(
                _never_done,
                "If every reply of every group earns the full reward, there is no signal either, but nothing is wrong.",
            ),
            Mistake(
                _done_is_healthy,
                "If every reply earns the full reward, the run is not broken, but it no longer learns: it is done.",
            ),
        ),
    ),
    Exercise(
        "clinic.predict_best",
        title="Predict the best of twenty",
        text="A model has stopped learning: at every checkpoint, it solves every problem with probability .50. You "
        "measure twenty checkpoints on a benchmark of 30 problems and report the best. What will the reported share "
        "be, on average?\n\n"
        "Answer 'A': about .50. 'B': about .55. 'C': about .67. 'D': about .95.",
        difficulty=2,
        importance=5,
        minutes=4,
        hints=(
            "How much does one measurement vary? The standard deviation of a share is the square root of p(1-p)/n.",
            "That is about .09. The largest of twenty draws lies nearly two standard deviations above the mean.",
        ),
        reference="C",
        why="One measurement has a standard deviation of .09, and the best of twenty lies 1.9 of them above the truth: "
        ".67.",
        mistakes=(
            Mistake("A", "The mean of all twenty is .50. You report the largest of them."),
            Mistake("B", "That is less than one standard deviation above the truth. The best of twenty lies higher."),
            Mistake(
                "D",
                "A measurement on thirty problems varies, but not that much: this is five standard deviations away.",
            ),
        ),
    ),
)
