"""Cases about what a log shows while a run learns or does not: loss, ratio, zero-variance groups, learning rate."""

from course.chapters.clinic import broken, tasks
from course.chapters.clinic.case import Case
from course.learn.policy_gradient import clipped_loss, k3
from course.teach.quizzes import Question

LOSS = Case(
    "loss",
    "The loss is 0",
    "open-r1 #239, trl #2703 and trl #3452",
    "The loss is 0.0000 in all twelve steps. Nothing can be learned from a loss of zero.",
    Question(
        "Is this run learning?",
        (
            "Yes: the value is zero, but the gradient is not.",
            "The advantages of a group sum to zero and the ratio is 1, so they cancel in the value of the loss, but "
            "not in its gradient. The reward rises.",
        ),
        (
            (
                "No: without a loss there is no gradient.",
                "x minus its own value is zero as well, and its slope is one. Look at the panel on the right.",
            ),
            (
                "No: the rewards within a group are all equal.",
                "Then the gradient would be zero as well, and it is not.",
            ),
            (
                "Not yet: it needs more steps until the loss moves.",
                "The loss stays at zero to the end of every such run.",
            ),
        ),
    ),
    {"loss": "loss", "share right": "reward", "gradient": "gradient"},
    {
        "no KL term": lambda seed, dial: tasks.ask_mini(seed, dial, "letters"),
        "a KL term of .04": lambda seed, dial: tasks.ask_mini(seed, dial, "letters", kl=0.04, estimator=k3),
    },
    "None: the run is healthy. With every reply counting equally, the loss is minus the mean of the advantages.",
    "Do not watch the loss. With a KL term, as in the second run, it even rises while the model gets better, because "
    "it then shows how far the model has moved from its reference.",
)

RATIO = Case(
    "ratio",
    "The ratio is always 1",
    "minimind #775 and trl #3120",
    "In both runs the clip fraction is 0 from the first step to the last. What is a clip for if it never fires?",
    Question(
        "Which of the two is broken?",
        (
            "The one with eight iterations per batch.",
            "From the second iteration on, the weights are no longer those that sampled, so some ratios must differ "
            "from 1. If none does, the old log-probs are not old.",
        ),
        (
            (
                "The one with one iteration per batch.",
                "There the weights are the ones that sampled, so the ratio should be 1.",
            ),
            (
                "Both: PPO depends on its clip.",
                "With one iteration per batch PPO is REINFORCE, with or without a clip.",
            ),
            ("Neither: the clip is a safety belt.", "One of them does not learn. Look at the share right."),
        ),
    ),
    {"share right": "right", "clip fraction": "clipped"},
    {
        "one iteration": lambda seed, dial: tasks.two_prompts(seed, steps=20, rate=2e-2),
        "eight, against itself": lambda seed, dial: tasks.two_prompts(
            seed, steps=20, rate=2e-2, iterations=8, loss=broken.own_shadow
        ),
        "eight, fixed": lambda seed, dial: tasks.two_prompts(
            seed, steps=20, rate=2e-2, iterations=8, loss=clipped_loss
        ),
    },
    "The old log-probs are recomputed at every iteration, so the new ones are compared with themselves, and nothing "
    "limits eight iterations on one batch.",
    "Keep the log-probs from sampling and compare with those. Then the clip fires from the second iteration on.",
    seeds=5,
)

SIGNAL = Case(
    "signal",
    "No variance",
    "trl #2884 and trl #3857",
    "The run samples, computes rewards and logs. After twelve steps the model has not changed.",
    Question(
        "What do you look up before you change a setting?",
        (
            "The share of groups whose rewards are all equal.",
            "It is 1: no reply is better than the others of its group, so every advantage is zero and no weight moves.",
        ),
        (
            ("The loss.", "It is zero here, and it is zero in runs that learn, too."),
            ("A larger learning rate.", "Zero times a larger number is zero."),
            ("More steps.", "Nothing moves in a step, so nothing moves in a hundred."),
        ),
    ),
    {"share right": "reward", "zero-variance groups": "zero_variance", "gradient": "gradient"},
    {
        "five numbers": lambda seed, dial: tasks.ask_mini(seed, dial, "countdown", 5),
        "three numbers": lambda seed, dial: tasks.ask_mini(seed, dial, "countdown", 3),
    },
    "The problems are too hard: the model never solves countdown with five numbers, so all eight rewards are equal.",
    "Use problems that the model solves sometimes: three numbers instead of five, or easy problems first. A finer "
    "reward or larger groups can help, too.",
)

RATE = Case(
    "rate",
    "The learning rate is too high",
    "hello-agents #770",
    "The reward moved in the first steps. Then it stood still, far below what the task allows.",
    Question(
        "All groups have zero variance, and the entropy is close to zero. Will more steps help?",
        (
            "No: the model hardly varies its replies any more.",
            "All rewards of a group are equal, mostly because its replies are the same. No gradient leads out of this.",
        ),
        (
            (
                "Yes, it only has to explore.",
                "To explore is to write something else now and then, and entropy measures exactly that.",
            ),
            (
                "Yes, with a lower rate from here on.",
                "The gradient is zero, and a smaller step along it is still zero.",
            ),
            ("Yes, with larger groups.", "Whether sixteen or sixty replies are the same, their rewards are equal."),
        ),
    ),
    {"share right": "right", "entropy": "entropy", "zero-variance groups": "zero_variance"},
    {
        "learning rate .3": lambda seed, dial: tasks.two_prompts(seed, rate=0.3),
        "learning rate .03": lambda seed, dial: tasks.two_prompts(seed, rate=0.03),
    },
    "A few large steps made one reply certain, right or wrong, before the model had tried the others.",
    "Use a tenth of the learning rate from the start, or from a checkpoint before the collapse. Watch the entropy and "
    "the share of zero-variance groups, which show the collapse first.",
    seeds=5,
)
