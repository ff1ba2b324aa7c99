"""Five questions on chapter 4: what is imitated, what is masked, and what a right answer proves."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "Alex and Riley read the same questions. Why does Riley learn the shell game, and Alex not?",
        (
            "Each step written down is another pass through the network.",
            "A direct answer has to do all swaps in one pass of three layers. A worked solution does one at a time.",
        ),
        (
            ("Riley reads more tokens.", "With as many tokens, Alex still guesses."),
            ("Riley has more weights.", "Both begin as copies of the same model."),
            (
                "Alex's answers contain mistakes.",
                "They are all right. They only do not say how they were found.",
            ),
        ),
    ),
    Question(
        "What does masking the question in the loss change?",
        (
            "Which tokens the model is trained to write; it reads the question either way.",
            "Attention sees the question as before. Only its tokens' losses are left out of the mean.",
        ),
        (
            ("The model no longer sees the question.", "It does: the reply attends to every token of it."),
            ("Training takes half as long.", "The question is computed like everything else."),
            (
                "Accuracy always rises a lot.",
                "Often it hardly changes; whether it does has to be measured, as in this chapter.",
            ),
        ),
    ),
    Question(
        "After fine-tuning, a model answers rightly and then goes on writing until it is truncated. What happened?",
        (
            "The end token was masked, probably together with the padding.",
            "If padding and end are the same token and the mask goes by id, the end is never learned.",
        ),
        (
            ("The learning rate was too high.", "Then its answers would be worse, too."),
            ("The questions were not masked.", "Then it would have learned to write questions, but also to stop."),
            ("It was trained on too few examples.", "A few dozen are enough to learn that replies end."),
        ),
    ),
    Question(
        "In self-training, which right answers are the least trustworthy?",
        (
            "Those to questions with few possible answers.",
            "One guess in five finds the ball, so many right replies have a wrong line. A guessed sum is seldom right.",
        ),
        (
            ("Those that were sampled greedily.", "The hotter the sampling, the more false positives there are."),
            ("Those to long sums.", "A wrong running total hardly ever ends at the right sum."),
            ("Those of which there is only one.", "How often it was drawn says little; how likely a guess is, much."),
        ),
    ),
    Question(
        "What is rationalization in STaR?",
        (
            "Solving a problem with its answer given, and learning the solution as if it had not been.",
            "It brings in problems that the model fails at, and with them solutions whose steps need not be right.",
        ),
        (
            (
                "Explaining a wrong answer after the fact, for a reader.",
                "Nobody reads it. It is training text, and the answer in it is right.",
            ),
            ("Throwing away solutions with a wrong line.", "That would need an oracle that looks at the steps."),
            ("Dividing by the number of solutions.", "That is a cap or a mean, and no hint is involved."),
        ),
    ),
)
