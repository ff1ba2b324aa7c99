"""Five questions on chapter 3: what experts save, when a router cannot learn, how to balance it, what experts cost."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "A model has 671 billion parameters, 37 billion of them active. What does that save?",
        (
            "Arithmetic: each token uses only 37 billion parameters.",
            "The work per token depends on the active parameters. All 671 billion still have to be stored.",
        ),
        (
            ("Memory: only 37 billion parameters have to be stored.", "The next token may choose other experts."),
            ("Memory and arithmetic alike.", "All parameters have to be stored. Only the arithmetic gets cheaper."),
            (
                "Neither: every expert runs, and all but a few results are dropped.",
                "Experts that are not chosen do not run; that is the point.",
            ),
        ),
    ),
    Question(
        "A layer uses one expert per token and normalizes its weight to 1. Why does the router learn nothing?",
        (
            "The weight is 1, whatever the logits are.",
            "The output does not depend on the logits, so the router gets no gradient. Switch keeps the probability.",
        ),
        (
            ("Choosing cannot be differentiated.", "True, but with two experts their weights still carry a gradient."),
            ("One expert is too few to compare.", "With Switch's weights, one expert per token is enough."),
            ("The learning rate is too low.", "Zero times any rate is zero."),
        ),
    ),
    Question(
        "Without balancing, why do a few experts process most of the tokens?",
        (
            "A chosen expert learns, gets better and is chosen more.",
            "A small lead at the beginning reinforces itself; the other experts get no gradient to catch up.",
        ),
        (
            ("Some experts start with larger weights.", "They start alike. Chance decides which gets the first lead."),
            ("The optimizer favors experts with low numbers.", "The number of an expert means nothing to it."),
            (
                "Most of the experts are broken and cannot learn.",
                "They work, but they are not chosen. With bias updates, all of them are.",
            ),
        ),
    ),
    Question(
        "DeepSeek-V3 adds a bias to the scores. What does the bias do?",
        (
            "It affects which experts are chosen, nothing else.",
            "The weights depend on the scores alone. So balancing needs no gradient of its own.",
        ),
        (
            (
                "It scales the output of the expert that is chosen.",
                "Then balancing would change the layer's output; that is the classic bug.",
            ),
            (
                "It is learned with the other weights.",
                "It gets no gradient: it is updated from the load after each step.",
            ),
            ("It is added to the loss.", "That is the other method, the auxiliary loss."),
        ),
    ),
    Question(
        "On a laptop, a layer of experts takes longer than a dense layer of the same active size. Why?",
        (
            "Tokens are sorted, and many small products replace a large one.",
            "The arithmetic is the same, but sorting tokens and multiplying small matrices have a cost.",
        ),
        (
            ("Experts do more arithmetic.", "The active parameters are the same, except for a small router."),
            ("The router is a large network.", "It is one small matrix, hidden size times number of experts."),
            ("On a processor, all experts run.", "Experts that are not chosen do not run there either."),
        ),
    ),
)
