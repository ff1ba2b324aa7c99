"""Exercises of the clinic: a mask with the end in it, silent groups, reading a log, and what the best of many shows."""

from course.teach.exercises import Exercise, Mistake

# --- which tokens count -------------------------------------------------------------------------------------------


def mask(ids: list[int], end: int) -> list[bool]:
    """True up to the first end, that one included; False behind it."""
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

# --- groups that say nothing --------------------------------------------------------------------------------------


def silent(p: float, group: int) -> float:
    """All right or all wrong."""
    return p**group + (1 - p) ** group


def _all_wrong(p, group):
    return (1 - p) ** group


def _all_right(p, group):
    return p**group


def _one_of_each(p, group):
    return 1 - p**group - (1 - p) ** group


def _multiplied(p, group):
    return p**group * (1 - p) ** group


_CHANCES = ((0.5, 2), (0.0, 8), (1.0, 8), (0.05, 8), (0.05, 32), (0.9, 4))

# --- reading a log ------------------------------------------------------------------------------------------------


def diagnose(loss: float, reward: float, silent: float, clipped: float, updates: int) -> str:
    """Is there signal, and does scoring reproduce sampling? The loss is not asked."""
    if silent == 1:
        return "done" if reward == 1 else "no signal"
    return "scoring" if updates == 1 and clipped > 0 else "healthy"


def _by_the_loss(loss, reward, silent, clipped, updates):
    return diagnose(loss, reward, float(abs(loss) < 1e-6), clipped, updates)


def _no_clip_is_sick(loss, reward, silent, clipped, updates):
    return diagnose(loss, reward, silent, float(clipped == 0), 1)


def _any_clip(loss, reward, silent, clipped, updates):
    return diagnose(loss, reward, silent, clipped, 1)


def _never_done(loss, reward, silent, clipped, updates):
    return diagnose(loss, min(reward, 0.99), silent, clipped, updates)


def _done_is_healthy(loss, reward, silent, clipped, updates):
    found = diagnose(loss, reward, silent, clipped, updates)
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
        "clinic.silent",
        title="Groups that say nothing",
        text="A problem is solved with chance p, and the rewards are 1 and 0. Write silent(p, group): the chance that "
        "all replies of a group get the same reward, so that nothing is learnt from it.",
        difficulty=2,
        importance=4,
        minutes=5,
        hints=(
            "In how many ways can all rewards be equal? There are two.",
            "All right has chance p times p times p ... Add the chance that all are wrong.",
        ),
        reference=silent,
        inputs=_CHANCES,
        mistakes=(
            Mistake(
                _all_wrong, "You count groups in which nothing is right. A group that is all right is silent, too."
            ),
            Mistake(_all_right, "You count groups that are all right. Most silent groups early on are all wrong."),
            Mistake(_one_of_each, "That is the chance that a group does say something. Asked for is the rest."),
            Mistake(_multiplied, "All right and all wrong cannot both happen: chances of either add up."),
        ),
    ),
    Exercise(
        "clinic.mend_mask",
        title="Mend a mask",
        text="Somebody's replies grow without end. Their mask reads: [token != end for token in ids]. Rows are filled "
        "up on the right, and as in many tokenizers the padding is the same token as the end.\n\n"
        "Write mask(ids, end): True for every token that counts. The first end is one; whatever is behind it is not. A "
        "reply that was cut off has no end, and all of its tokens count.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "The first end and the padding are the same number. What tells them apart is the place.",
            "ids.index(end) is the place of the first end, and raises an error if there is none.",
        ),
        reference=mask,
        inputs=_ROWS,
        mistakes=(
            Mistake(
                _end_left_out, "That is the broken mask: the end is never pushed, so the model is not taught to end."
            ),
            Mistake(_padding_counted, "Now padding counts as if the model had said it."),
            Mistake(_last_end, "You go up to the last end. Padding is the same token, so this counts it, too."),
            Mistake(
                _unfinished_dropped, "A reply that was cut off has no end. You drop it: all its tokens should count."
            ),
        ),
    ),
    Exercise(
        "clinic.diagnose",
        title="Diagnose a log",
        text="A line of a log holds five numbers: loss; reward (the mean, at most 1); silent (the share of groups "
        "whose rewards are all equal); clipped (the clip fraction at the last update on a batch); and how many updates "
        "are made on a batch.\n\n"
        "Write diagnose(loss, reward, silent, clipped, updates). If every group is silent it returns 'done' if the "
        "reward is 1, and 'no signal' if not. Else it returns 'scoring' if something is clipped though there is only "
        "one update, and 'healthy' if not.",
        difficulty=3,
        importance=5,
        minutes=10,
        hints=(
            "One of the five numbers is of no use at all.",
            "On the first update every ratio must be 1, so nothing is clipped. On a later one something may be.",
        ),
        reference=diagnose,
        inputs=_LOGS,
        mistakes=(
            Mistake(_by_the_loss, "You read the loss. It is zero in the healthy first line, and not zero in others."),
            Mistake(
                _no_clip_is_sick, "A clip that never fires is what should be on one update. It is the alarm if it does."
            ),
            Mistake(_any_clip, "With several updates on a batch the weights have moved, and a clip is there to fire."),
            Mistake(
                _never_done, "If all replies of all groups are paid there is no signal either, but nothing is wrong."
            ),
            Mistake(
                _done_is_healthy, "Where every reply is paid the run is not sick, but it does not learn: it is done."
            ),
        ),
    ),
    Exercise(
        "clinic.predict_best",
        title="Predict the best of twenty",
        text="A model solves every problem with chance .50, at every checkpoint; it has stopped learning. You measure "
        "twenty checkpoints on a benchmark of 30 problems and report the best. What will the figure be, on average?\n\n"
        "Answer 'A': about .50. 'B': about .55. 'C': about .67. 'D': about .95.",
        difficulty=2,
        importance=5,
        minutes=4,
        hints=(
            "How far does one measurement scatter? The standard deviation of a share is the root of p(1-p)/n.",
            "That is about .09. The largest of twenty draws lies nearly two standard deviations above the mean.",
        ),
        reference="C",
        why="One measurement scatters by .09, and the best of twenty lies 1.9 times that above the truth: .67.",
        mistakes=(
            Mistake("A", "The mean of all twenty is .50. You report the largest of them."),
            Mistake("B", "That is less than one standard deviation above. The best of twenty gets farther."),
            Mistake("D", "Thirty problems scatter, but not so far: it is five standard deviations away."),
        ),
    ),
)
