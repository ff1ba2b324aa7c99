"""Five questions on chapter 9: what a student learns from, what is counted, and what may be concluded."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "Why is the question masked in the loss?",
        (
            "Because the reply is what it is to learn.",
            "A large part of a lesson is the question. Learning to write it costs capacity and teaches no answer.",
        ),
        (
            ("So that the student cannot see the question.", "It reads all of it. Only the loss leaves it out."),
            (
                "To save time: masked tokens are not computed.",
                "They are computed like all others, as the reply attends to them.",
            ),
            ("Because the teacher did not write it.", "What counts is not who wrote it, but whether it is to be said."),
        ),
    ),
    Question(
        "The verifier accepted a trace. What do you know?",
        (
            "That its answer is right.",
            "A slip that does no harm, or a lucky guess, passes too. Nobody looked at the steps.",
        ),
        (
            ("That every step of it is right.", "The verifier compares the answer with the truth, and reads no step."),
            ("That the teacher was sure of it.", "It was drawn at temperature 1; an unlikely reply may be right."),
            (
                "That the student will get this question right after learning it.",
                "It may; but nothing was measured on the student yet.",
            ),
        ),
    ),
    Question(
        "Two arms took equally many steps. May you compare them?",
        (
            "Not yet: count FLOPs, drawing included.",
            "A step of reinforcement draws hundreds of replies and learns from some; a step of imitation only learns.",
        ),
        (
            ("Yes, a step is a step.", "One step may read ten times as many tokens as another one."),
            (
                "Yes, if their batches hold equally many rows.",
                "Drawing a batch costs as well, and replies differ in length.",
            ),
            (
                "No, such arms can never be compared.",
                "With one measure for everything that the student computes, they can.",
            ),
        ),
    ),
    Question(
        "Reinforcement did little for the small student. What does that show?",
        (
            "It had too little to reward: its own thoughts were hardly ever right.",
            "Reinforcement makes likelier what is there and pays. Traces bring in what is not there yet.",
        ),
        (
            ("Reinforcement does not work.", "The teacher's own skill of thinking unasked came from reinforcement."),
            (
                "Small models cannot reason.",
                "The same student reasons well after it has learnt from the teacher's traces.",
            ),
            ("The learning rate was wrong.", "It had as many trials on dev as every other arm's."),
        ),
    ),
    Question(
        "The world's own worked solutions teach nearly as well as a teacher's. Why distill at all?",
        (
            "For real problems nobody has worked solutions in such numbers.",
            "A teacher and a verifier make them, where only questions and right answers are known.",
        ),
        (
            ("Distilled models are always smaller.", "The student has the same size, whatever it learns from."),
            (
                "A teacher's traces hold deeper thoughts.",
                "Ours writes what the world's solutions look like, with some slips more.",
            ),
            (
                "The teacher's share of the cost is nothing.",
                "It has to be trained and to draw; with it, traces are the dearer way here.",
            ),
        ),
    ),
)
