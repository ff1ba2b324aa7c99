"""Five questions on chapter 3: what experts save, what starves a router, what balances it, and what they cost."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "A model has 671 billion parameters, 37 billion of them active. What does that save?",
        (
            "Arithmetic: a token is multiplied with 37 billion.",
            "Work per token goes by the active parameters. All 671 billion still have to be kept somewhere.",
        ),
        (
            ("Memory: only 37 billion have to be kept.", "The next token may choose other experts, so all are kept."),
            ("Both in equal measure.", "Memory is that of all the parameters. Only the arithmetic gets cheaper."),
            (
                "Neither: every expert runs, and all but a few results are dropped.",
                "Experts that were not chosen do not run; that is the point.",
            ),
        ),
    ),
    Question(
        "Why does the router of a layer with one expert a token learn nothing, if weights are made to add up to 1?",
        (
            "Its one weight is always 1, whatever it says.",
            "The output does not depend on the logits, so no gradient comes back. Switch keeps the probability.",
        ),
        (
            ("Choosing cannot be differentiated.", "True, but with two experts their weights still carry a gradient."),
            ("One expert is too few to compare.", "Comparing is not the matter: with Switch's weights one is enough."),
            ("The learning rate is too low.", "Zero times any rate is zero."),
        ),
    ),
    Question(
        "Nothing balances the load. What makes a few experts take most tokens?",
        (
            "Whoever is chosen learns, gets better and is chosen more.",
            "A small lead at the beginning feeds itself; the others get no gradient to catch up with.",
        ),
        (
            ("Some experts start with larger weights.", "They start alike. Luck decides who gets the first lead."),
            ("The optimizer favors low numbers.", "Numbers of experts mean nothing to it."),
            (
                "Most of the experts are broken.",
                "They work; they are not asked. With a bias that is nudged, all of them are.",
            ),
        ),
    ),
    Question(
        "DeepSeek-V3 adds a bias to the scores. What does the bias do?",
        (
            "It takes part in the choice, and in nothing else.",
            "The weights are the scores alone. So balance is bought without a gradient of its own.",
        ),
        (
            (
                "It weighs the expert's output.",
                "Then balancing would change what the layer says; that is the classic bug.",
            ),
            ("It is learnt with the other weights.", "It gets no gradient: it is nudged by the load after every step."),
            ("It is added to the loss.", "That is the other way, the auxiliary loss."),
        ),
    ),
    Question(
        "On a laptop, experts of the same active size take longer than a dense layer. Why?",
        (
            "Tokens are sorted, and many small products replace a large one.",
            "The arithmetic is equal; bringing tokens together and running small matrices is not free.",
        ),
        (
            ("They do more arithmetic.", "Active parameters are equal but for a small router."),
            ("The router is a large network.", "It is one small matrix, width times experts."),
            ("All experts run on a processor.", "Those that nobody chose do not run there either."),
        ),
    ),
)
