"""Five questions on chapter 2: cues, examples, votes, and what may be said of a difference."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "Why does 'Let's think step by step' work on this model?",
        (
            "In what it read, thoughts often came after these words.",
            "It is a cue that was read. A cue that never occurred does little, and one before quick answers does harm.",
        ),
        (
            (
                "It understands the instruction and takes more care.",
                "Then any wording would do. Cues work as far as thoughts followed them.",
            ),
            (
                "It gives the model more time.",
                "Time is tokens. 'Take your time.' helps only as often as it brings thoughts.",
            ),
            ("It raises the temperature.", "The temperature is ours to set; the prompt does not touch it."),
        ),
    ),
    Question(
        "Two worked examples in the prompt help, two direct ones do not. What did the examples teach?",
        ("Nothing new: they set the format of the reply.", "The weights stay. The reply goes on in the style it sees."),
        (
            (
                "How to add.",
                "It could add before, when forced to think. Direct examples show sums too, and do not help.",
            ),
            (
                "The answers to problems that are close to the one asked.",
                "Direct examples give answers as well, and the score stays.",
            ),
            (
                "They trained the model a little.",
                "Nothing is trained by reading a prompt; the next prompt starts afresh.",
            ),
        ),
    ),
    Question(
        "When does a majority vote make things worse?",
        ("When the commonest answer is wrong.", "A vote makes sure of the commonest answer, right or wrong."),
        (
            ("When there are too many samples.", "Many samples only bring out what is commonest."),
            ("When the temperature is above 0.", "At temperature 0 there is nothing to vote on: all samples agree."),
            (
                "Never: it averages errors out.",
                "It averages out errors that differ. One that most samples share it keeps.",
            ),
        ),
    ),
    Question(
        "A new prompt gets 13 of 20 right, the old one 9 of the same 20. What do you report?",
        (
            "Can't tell yet: the interval of the difference holds zero.",
            "Four of twenty come about by chance easily. Ask 500 problems and look again.",
        ),
        (
            ("Better: .65 against .45.", "Twenty points sound large, but their interval reaches from below zero up."),
            ("Better, as the same problems were used.", "Pairing narrows the interval. Here it still holds zero."),
            ("No difference.", "That was not shown either: an interval that holds zero holds much else."),
        ),
    ),
    Question(
        "Wei and others found that a chain of thought helps only very large models. Why does it help ours?",
        (
            "Ours has read both formats about the very families it is asked about.",
            "The toy is made so. In models that read the open web, the ability appeared with size.",
        ),
        (
            ("Ours is a better design.", "It is an ordinary transformer. Its reading was fitted to the questions."),
            ("They were wrong.", "They measured models that had not been trained for it; both findings stand."),
            ("Ours is secretly large.", "It has less than a million parameters, a hundred thousandth of theirs."),
        ),
    ),
)
