"""Five questions on chapter 09: what a student learns from, what is counted, and what may be concluded."""

from course.teach.quizzes import Question

QUESTIONS = (
    Question(
        "Why is the question masked in the loss?",
        (
            "Because the reply is what the student should learn.",
            "A large part of a training example is the question. Learning to write questions costs capacity and "
            "teaches no answer.",
        ),
        (
            (
                "So that the student cannot see the question.",
                "The student reads all of it. Only the loss leaves it out.",
            ),
            (
                "To save time: masked tokens are not computed.",
                "They are computed like all others, because the reply attends to them.",
            ),
            (
                "Because the teacher did not write it.",
                "It does not matter who wrote it, only whether the student should learn to write it.",
            ),
        ),
    ),
    Question(
        "The verifier accepted a trace. What do you know?",
        (
            "That its answer is right.",
            "A harmless slip or a lucky guess passes, too. The verifier does not look at the steps.",
        ),
        (
            ("That every step of it is right.", "The verifier compares the answer with the truth and reads no step."),
            (
                "That the teacher was sure of it.",
                "The trace was sampled at temperature 1; an unlikely reply may be right.",
            ),
            (
                "That the student will get this question right after training on it.",
                "It may, but nothing has been measured on the student yet.",
            ),
        ),
    ),
    Question(
        "Two arms took the same number of steps. Can you compare them?",
        (
            "Not yet: count FLOPs, sampling included.",
            "A step of reinforcement samples hundreds of replies first; a step of imitation only learns.",
        ),
        (
            ("Yes, a step is a step.", "One step may read ten times as many tokens as another."),
            (
                "Yes, if their batches have the same number of rows.",
                "Sampling a batch costs FLOPs as well, and replies differ in length.",
            ),
            (
                "No, such arms can never be compared.",
                "They can, with one measure for everything that the student computes.",
            ),
        ),
    ),
    Question(
        "Reinforcement did little for the small student. What does that show?",
        (
            "There was too little to reward: its own thoughts were hardly ever right.",
            "Reinforcement makes more likely what is there and earns a reward. Traces add what is not there yet.",
        ),
        (
            ("Reinforcement does not work.", "The teacher's own habit of thinking unprompted came from reinforcement."),
            (
                "Small models cannot reason.",
                "The same student reasons well after training on the teacher's traces.",
            ),
            ("The learning rate was wrong.", "It was chosen on dev with as many trials as every other arm's."),
        ),
    ),
    Question(
        "The world's own worked solutions teach nearly as well as a teacher's traces. Why distill at all?",
        (
            "For real problems, nobody has that many worked solutions.",
            "A teacher and a verifier produce them where only questions and right answers are known.",
        ),
        (
            ("Distilled models are always smaller.", "The student has the same size, whatever it learns from."),
            (
                "A teacher's traces hold deeper thoughts.",
                "Ours writes what the world's solutions look like, with a few more slips.",
            ),
            (
                "The teacher costs nothing.",
                "It has to be trained and has to sample; if it is counted, traces are the more expensive way here.",
            ),
        ),
    ),
)
