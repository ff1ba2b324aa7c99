"""Five questions on chapter 06: what the signal is, what a group is for, lengths, controls, what reward can teach."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "Your loss is printed as 0.0000 in the first step. What do you do?",
        (
            "Nothing: look at the gradient and the reward.",
            "The advantages of a group sum to zero and the ratio is 1, so the value is near zero. The gradient is not.",
        ),
        (
            (
                "Raise the learning rate until it moves.",
                "The value of the loss says nothing here, so nothing follows from it.",
            ),
            (
                "Multiply the reward, so that there is something to lose.",
                "Advantages are normalized within the group, so the factor cancels.",
            ),
            (
                "Stop the run: nothing is being learned.",
                "Look at the reward first. It can rise while this number stays near zero all along.",
            ),
        ),
    ),
    Question(
        "All eight completions of a prompt are right. What does the model learn from them?",
        (
            "Nothing, since none is better than the others.",
            "Rewards are compared within the group. Here they are all equal, so every advantage is zero.",
        ),
        (
            (
                "To give such replies more often, since all were rewarded.",
                "That is what REINFORCE without a baseline would do.",
            ),
            (
                "To think less, as the prompt is easy.",
                "Nothing tells the model what is easy, and no token is pushed either way.",
            ),
            (
                "To answer with less variety.",
                "Other groups may do that. The tokens of this group get no gradient at all.",
            ),
        ),
    ),
    Question(
        "During a run with sequence_mean, wrong replies get longer. What may you conclude?",
        (
            "Nothing about thinking, without a control.",
            "That loss lengthens wrong replies even where length is useless. Compare with token_mean.",
        ),
        (
            (
                "The model thinks harder about what it finds hard.",
                "It may, but the same curve appears where there is nothing to think about.",
            ),
            (
                "The reward favors length.",
                "A wrong reply earns nothing, however long it is. The cause is how the loss weights tokens.",
            ),
            ("Longer replies are worse.", "Length and error grow together here because of how tokens are weighted."),
        ),
    ),
    Question(
        "Rewarding closed tags alone, whatever stands between them, raises the score a lot. What does that say?",
        (
            "The ability to think was there; it had to be called up.",
            "The tags call up a habit from pretraining, and the habit brings right answers. No answer was ever "
            "rewarded.",
        ),
        (
            ("The reward for answers is superfluous.", "It gains more, also in families where tags alone do not help."),
            (
                "The score is worthless.",
                "The answers are checked exactly, on problems that the model was not trained on.",
            ),
            (
                "Format is what reasoning is.",
                "Empty or wrong thoughts between tags would earn the same reward and help nobody.",
            ),
        ),
    ),
    Question(
        "After training, pass@1 has doubled and pass@256 has not risen. What happened?",
        (
            "The model finds more reliably what it could find before.",
            "This is called sharpening: probability moved to replies that were already within reach.",
        ),
        (
            ("It learned to solve new problems.", "Then problems that no sample solved before would be solved now."),
            (
                "The measurement is wrong: both must rise together.",
                "They need not. One is about a single draw, the other about many.",
            ),
            (
                "It has forgotten what it knew.",
                "Since pass@256 has not fallen, the model can still solve what it could solve.",
            ),
        ),
    ),
)
