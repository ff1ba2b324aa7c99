"""Five questions on chapter 06b: what to look at first, and what not to believe."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "A run does not learn. Which number do you look at first?",
        (
            "The share of zero-variance groups.",
            "If the rewards of every group are equal there is no gradient, and no setting of the loop can help.",
        ),
        (
            ("The loss.", "It can be zero in a run that learns, and anything in a run that does not."),
            ("The clip fraction.", "With one iteration per batch it is zero in every healthy run."),
            ("The length of the replies.", "Worth a look, but lengths grow and shrink for many reasons."),
        ),
    ),
    Question(
        "A run takes one iteration per batch, and the first line of its log says: clip fraction .04. What is wrong?",
        (
            "Sampling and scoring disagree.",
            "No weight has moved yet, so both must give the same log-probs. Suspect padding first, then temperature.",
        ),
        (
            ("The learning rate.", "It has not been used when the first batch is scored."),
            ("The clip range is too narrow.", "A ratio of exactly 1 lies within any range."),
            ("Nothing, four percent is little.", "It should be exactly zero. This is a bug, and it slows learning."),
        ),
    ),
    Question(
        "The reward rises to its maximum, and accuracy on dev falls. What has the model learned?",
        (
            "What the reward says, which is not what you meant.",
            "A reward is a program. The model found replies that satisfy it, and they are not right.",
        ),
        (
            (
                "The training problems by heart.",
                "Then its replies to those would be right. Check them exactly, and read some.",
            ),
            ("To be brief.", "Perhaps that, too, but brevity alone would not raise this reward."),
            (
                "Nothing: the reward is noise.",
                "Noise does not rise to its maximum. The model has learned, but the wrong thing.",
            ),
        ),
    ),
    Question(
        "Why may replies grow if the end-of-sequence token is left out of the mask?",
        (
            "Going on gets credit, and stopping gets none.",
            "In a rewarded reply each letter becomes more likely at its position, so ending there becomes less so.",
        ),
        (
            (
                "Because the model can no longer sample the end.",
                "It can, with the probability it had. The end just gets no gradient.",
            ),
            (
                "Because long replies are right more often.",
                "In the case you saw, length and correctness are unrelated.",
            ),
            ("Because padding is scored instead.", "Padding stays out. What is missing is one token per reply."),
        ),
    ),
    Question(
        "One paper reports the mean of five seeds at the last step, another the best step of the best seed. Which "
        "method is better if both papers say .60?",
        (
            "Most likely the one reported by its mean.",
            "The other figure contains luck, and nobody can say how much of it would remain on new problems.",
        ),
        (
            ("Neither: .60 is .60.", "One figure estimates what you will get, the other is the largest of many."),
            (
                "The one reported by its best step.",
                "A maximum lies above what the method usually gives, so that is less than .60.",
            ),
            (
                "It depends on the learning rates only.",
                "It depends on how many figures were picked from, and how much they vary.",
            ),
        ),
    ),
)
