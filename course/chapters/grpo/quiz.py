"""Five questions on chapter 6: what the signal is, what a group is for, lengths, controls, what reward can teach."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "Your loss prints as 0.0000 in the first step. What do you do?",
        (
            "Nothing: look at the gradient and the reward.",
            "Advantages of a group sum to zero and the ratio is 1, so the value is about zero. Its gradient is not.",
        ),
        (
            ("Raise the learning rate until it moves.", "The value says nothing here, so nothing follows from it."),
            ("Give the reward more weight, so that there is something to lose.", "Groups are normalized: it cancels."),
            (
                "Stop: nothing is being learnt.",
                "Look first. The reward rises while this number stays near zero all along.",
            ),
        ),
    ),
    Question(
        "All eight completions of a prompt are right. What does the model learn from them?",
        (
            "Nothing, since none beats the others.",
            "Rewards are compared within the group, and here they are equal: every advantage is zero.",
        ),
        (
            ("To give such replies more often, as all were paid.", "So it would be with REINFORCE and no baseline."),
            ("To think less, as the prompt is easy.", "Nobody told it what is easy; no token is pushed either way."),
            ("To answer with less variety.", "That happens by other groups. These tokens get no gradient at all."),
        ),
    ),
    Question(
        "During a run with the reply-by-reply mean, wrong replies get longer. What may you conclude?",
        (
            "Nothing about thinking, without a control.",
            "That loss lengthens wrong replies where length is useless, too. Try one that counts tokens alike.",
        ),
        (
            (
                "It thinks harder about what it finds hard.",
                "It may, but the same curve appears where there is nothing to think about.",
            ),
            ("The reward pays for length.", "A wrong reply is paid nothing, however long. It is the loss's weights."),
            ("Longer replies are worse.", "Length and error grow together here because of how tokens are weighted."),
        ),
    ),
    Question(
        "Paying for closed tags alone, whatever stands in them, raises the score by much. What does that say?",
        (
            "Thinking was there; it had to be called up.",
            "The tags bring on a habit from its reading, and the habit brings right answers. No answer was ever paid.",
        ),
        (
            ("The reward for answers is superfluous.", "It gains more, and in families where tags alone do not."),
            ("The score is worthless.", "The answers are marked exactly, on problems it was not trained on."),
            ("Format is what reasoning is.", "Empty or wrong thoughts in tags would be paid, too, and help nobody."),
        ),
    ),
    Question(
        "After training, pass@1 has doubled and pass@256 has not risen. What happened?",
        (
            "It finds more reliably what it could find before.",
            "That is sharpening: probability moved onto replies that were in reach already.",
        ),
        (
            ("It learnt to solve new problems.", "Then some that no sample solved before would be solved now."),
            (
                "The measurement is wrong: both must rise together.",
                "They need not. One asks about a draw, one about many.",
            ),
            ("It has forgotten what it knew.", "A pass@256 that stays says it can still do what it could."),
        ),
    ),
)
