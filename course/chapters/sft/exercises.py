"""Exercises of chapter 4: which tokens are learned, a mask that keeps the end, what is kept, and two to think about."""

from course.teach.exercises import Exercise, Mistake

# --- labels: which token is learned at which place? ---------------------------------------------------------------


def labels(prompt: list[int], reply: list[int], width: int) -> list[int]:
    """What is to be predicted at each place: the next token if it belongs to the reply, else -100."""
    ids = prompt + reply
    following = [ids[place + 1] if place + 1 >= len(prompt) else -100 for place in range(len(ids) - 1)]
    return following + [-100] * (width - len(following))


def _question_too(prompt, reply, width):
    ids = prompt + reply
    return ids[1:] + [-100] * (width - len(ids) + 1)


def _not_shifted(prompt, reply, width):
    ids = [-100] * len(prompt) + reply
    return (ids + [-100] * width)[:width]


def _shifted_twice(prompt, reply, width):
    return labels(prompt, reply, width + 1)[1:]


def _first_token_lost(prompt, reply, width):
    found = labels(prompt, reply, width)
    return [-100 if place == len(prompt) - 1 else one for place, one in enumerate(found)]


def _end_lost(prompt, reply, width):
    found = labels(prompt, reply, width)
    return [-100 if place == len(prompt) + len(reply) - 2 else one for place, one in enumerate(found)]


def _padding_learned(prompt, reply, width):
    found = labels(prompt, reply, width)
    known = len(prompt) + len(reply) - 1
    return found[:known] + [0] * (width - known)


_EXAMPLES = (
    ([5], [7, 1], 3),
    ([5, 6], [7, 1], 3),
    ([5, 6], [7, 8, 1], 6),
    ([5, 6, 9], [1], 5),
    ([4], [4, 4, 1], 5),
)

# --- the end of a reply, where padding is the same token ----------------------------------------------------------

END = 1


def mend_end(ids: list[int], prompt: int, length: int) -> list[bool]:
    """A token is learned if it stands behind the prompt and before the padding: by its place, not by what it is."""
    return [place >= prompt and place < length for place in range(len(ids))]


def _by_id(ids, prompt, length):
    return [place >= prompt and token != END for place, token in enumerate(ids)]


def _padding_too(ids, prompt, length):
    return [place >= prompt for place in range(len(ids))]


def _one_too_late(ids, prompt, length):
    return [prompt < place < length for place in range(len(ids))]


def _prompt_too(ids, prompt, length):
    return [place < length for place in range(len(ids))]


_PADDED = (
    ([5, 7, 1], 1, 3),
    ([5, 7, 1, 1, 1], 1, 3),
    ([5, 6, 7, 8, 1, 1], 2, 5),
    ([5, 1, 7, 1, 1], 2, 4),
    ([5, 6, 1], 2, 3),
)

# --- what is kept -------------------------------------------------------------------------------------------------


def keep_right(replies: list[tuple[str, str, bool]], truths: dict[str, str], most: int) -> list[int]:
    """The places of replies that came to an end with the right answer: at most so many a question, no two the same.

    A reply is its question, its text (thoughts and "</think>" before the answer), and whether it came to an end.
    """
    kept: list[int] = []
    said: dict[str, set[str]] = {}
    for place, (question, text, finished) in enumerate(replies):
        several = said.setdefault(question, set())
        right = finished and text.split("</think>")[-1] == truths[question]
        if right and text not in several and len(several) < most:
            several.add(text)
            kept.append(place)
    return kept


def _keep_all(replies, truths, most):
    return keep_right(
        [(one, f"{place}</think>{truths[one]}", True) for place, (one, _, _) in enumerate(replies)], truths, most
    )


def _anywhere(replies, truths, most):
    marked = [(one, f"{text}</think>{truths[one]}" if truths[one] in text else "?", end) for one, text, end in replies]
    return keep_right(marked, truths, most)


def _truncated_too(replies, truths, most):
    return keep_right([(one, text, True) for one, text, _ in replies], truths, most)


def _doubles_too(replies, truths, most):
    return keep_right(
        [(one, f"{place}</think>{text}", end) for place, (one, text, end) in enumerate(replies)], truths, most
    )


def _no_cap(replies, truths, most):
    return keep_right(replies, truths, len(replies) + 1)


def _cap_over_all(replies, truths, most):
    return keep_right(replies, truths, len(replies) + 1)[:most]


_TRUTHS = {"1+2": "3", "4+4": "8"}
_REPLIES = (
    ([("1+2", "3", True)], _TRUTHS, 2),
    ([("1+2", "4", True), ("1+2", "3", False)], _TRUTHS, 2),
    ([("1+2", "0+1=1</think>3", True), ("1+2", "0+1=3</think>4", True)], _TRUTHS, 2),
    ([("1+2", "3", True), ("1+2", "3", True), ("4+4", "8", True)], _TRUTHS, 2),
    ([("1+2", f"{n}</think>3", True) for n in range(3)] + [("4+4", "8", True)], _TRUTHS, 2),
    ([("4+4", "8", True), ("1+2", "3", True), ("1+2", "a</think>3", True)], _TRUTHS, 1),
    ([("1+2", "a</think>b</think>3", True)], _TRUTHS, 1),
    ([("4+4", text, True) for text in ("13", "", "1", "a</think>", "3</think>18", "8 8", "7 8", "80")], _TRUTHS, 3),
    ([("9+8", text, True) for text in ("1", "7", "17")], {"9+8": "17"}, 2),
)

EXERCISES = (
    Exercise(
        "sft.labels",
        title="Which token is learned where?",
        text="Write labels(prompt, reply, width), the targets of one training example. The model reads the tokens of "
        "prompt + reply from the left; at each place it predicts the token that follows. Return a list of width "
        "numbers: at each place the token that follows, if that token belongs to the reply, and -100 otherwise. "
        "PyTorch's cross-entropy leaves out targets of -100. Behind the example there is padding up to width; width "
        "is at least len(prompt) + len(reply) - 1.",
        difficulty=3,
        importance=5,
        minutes=12,
        hints=(
            "The last token of the prompt is where the reply's first token is predicted: that place has a target.",
            "ids = prompt + reply; the target at place is ids[place + 1], for len(ids) - 1 places, then padding.",
        ),
        reference=labels,
        inputs=_EXAMPLES,
        mistakes=(
            Mistake(_question_too, "The question is learned too: nothing is masked."),
            Mistake(
                _not_shifted,
                "The target of a place is the token that stands there, which the model has just read. It learns to "
                "repeat, its loss goes to 0, and it can write nothing.",
            ),
            Mistake(
                _shifted_twice,
                "Each target lies two tokens ahead. This happens when you shift and the library shifts once more.",
            ),
            Mistake(
                _first_token_lost,
                "The reply's first token is predicted at the last token of the prompt, and you masked that place. The "
                "model never learns to begin, so it never learns to think.",
            ),
            Mistake(_end_lost, "The end of the reply is masked. A model that never learned it never stops."),
            Mistake(_padding_learned, "Padding is learned. Its targets have to be -100 as well."),
        ),
    ),
    Exercise(
        "sft.predict_tokens",
        title="Predict: equal examples, or equal tokens?",
        text="Riley reads worked solutions. With its question, one has over twice as many tokens as a bare answer. "
        "Somebody objects that Riley has read more, and gives Alex, who reads answers alone, so many more examples "
        "that both read equally many tokens. What happens on the shell games (five cups)?\n\n"
        "Answer 'A': Alex catches up, because tokens are what counts. 'B': Alex gets about half way. 'C': Alex stays "
        "where a guess is. 'D': Alex overtakes Riley.",
        difficulty=2,
        importance=4,
        minutes=5,
        hints=(
            "How many layers has the network, and how many swaps has a game? A direct answer gets one pass through "
            "the layers.",
            "What would help Alex more: more games of the same kind, or room to compute?",
        ),
        reference="C",
        why="A direct answer has one pass through three layers for up to ten swaps in a row, and more examples do not "
        "make it longer. Each step that Riley writes down is another pass. (On sums, where a guess may come close "
        "without any order, more examples do help Alex.)",
        mistakes=(
            Mistake("A", "That would be so if Alex lacked examples. What does a direct answer lack?"),
            Mistake("B", "Look at what twice as many examples did for Alex on cups in the picture above."),
            Mistake("D", "Longer examples are no handicap that Alex could outrun: look at the picture above."),
        ),
    ),
    Exercise(
        "sft.mend_end",
        title="A model that never stops",
        text="Somebody pads with the end token, as many tokenizers have no token of their own for padding, and masks "
        "the padding by id: every token that is the end token is left out of the loss. After training, the model "
        "solves its problems and then writes on for ever.\n\n"
        "Write mend_end(ids, prompt, length): for each place of a padded row, whether its token is learned. The first "
        "prompt tokens are the question, the example has length tokens in all (question, reply, and one end token, "
        "which is token 1), and the rest is padding, token 1 as well.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "The end token of the reply and the padding are the same number. Only their places differ.",
            "A token is learned if its place is at least prompt and less than length.",
        ),
        reference=mend_end,
        inputs=_PADDED,
        mistakes=(
            Mistake(
                _by_id,
                "That is the broken mask: it drops the end of the reply together with the padding, so nobody teaches "
                "the model to stop.",
            ),
            Mistake(_padding_too, "Now the padding is learned: the model spends its loss on end tokens after the end."),
            Mistake(_one_too_late, "The reply's first token stands at place prompt, and you left it out."),
            Mistake(_prompt_too, "The question should be masked: the model need not learn to write it."),
        ),
    ),
    Exercise(
        "sft.keep_right",
        title="What a round of self-training keeps",
        text="A model has answered questions, several times each. Write keep_right(replies, truths, most): the places "
        "(0, 1, ...) of the replies that are kept, in order.\n\n"
        "replies is a list of (question, text, finished). The answer is what stands behind the last </think>, or the "
        "whole text if there is none. Keep a reply if it came to an end by itself and its answer is exactly "
        "truths[question]. Of replies to one question with the same text keep the first alone, and of each question "
        "at most most replies.",
        difficulty=3,
        importance=4,
        minutes=15,
        hints=(
            "text.split('</think>')[-1] is the answer in both cases.",
            "Remember for each question the texts that were kept: a set in a dictionary answers both other questions.",
        ),
        reference=keep_right,
        inputs=_REPLIES,
        mistakes=(
            Mistake(_keep_all, "Wrong replies are kept as well: the model learns its own mistakes."),
            Mistake(
                _anywhere,
                "You accept the right answer anywhere in the text. A reply that mentions it on the way and ends wrong "
                "is wrong.",
            ),
            Mistake(_truncated_too, "A reply that did not come to an end has no answer, whatever stands there."),
            Mistake(_doubles_too, "The same reply to the same question is kept twice. It teaches nothing new."),
            Mistake(_no_cap, "There is no cap: easy questions, which have many right replies, crowd out the others."),
            Mistake(_cap_over_all, "The cap is for each question, not for all of them together."),
        ),
    ),
    Exercise(
        "sft.diagnose_rationalized",
        title="Diagnose: right answers, and worse solutions",
        text="A colleague trains a model on its own right solutions. Where it fails, the question is asked again with "
        "the right answer in it, and what comes back is kept if it ends right. Of the solutions found without a hint, "
        "few have a wrong line; of those found with one, many. The verifier accepts them all.\n\n"
        "Why do hints make it worse? Answer 'A': The hint stays in the training text, and the model learns to look for "
        "it. 'B': The model can write the answer it was given behind any steps, so that ending right says little about "
        "them. 'C': Hinted solutions are longer. 'D': Sampling with a hint needs a higher temperature.",
        difficulty=3,
        importance=5,
        minutes=6,
        hints=(
            "What does a right answer prove about the steps if you knew the answer beforehand?",
            "The hint is removed before training; there is a test for that.",
        ),
        reference="B",
        why="A right answer is evidence for the steps only as far as it is hard to come by without them. A hint makes "
        "it easy, and so does a question with few possible answers.",
        mistakes=(
            Mistake(
                "A", "That is a trap too, but here the hint was removed: the questions learned are the plain ones."
            ),
            Mistake("C", "They are to the same kind of question, and as long. What is different about their answers?"),
            Mistake("D", "The temperature was the same for both. What is different about the question?"),
        ),
    ),
)
