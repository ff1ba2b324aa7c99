"""The ten cases."""

from course.chapters.clinic import broken, picking, tasks
from course.chapters.clinic.case import Case
from course.learn.policy_gradient import clipped_loss, k2, k3
from course.teach.quizzes import Question

LOSS = Case(
    "loss",
    "The loss is 0",
    "open-r1 #239, trl #2703 and trl #3452",
    "Twelve steps, and the loss is 0.0000 in every one. Nothing can be learnt from a loss of zero.",
    Question(
        "Is this run learning?",
        (
            "Yes: the value is zero, the gradient is not.",
            "The advantages of a group sum to zero and the ratio is 1, so what is pushed up and down cancels in the "
            "value. The reward rises.",
        ),
        (
            ("No: no loss, no gradient.", "x minus its own value is zero, too, and its slope is one. Look right."),
            ("No: the rewards within a group are all equal.", "Then the gradient would be zero as well. It is not."),
            (
                "Not yet: it needs more steps until the loss moves.",
                "The loss stays at zero to the end of any such run.",
            ),
        ),
    ),
    {"loss": "loss", "share right": "reward", "gradient": "gradient"},
    {
        "no KL term": lambda seed, dial: tasks.ask_mini(seed, dial, "letters"),
        "a KL term of .04": lambda seed, dial: tasks.ask_mini(seed, dial, "letters", kl=0.04, estimator=k3),
    },
    "None: the patient is healthy. With every reply counting alike, the loss is minus the mean of the advantages.",
    "Do not watch the loss. With a KL term, as in the second run, it even rises while the model gets better: it then "
    "shows how far the model has gone from its reference.",
)

RATIO = Case(
    "ratio",
    "The ratio is always 1",
    "minimind #775 and trl #3120",
    "Two runs, and in both the clip fraction is 0 from the first step to the last. Why have a clip that never fires?",
    Question(
        "Which of the two is sick?",
        (
            "The one that takes eight updates a batch.",
            "From the second update on the weights are not those that sampled, so some ratio must differ from 1. If "
            "none does, the old log-probs are not old.",
        ),
        (
            (
                "The one that takes one update a batch.",
                "There the weights are those that sampled: the ratio is 1 by right.",
            ),
            ("Both: PPO lives by its clip.", "On one update a batch PPO is REINFORCE, clip or no clip."),
            ("Neither: the clip is a safety belt.", "One of them does not learn. Look at the share right."),
        ),
    ),
    {"share right": "right", "clip fraction": "clipped"},
    {
        "one update": lambda seed, dial: tasks.two_prompts(seed, steps=20, rate=2e-2),
        "eight, own shadow": lambda seed, dial: tasks.two_prompts(
            seed, steps=20, rate=2e-2, iterations=8, loss=broken.own_shadow
        ),
        "eight, mended": lambda seed, dial: tasks.two_prompts(
            seed, steps=20, rate=2e-2, iterations=8, loss=clipped_loss
        ),
    },
    "The old log-probs are recomputed at every update, so the new ones are compared with themselves and nothing holds "
    "eight updates on one batch back.",
    "Keep the log-probs of sampling, and compare with those. Then the clip fires from the second update on.",
    seeds=5,
)

SIGNAL = Case(
    "signal",
    "No variance",
    "trl #2884 and trl #3857",
    "It draws, it marks, it logs. After twelve steps the model is what it was.",
    Question(
        "What do you ask for before you touch a setting?",
        (
            "The share of groups whose rewards are all equal.",
            "It is 1: no reply beats another of its group, so every advantage is zero and no weight moves.",
        ),
        (
            ("The loss.", "It is zero here, and it is zero in runs that learn."),
            ("A larger learning rate.", "Zero times a larger number is zero."),
            ("More steps.", "Nothing moves in a step, so nothing moves in a hundred."),
        ),
    ),
    {"share right": "reward", "silent groups": "zero_variance", "gradient": "gradient"},
    {
        "five numbers": lambda seed, dial: tasks.ask_mini(seed, dial, "countdown", 5),
        "three numbers": lambda seed, dial: tasks.ask_mini(seed, dial, "countdown", 3),
    },
    "The problems are too hard: countdown with five numbers is never right, so all eight replies are paid alike.",
    "Problems that are right sometimes. Three numbers instead of five; or easy ones first, a sharper reward, larger "
    "groups.",
)

RATE = Case(
    "rate",
    "The learning rate is too high",
    "hello-agents #770",
    "It moved in the first steps. Then the reward stood still, far below what the task allows.",
    Question(
        "Every group is silent, and the entropy is close to zero. Will more steps help?",
        (
            "No: it hardly says anything else any more.",
            "All replies of a group are paid alike, most of them because they are the same reply. No gradient leads "
            "out.",
        ),
        (
            (
                "Yes, it only has to explore.",
                "Exploring is to say something else now and then. Entropy measures just that.",
            ),
            ("Yes, with a lower rate from here on.", "No gradient arrives, and a smaller share of nothing is nothing."),
            ("Yes, with larger groups.", "Sixteen equal replies or sixty: they are paid alike."),
        ),
    ),
    {"share right": "right", "entropy": "entropy", "silent groups": "zero_variance"},
    {
        "rate .3": lambda seed, dial: tasks.two_prompts(seed, rate=0.3),
        "rate .03": lambda seed, dial: tasks.two_prompts(seed, rate=0.03),
    },
    "A few large steps made one reply certain, right or wrong, before the others had been tried.",
    "A tenth of the rate, from the start: go back to a checkpoint from before the collapse. Watch entropy and silent "
    "groups, which show it first.",
    seeds=5,
)

MARKER = Case(
    "marker",
    "The empty answer is accepted",
    "Visual-RFT #176",
    "The reward went to 1.00 in a dozen steps. Nobody had expected it to be that easy.",
    Question(
        "What do you look at before you celebrate?",
        (
            "The replies themselves.",
            "They are empty. The marker asks whether the reply is part of the right answer, and nothing is part of "
            "everything.",
        ),
        (
            ("The loss.", "It looks as it does in any run."),
            ("The KL to the reference.", "It is large, as in any run that learnt. It does not say what was learnt."),
            ("Another seed.", "Five seeds are drawn here. They all agree."),
        ),
    ),
    {"what is paid": "reward", "share right": "right", "tokens": "length"},
    {
        "found inside": lambda seed, dial: tasks.two_prompts(seed, reward=broken.found_inside),
        "exactly": lambda seed, dial: tasks.two_prompts(seed),
    },
    "The reward pays for replies that are part of the right answer, as is the empty one.",
    "Compare the whole with the whole, and pay nothing for nothing. Mark with something else than you pay with, and "
    "read replies.",
    seeds=5,
)

ENDING = Case(
    "ending",
    "The end is left out",
    "RAGEN #59 and reasoning-from-scratch #185",
    "Replies get longer and longer. Some say the model has begun to think. Then the first are cut off.",
    Question(
        "In this task length is of no use at all. Why do replies grow?",
        (
            "Going on is rewarded in right replies, ending never.",
            "Every letter that went on gets a push, the end gets none, so in replies that were paid the end becomes "
            "unlikely.",
        ),
        (
            (
                "It has learnt that longer replies are better.",
                "They are not: right and wrong ones are equally long at first.",
            ),
            ("The limit on new tokens is too high.", "A lower limit cuts them off earlier. They still do not end."),
            ("It thinks.", "There is nothing to think about: the first letter decides."),
        ),
    ),
    {"share paid": "reward", "tokens": "length", "cut off": "unfinished"},
    {
        "end left out": lambda seed, dial: tasks.babble(seed, loss=broken.without_the_end),
        "end counted": lambda seed, dial: tasks.babble(seed),
    },
    "The mask takes the end for padding. Where a reply stops is a decision of the model, and no gradient reaches it.",
    "The end is a token like any other: it counts. What comes after it does not.",
    seeds=3,
)

PADDING = Case(
    "padding",
    "Padding on the left is counted",
    "trl #2708",
    "It does learn, but slowly, and nobody looked at the first step: one update a batch, and yet the clip fires.",
    Question(
        "What does a clip fraction above 0 in the very first step say?",
        (
            "Scoring does not reproduce sampling.",
            "Same weights, same tokens, other log-probs: something stands before the text when it is scored that did "
            "not when it was drawn.",
        ),
        (
            ("The learning rate is too high.", "In the first step nothing has moved yet."),
            (
                "The clip range is too small.",
                "Without a change of weights the ratio is 1, and any range is wide enough.",
            ),
            ("The groups are too small.", "A ratio belongs to one token of one reply. Groups do not enter."),
        ),
    ),
    {"share paid": "reward", "clip fraction": "clipped"},
    {
        "padding looked at": lambda seed, dial: tasks.babble(seed, kind=broken.CountsPadding),
        "padding masked": lambda seed, dial: tasks.babble(seed, kind=broken.MasksPadding),
    },
    "Rows are padded on the left for scoring and the mask is missing, so short replies are scored as if padding were "
    "part of the text.",
    "Pass the mask, or pad on the right, where no token looks. And assert that the ratio is 1 on the first update.",
    seeds=3,
)

SEED = Case(
    "seed",
    "A lucky seed",
    "understand-r1-zero #20",
    "A new method gains on the benchmark, with one of the seeds. Others cannot reproduce it.",
    Question(
        "The reward is a coin. Which seed will you report?",
        (
            "All of them, and the mean.",
            "A coin teaches nothing that lasts. The best of several is above their mean by luck alone.",
        ),
        (
            ("The best one: it shows what the method can do.", "On other problems it can do what the others can."),
            ("The first one.", "Honest, but one draw; it says nothing about how far seeds lie apart."),
            ("The median one.", "Better than the best, and still without a word on the spread."),
        ),
    ),
    {"share right": "share"},
    {
        "30 problems": lambda seed, dial: picking.only(picking.paid_by_a_coin(dial), "few"),
        "other problems": lambda seed, dial: picking.only(picking.paid_by_a_coin(dial), "many"),
    },
    "Thirty problems scatter, and the largest of several figures that scatter was picked.",
    "Name the seeds before you run them, report their mean with its interval, and compare in pairs.",
    xlabel="seed (0: untouched)",
    joined=False,
)

CHECKPOINT = Case(
    "checkpoint",
    "The best checkpoint is picked",
    "understand-r1-zero #21",
    "The benchmark is asked after every step, and the paper reports the step at which it stood highest.",
    Question(
        "The model had stopped learning before this run. What does the highest point show?",
        (
            "How far 30 problems scatter.",
            "On other problems the curve is flat. A maximum over a dozen draws lies well above their mean.",
        ),
        (
            ("The moment at which to stop.", "On other problems nothing happens at that step."),
            ("That training helped, and then harmed.", "Ups and downs of this size are what 30 problems give."),
            (
                "The true score, as lower ones are bad luck.",
                "Good luck is as likely as bad, and only good luck is picked.",
            ),
        ),
    ),
    {"share right": "share"},
    {
        "30 problems": lambda seed, dial: picking.only(picking.along_a_run(dial), "few"),
        "other problems": lambda seed, dial: picking.only(picking.along_a_run(dial), "many"),
    },
    "The problems that chose the checkpoint are those it is reported on.",
    "The last step counts. Or choose on one set of problems, and report on another that chose nothing.",
)

SIGN = Case(
    "sign",
    "The KL has the wrong sign",
    "open-instruct #534",
    "A KL term was added so that the model stays close to its reference. The larger its weight, the farther it goes.",
    Question(
        "The logged KL goes below zero. Can a distance do that?",
        (
            "No: the term has the wrong sign.",
            "It is taken off where it should be added, so the loss pays for going away, and the farther, the more.",
        ),
        (
            (
                "Yes, as an estimate from samples it scatters around the truth.",
                "k1 can. A square cannot, and it goes one way.",
            ),
            ("Yes, if the model is better than its reference.", "It measures how far, not how good."),
            ("Yes, with large weights.", "The weight multiplies it afterwards; the estimate itself is below zero."),
        ),
    ),
    {"share paid": "reward", "logged KL": "kl", "tokens": "length"},
    {
        "sign turned": lambda seed, dial: tasks.babble(seed, kl=1.0, estimator=broken.going_away),
        "sign right": lambda seed, dial: tasks.babble(seed, kl=1.0, estimator=k2),
    },
    "Where model and reference agree, the slope of the term is zero, so it begins quietly. Then every step away "
    "steepens the next one.",
    "Plus in a loss, minus in a reward. And take an estimator whose gradient pulls: k2, not k1.",
    seeds=3,
)

CASES = {one.name: one for one in (LOSS, RATIO, SIGNAL, RATE, MARKER, ENDING, PADDING, SEED, CHECKPOINT, SIGN)}
