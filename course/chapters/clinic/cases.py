"""The eleven cases: what a log shows stands in `signals`; these are about wrong lines and wrong conclusions."""

from course.chapters.clinic import broken, picking, tasks
from course.chapters.clinic.case import Case
from course.chapters.clinic.signals import LOSS, RATE, RATIO, SIGNAL
from course.learn.policy_gradient import k2
from course.learn.rewards import answer_and_format
from course.teach.quizzes import Question
from course.think.prompting import force_thinking

VERIFIER = Case(
    "verifier",
    "The empty answer is accepted",
    "Visual-RFT #176",
    "The reward reached 1.00 in a dozen steps. Nobody had expected the task to be that easy.",
    Question(
        "What do you look at before you celebrate?",
        (
            "The replies themselves.",
            "They are empty. The reward asks whether the reply is contained in the right answer, and the empty text is "
            "contained in every text.",
        ),
        (
            ("The loss.", "It looks as it does in every run."),
            (
                "The KL to the reference.",
                "It is large, as in every run that learned something. It does not say what was learned.",
            ),
            ("Another seed.", "Five seeds are shown here, and they all agree."),
        ),
    ),
    {"reward": "reward", "share right": "right", "tokens": "length"},
    {
        "contained": lambda seed, dial: tasks.two_prompts(seed, reward=broken.found_inside),
        "equal": lambda seed, dial: tasks.two_prompts(seed),
    },
    "The reward accepts every reply that is contained in the right answer, and the empty reply is.",
    "Compare the whole reply with the whole answer, and give an empty reply nothing. Measure accuracy with another "
    "verifier than the reward, and read replies.",
    seeds=5,
)

ENDING = Case(
    "ending",
    "The end is left out",
    "RAGEN #59 and reasoning-from-scratch #185",
    "Replies get longer and longer. Some say the model has begun to think. Then the first replies are truncated.",
    Question(
        "In this task length is of no use at all. Why do replies grow?",
        (
            "Right replies are rewarded for going on, but never for ending.",
            "In a rewarded reply every letter becomes more likely, and the end token gets no gradient, so at each of "
            "these positions it becomes less likely.",
        ),
        (
            (
                "It has learned that longer replies are better.",
                "They are not: right and wrong replies are equally long at first.",
            ),
            (
                "The limit on new tokens is too high.",
                "A lower limit truncates them earlier, and they still do not end.",
            ),
            ("It thinks.", "There is nothing to think about: the first letter decides."),
        ),
    ),
    {"share rewarded": "reward", "tokens": "length", "share truncated": "unfinished"},
    {
        "end left out": lambda seed, dial: tasks.babble(seed, loss=broken.without_the_end),
        "end counted": lambda seed, dial: tasks.babble(seed),
    },
    "The mask treats the end token as padding. Where to stop is a decision of the model, and no gradient reaches it.",
    "The end token counts like any other token. What comes after it does not.",
    seeds=3,
)

PADDING = Case(
    "padding",
    "Padding on the left is counted",
    "trl #2708",
    "The run does learn, but slowly. Nobody looked at the first step: with one iteration per batch, the clip fires.",
    Question(
        "What does a clip fraction above 0 in the very first step say?",
        (
            "Scoring does not reproduce sampling.",
            "The weights and the tokens are the same, but the log-probs differ: in scoring, something stands before "
            "the text that was not there in sampling.",
        ),
        (
            ("The learning rate is too high.", "In the first step, no weight has moved yet."),
            (
                "The clip range is too small.",
                "As long as the weights have not changed, the ratio is 1, and any range is wide enough.",
            ),
            ("The groups are too small.", "A ratio belongs to one token of one reply. Groups do not affect it."),
        ),
    ),
    {"share rewarded": "reward", "clip fraction": "clipped"},
    {
        "padding counted": lambda seed, dial: tasks.babble(seed, kind=broken.CountsPadding),
        "padding masked": lambda seed, dial: tasks.babble(seed, kind=broken.MasksPadding),
    },
    "For scoring, rows are padded on the left and the attention mask is missing, so short replies are scored as if the "
    "padding were part of the text.",
    "Pass the attention mask, or pad on the right, where no token looks. Assert that nothing is clipped at the start.",
    seeds=3,
)

SEED = Case(
    "seed",
    "A lucky seed",
    "understand-r1-zero #20",
    "With one of its seeds, a new method gains on the benchmark. Others cannot reproduce the gain.",
    Question(
        "The reward is a coin toss. Which seed do you report?",
        (
            "All of them, and the mean.",
            "A coin teaches nothing. The best of several seeds is above their mean by luck alone.",
        ),
        (
            (
                "The best one: it shows what the method can do.",
                "On other problems it does no better than the other seeds.",
            ),
            ("The first one.", "That is honest, but it is one draw and says nothing about how much seeds differ."),
            ("The median one.", "That is better than the best one, but it still says nothing about the spread."),
        ),
    ),
    {"share right": "share"},
    {
        "30 problems": lambda seed, dial: picking.only(picking.coin_runs(dial), "few"),
        "other problems": lambda seed, dial: picking.only(picking.coin_runs(dial), "many"),
    },
    "A score on thirty problems varies by chance, and the largest of several such scores was picked.",
    "Name the seeds before you run them, report their mean with an interval, and use paired comparisons.",
    xlabel="seed (0: untouched)",
    joined=False,
)

CHECKPOINT = Case(
    "checkpoint",
    "The best checkpoint is picked",
    "understand-r1-zero #21",
    "The benchmark is run after every step, and the paper reports the step with the highest score.",
    Question(
        "The model had stopped learning before this run. What does the highest point show?",
        (
            "How much a score on 30 problems varies.",
            "On other problems the curve is flat. The maximum of a dozen measurements lies well above their mean.",
        ),
        (
            ("The moment at which to stop.", "On other problems nothing special happens at that step."),
            ("That training helped, and then harmed.", "With 30 problems, ups and downs of this size are chance."),
            (
                "The true score, since lower ones are bad luck.",
                "Good luck is as likely as bad luck, and only good luck is picked.",
            ),
        ),
    ),
    {"share right": "share"},
    {
        "30 problems": lambda seed, dial: picking.only(picking.along_a_run(dial), "few"),
        "other problems": lambda seed, dial: picking.only(picking.along_a_run(dial), "many"),
    },
    "The checkpoint is reported on the same problems by which it was chosen.",
    "Let the last step count. Or choose on one set of problems, and report on another that was not used for choosing.",
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
            "It is subtracted where it should be added, so the loss gets smaller the farther the model moves away.",
        ),
        (
            (
                "Yes, since an estimate from samples varies around the truth.",
                "k1 can go below zero. A square cannot, and this one keeps falling.",
            ),
            ("Yes, if the model is better than its reference.", "It measures how far the model is, not how good."),
            ("Yes, with large weights.", "The weight is applied afterwards; the estimate itself is below zero."),
        ),
    ),
    {"share rewarded": "reward", "logged KL": "kl", "tokens": "length"},
    {
        "wrong sign": lambda seed, dial: tasks.babble(seed, kl=1.0, estimator=broken.going_away),
        "right sign": lambda seed, dial: tasks.babble(seed, kl=1.0, estimator=k2),
    },
    "Where model and reference agree, the gradient of the term is zero, so it begins quietly. Then every step away "
    "makes the next one larger.",
    "Add the term in a loss, subtract it in a reward. And use an estimator whose gradient pulls: k2, not k1.",
    seeds=3,
)

CONSTANT = Case(
    "constant",
    "The reward is always 0",
    "trl #6966",
    "The prompt opens the thoughts, every reply goes on and closes them, and that is what is rewarded. The reward is "
    "0.00 in all twelve steps. There is no error and no warning.",
    Question(
        "All groups have zero variance, as in case 3. What do you try first?",
        (
            "The reward, on a reply that is known to be good.",
            "It gets 0 as well. The reward asks for the tag that opens the thoughts, and that stands in the prompt.",
        ),
        (
            ("Easier problems.", "They help if some replies earn the reward now and then. Here every reply should."),
            ("Larger groups.", "Eight zeros or sixty-four zeros: the variance is zero."),
            ("More steps.", "No step has a gradient, so nothing changes from one to the next."),
        ),
    ),
    {"reward": "reward", "share that thinks": "thinks", "gradient": "gradient"},
    {
        "tags in the reply": lambda seed, dial: tasks.ask_mini(
            seed, dial, "letters", ask=force_thinking, reward=broken.tags_in_the_reply
        ),
        "prompt read, too": lambda seed, dial: tasks.ask_mini(
            seed, dial, "letters", ask=force_thinking, reward=answer_and_format
        ),
    },
    "The reward sees the completion without what the prompt began, and it cannot match in any reply.",
    "Before the first step, test a reward on a right reply and on a wrong one, as they are sampled. Let it read what "
    "the prompt began. Then every reply gets 1, which teaches as little as 0 does: reward answers as well.",
)

CASES = {
    one.name: one for one in (LOSS, RATIO, SIGNAL, RATE, VERIFIER, ENDING, PADDING, SEED, CHECKPOINT, SIGN, CONSTANT)
}
