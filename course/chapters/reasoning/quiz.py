"""Five questions on chapter 1: what thinking changes, where it pays, which lines are wrong."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "What differs between the model asked plainly and the same model made to think?",
        (
            "Only the text of the prompt.",
            "The weights are the same. Forcing '<think>' changes what the reply goes on from.",
        ),
        (
            ("It was trained again to think.", "Nothing was trained: the same file of weights answers both ways."),
            ("Thinking switches on more layers.", "Every token passes the same layers. More tokens make more passes."),
            ("It looks the answer up while it thinks.", "It has nowhere to look. It only reads what it has written."),
        ),
    ),
    Question(
        "Why is it hard for a language model to count the r's in strawberry at once?",
        (
            "It gets chunks of the word and not its letters.",
            "A token is a number for a chunk. Spelling has to be learnt.",
        ),
        (
            (
                "It has never read the word strawberry, in any text.",
                "It has read it. This very question it has not, but it spells the word.",
            ),
            ("Counting to three is beyond it.", "With the word spelled out it counts without trouble."),
            ("The temperature is too high.", "At temperature 0 it is still wrong: it gives its commonest guess."),
        ),
    ),
    Question(
        "Does thinking help with the capital of France?",
        (
            "No: there are no steps between question and answer.",
            "What is known is known at once; the thinking only costs.",
        ),
        (
            (
                "Yes: whoever thinks first is right more often, whatever is asked.",
                "It helps where there are steps. The measured gain on facts is not above zero.",
            ),
            ("Yes, but only at temperature 1.", "Facts are answered plainly at temperature 1, nearly always right."),
            ("It cannot be measured.", "Ask all facts both ways and compare: that is the experiment of this chapter."),
        ),
    ),
    Question(
        "A solution has a slip in line 3, and lines 4 to 9 follow from it correctly. How many lines are wrong?",
        ("One.", "A line is judged by the lines before it, as written. That shows what to mend."),
        (
            ("Seven.", "That counts every line whose value is not the true one. Only line 3 made an error."),
            ("None, if the answer happens to be right.", "A right answer does not mend a wrong line."),
            ("It depends on the answer.", "Steps are judged one by one, whatever the answer turns out to be."),
        ),
    ),
    Question(
        "Thinking makes a reply four times as long. What follows for a model you pay by the token?",
        (
            "Think where the gain is worth it, and answer the rest at once.",
            "The gain depends on the question, and so should the thinking. Later chapters let the model choose.",
        ),
        (
            ("Always think: right answers are priceless.", "On questions without steps you pay more for no gain."),
            ("Never think: it is four times the price.", "On some questions it turns guesses into right answers."),
            ("Cut every thought off after a quarter.", "A thought that is cut off has no answer at all."),
        ),
    ),
)
