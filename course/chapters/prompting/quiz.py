"""Five questions on chapter 2: cues, examples, majority votes, and what can be concluded from a difference."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "Why does 'Let's think step by step' work on this model?",
        (
            "In its training text, reasoning often followed this sentence.",
            "The model has read this cue. An unknown cue does little, and one that preceded quick answers does harm.",
        ),
        (
            (
                "It understands the instruction and takes more care.",
                "Then any wording would work. Cues work as far as reasoning followed them in the training text.",
            ),
            (
                "It gives the model more time.",
                "For a model, time means tokens. 'Take your time.' helps only as often as reasoning follows it.",
            ),
            ("It raises the temperature.", "The temperature is set by us; the prompt does not change it."),
        ),
    ),
    Question(
        "Two worked examples in the prompt help, two direct ones do not. What did the examples teach?",
        (
            "Nothing new: they set the format of the reply.",
            "The weights stay the same. The reply continues in the style of the prompt.",
        ),
        (
            (
                "How to add.",
                "It could add before, when it was forced to think. Direct examples show sums too and do not help.",
            ),
            (
                "The answers to problems that are close to the one asked.",
                "Direct examples give answers as well, and the score does not rise.",
            ),
            (
                "They trained the model a little.",
                "Reading a prompt trains nothing: the next prompt starts from the same weights.",
            ),
        ),
    ),
    Question(
        "When does a majority vote make things worse?",
        ("When the most common answer is wrong.", "A vote returns the most common answer, right or wrong."),
        (
            ("When there are too many samples.", "More samples only make the most common answer more certain to win."),
            ("When the temperature is above 0.", "At temperature 0 there is nothing to vote on: all samples agree."),
            (
                "Never: it averages errors out.",
                "It averages out errors that differ. An error that most samples share remains.",
            ),
        ),
    ),
    Question(
        "A new prompt gets 13 of 20 right, the old one 9 of the same 20. What do you report?",
        (
            "Can't tell yet: the interval of the difference contains zero.",
            "A difference of four in twenty easily arises by chance. Ask 500 problems and look again.",
        ),
        (
            ("Better: .65 against .45.", "Twenty points sound large, but their interval begins below zero."),
            ("Better, as the same problems were used.", "Pairing narrows the interval. Here it still contains zero."),
            ("No difference.", "That was not shown either: the interval also contains large differences."),
        ),
    ),
    Question(
        "Wei and others found that a chain of thought helps only very large models. Why does it help ours?",
        (
            "Ours has read both formats about exactly the families it is asked about.",
            "The toy was built that way. In models that read the open web, the ability appeared with size.",
        ),
        (
            (
                "Ours is a better design.",
                "It is an ordinary transformer. Its training text was made for the questions.",
            ),
            ("They were wrong.", "They measured models that had not been trained for it. Both findings are right."),
            ("Ours is secretly large.", "It has less than a million parameters, a hundred thousandth of theirs."),
        ),
    ),
)
