"""Five questions on the clinic: what to look at first, and what not to believe."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "A run does not learn. Which number do you look at first?",
        (
            "The share of silent groups.",
            "If every group agrees there is no gradient, and no setting of the loop can help.",
        ),
        (
            ("The loss.", "It can be zero in a run that learns, and anything in one that does not."),
            ("The clip fraction.", "On one update a batch it is zero in every sound run."),
            ("The length of the replies.", "Worth a look, but lengths grow and shrink for many reasons."),
        ),
    ),
    Question(
        "One update on each batch, and the first line of the log says: clip fraction .04. What is wrong?",
        (
            "Sampling and scoring disagree.",
            "Nothing has moved yet, so both must give the same log-probs. Suspect padding, then temperature.",
        ),
        (
            ("The learning rate.", "It has not been used when the first batch is scored."),
            ("The clip range is too narrow.", "A ratio of exactly 1 fits into any range."),
            ("Nothing, four percent are few.", "Zero is what should stand there. It is a bug, and it slows learning."),
        ),
    ),
    Question(
        "The reward rises to its maximum, and accuracy on dev falls. What has the model learnt?",
        (
            "What is paid, which is not what you meant.",
            "The reward is a program. Replies that please it were found, and they are not right.",
        ),
        (
            (
                "The training problems by heart.",
                "Then the replies would be right on those. Mark them exactly, and read.",
            ),
            ("To be brief.", "Perhaps that, too. But brevity alone would not raise this reward."),
            (
                "Nothing: the reward is noise.",
                "Noise does not rise to its maximum. This is learning, of the wrong thing.",
            ),
        ),
    ),
    Question(
        "Why may replies grow if the end-of-sequence token is left out of the mask?",
        (
            "Going on gets credit, stopping gets none.",
            "In a reply that was paid every letter is made likelier in its place, and there the end less likely.",
        ),
        (
            (
                "Because the model can no longer sample the end.",
                "It can, with the chance it had. It is just not pushed.",
            ),
            (
                "Because long replies are right more often.",
                "In the case you saw, length and being right are unrelated.",
            ),
            ("Because padding is scored instead.", "Padding stays out. What is missing is one token a reply."),
        ),
    ),
    Question(
        "Two papers: one reports the mean of five seeds at the last step, one the best step of the best seed. Who is "
        "ahead if both say .60?",
        (
            "Most likely the one with the mean.",
            "The other figure holds luck, and nobody can say how much of it is left on new problems.",
        ),
        (
            ("Neither: .60 is .60.", "One is an estimate of what you will get, the other the largest of many."),
            ("The one with the best step.", "A maximum is above what the method gives, so the method is below .60."),
            (
                "It depends on the learning rate only.",
                "It depends on how many figures were picked from, and their scatter.",
            ),
        ),
    ),
)
