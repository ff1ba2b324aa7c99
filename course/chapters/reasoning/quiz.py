"""Five questions on chapter 1: what thinking changes, where it helps, which lines are wrong."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "What differs between the model that is asked directly and the same model forced to think?",
        (
            "Only the text of the prompt.",
            "The weights are the same. Forcing '<think>' changes the text that the reply continues.",
        ),
        (
            ("It was trained again to think.", "Nothing was trained: the same weights answer both prompts."),
            ("Thinking uses more layers.", "Every token passes through the same layers. More tokens mean more passes."),
            ("It looks the answer up while it thinks.", "It has nowhere to look. It only reads what it has written."),
        ),
    ),
    Question(
        "Why is it hard for a language model to count the r's in strawberry in one step?",
        (
            "It receives chunks of the word, not letters.",
            "A token is the number of a chunk of text. The model has to learn how each chunk is spelled.",
        ),
        (
            (
                "It has never read the word strawberry, in any text.",
                "It has read the word, only not in this question, and it can spell it.",
            ),
            ("It cannot count to three.", "When the word is spelled out, it counts without trouble."),
            ("The temperature is too high.", "At temperature 0 it is still wrong: it gives its most probable guess."),
        ),
    ),
    Question(
        "Does thinking help with the capital of France?",
        (
            "No: there are no steps between question and answer.",
            "A fact is either known or not; thinking about it only costs tokens.",
        ),
        (
            (
                "Yes: a model that thinks first is right more often, whatever is asked.",
                "Thinking helps where there are steps. The measured gain on facts is not above zero.",
            ),
            ("Yes, but only at temperature 1.", "At temperature 1, direct answers to facts are nearly always right."),
            ("It cannot be measured.", "Ask all facts both ways and compare: this chapter does exactly that."),
        ),
    ),
    Question(
        "A solution has a slip in line 3, and lines 4 to 9 follow from it correctly. How many lines are wrong?",
        ("One.", "A line is checked against the lines before it, as written. That shows what to fix."),
        (
            ("Seven.", "That counts every line whose value differs from the true one. Only line 3 made an error."),
            ("None, if the answer happens to be right.", "A right answer does not make a wrong line right."),
            ("It depends on the answer.", "Steps are checked one by one, whatever the answer turns out to be."),
        ),
    ),
    Question(
        "Thinking makes a reply four times as long. What follows for a model whose users pay per token?",
        (
            "Think where it helps, and answer the rest directly.",
            "The gain depends on the question, and so should the thinking. Later chapters let the model choose.",
        ),
        (
            ("Always think: right answers are priceless.", "On questions without steps you pay more for no gain."),
            ("Never think: it is four times the price.", "On some questions it turns guesses into right answers."),
            ("Truncate the thinking after a quarter.", "Truncated thinking has no answer at all."),
        ),
    ),
)
