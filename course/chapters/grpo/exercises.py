"""Exercises of chapter 06: advantages, the clip, a KL term that pulls, lengths of no use, a reward with holes."""

from course.chapters.grpo import attempts
from course.teach.exercises import Exercise, Mistake

EXERCISES = (
    Exercise(
        "grpo.group_advantages",
        title="Better than its group",
        text="rewards holds a list for each prompt: the rewards of its completions. Write group_advantages(rewards): "
        "each reward minus the mean of its group, divided by the group's standard deviation plus 0.0001. The standard "
        "deviation divides by G - 1, as statistics.stdev does.\n\n"
        "A group whose rewards are all equal must give zeros.",
        difficulty=2,
        importance=5,
        minutes=10,
        hints=(
            "Go group by group. statistics.mean and statistics.stdev take a list.",
            "Add the 0.0001 to the standard deviation before you divide; then a group of equal rewards gives 0 / "
            "0.0001.",
        ),
        reference=attempts.group_advantages,
        inputs=attempts.GROUPS,
        mistakes=(
            Mistake(
                attempts.divided_by_g,
                "Your standard deviation divides by G, as numpy's std does unless you pass ddof=1 (torch's divides by "
                "G - 1 by default). In groups of four this makes advantages 15 % larger.",
            ),
            Mistake(
                attempts.over_the_batch,
                "You took mean and standard deviation over the whole batch. Then every reply to an easy prompt tends "
                "to lie above the mean and every reply to a hard prompt below it, whether or not it is better than "
                "its group.",
            ),
            Mistake(
                attempts.spread_of_the_batch,
                "Your mean is the group's, but your standard deviation is the batch's. Some methods do that on "
                "purpose; the exercise asks for the group's own.",
            ),
            Mistake(
                attempts.no_epsilon,
                "Where all rewards of a group are equal, you divide by zero. As soon as some prompts are easy, that "
                "happens in every batch.",
            ),
            Mistake(
                attempts.not_a_number,
                "Where all rewards of a group are equal, you return NaN (not a number). A single NaN in a batch turns "
                "every weight of the model into NaN after the step.",
            ),
            Mistake(
                attempts.against_the_others,
                "You compare each reward with the mean of the others and do not divide. That is RLOO's advantage: "
                "unbiased and fine, but not what the exercise asks for.",
            ),
            Mistake(attempts.centered, "You did not divide by the standard deviation. That is Dr. GRPO's advantage."),
        ),
    ),
    Exercise(
        "grpo.clipped_objective",
        title="No further than the clip",
        text="new and old are the log-probs of one token, now and when it was sampled. Write "
        "clipped_objective(new, old, advantage), which training makes as large as possible. Let ratio be the new "
        "probability divided by the old one; return the smaller of ratio * advantage and clipped ratio * advantage, "
        "where the clipped ratio is kept between 0.8 and 1.2.",
        difficulty=3,
        importance=5,
        minutes=10,
        hints=(
            "A ratio of probabilities is the exponential of a difference of log-probs.",
            "Take the smaller of the two whatever the sign of the advantage. Try ratio 1.5 with advantage -1 on paper.",
        ),
        reference=attempts.clipped_objective,
        inputs=attempts.RATIOS,
        mistakes=(
            Mistake(
                attempts.larger_if_negative,
                "You take the larger one where the advantage is negative. A published course did so. Then a bad token "
                "that became more likely (ratio 1.5) gets no gradient, and one that became rarer is pushed down "
                "without limit.",
            ),
            Mistake(
                attempts.clip_only,
                "You only clip. Then a good token that became rarer by more than a fifth has no gradient and no way "
                "back. The minimum keeps that way open.",
            ),
            Mistake(attempts.no_clip, "You clip nothing, so a single batch can push a token arbitrarily far."),
            Mistake(
                attempts.upside_down,
                "Your ratio is upside down, old over new: making a good token more likely would lower the objective.",
            ),
            Mistake(
                attempts.a_difference, "new and old are logarithms, so their difference is the logarithm of the ratio."
            ),
            Mistake(
                attempts.a_loss,
                "That is the loss: minus the objective. The exercise asks for what training makes large.",
            ),
        ),
    ),
    Exercise(
        "grpo.kl_that_pulls",
        title="Which estimator pulls?",
        text="You want the model to stay close to a reference. So you add one of these estimators to the loss of each "
        "sampled token and differentiate, with u = reference probability / model probability: k1 = -log u, k2 = (log "
        "u)**2 / 2, k3 = u - 1 - log u. Averaged over what the model samples, k1 and k3 have the right value, "
        "KL(model, reference).\n\n"
        "Which one has, on average, the gradient of KL(model, reference)? Answer 'k1', 'k2', 'k3' or 'k1 and k3'.",
        difficulty=4,
        importance=3,
        minutes=8,
        hints=(
            "The derivative of k1 with respect to the weights is the derivative of log model(token). What is its mean "
            "over tokens that the model samples?",
            "That mean is zero, since probabilities always sum to one. So k1 is out. For k2, the derivative is "
            "log(model / reference) times that of log model(token).",
        ),
        reference="k2",
        why="The derivative of k2 is log(model / reference) * d log model, and its mean is the gradient of KL(model, "
        "reference). The derivative of k1 is zero on average: pure noise. The derivative of k3, which GRPO uses, is on "
        "average the gradient of KL(reference, model), the other direction.",
        mistakes=(
            Mistake(
                "k1",
                "Its value is right, but its gradient is that of log model(token), whose mean over the tokens that the "
                "model samples is zero. As a loss it is pure noise; as a part of the reward it would work.",
            ),
            Mistake(
                "k3",
                "GRPO uses it, and it does pull toward the reference, but with the gradient of KL(reference, model), "
                "the other direction.",
            ),
            Mistake(
                "k1 and k3",
                "They have the right value, but not the right gradient. When you differentiate, the sampled tokens "
                "stay fixed, although their probabilities change.",
            ),
        ),
    ),
    Exercise(
        "grpo.predict_length",
        title="Predict two lengths",
        text="Each reply of a model begins with a or with b and then babbles. Replies that begin with a are right, "
        "whatever their length, and both kinds are equally long. The model is trained by GRPO with a loss that "
        "averages over the tokens of each reply first, and then over replies. What happens to the lengths?\n\n"
        "'A': nothing, since length is of no use. 'B': both kinds get longer. 'C': right replies get shorter, wrong "
        "ones longer. 'D': right replies get longer, wrong ones shorter.",
        difficulty=3,
        importance=4,
        minutes=4,
        hints=(
            "Every reply has the same weight, divided among its tokens. How much weight does a token of a short reply "
            "get, and a token of a long reply?",
            "Each token of a short right reply is pushed up strongly; each token of a long wrong reply is hardly "
            "pushed down.",
        ),
        reference="C",
        why="A token of a short reply counts more. So among right replies the model learns most from the short ones, "
        "and among wrong replies it is deterred most from the short ones.",
        mistakes=(
            Mistake(
                "A", "That is so if every token counts equally. Here every reply counts equally, whatever its length."
            ),
            Mistake(
                "B",
                "Wrong replies do. But each token of a short right reply is pushed up more than a token of a long one.",
            ),
            Mistake("D", "It is the other way round: the shorter a reply, the more each of its tokens counts."),
        ),
    ),
    Exercise(
        "grpo.mend_reward",
        title="Diagnose a reward with holes",
        text="In somebody's run the reward rises, but the model learns nothing. The reward reads: 1.0 if truth in "
        "text, else 0.05 if the text contains a digit, else 0.01. In a group without a solution, a single digit is "
        "worth an advantage of 2.5, as much as a solution in other groups.\n\n"
        "Write strict_reward(text, truth, finished): 1.0 if the reply is finished and what follows its thinking is "
        "exactly the truth, else 0.0. course.world.answers.normalize removes spaces and a full stop.",
        difficulty=2,
        importance=5,
        minutes=8,
        hints=(
            "text.rpartition('</think>')[2] is what follows the last closing tag, or everything if there is none.",
            "The reward is 1.0 if the reply is finished and its answer is the truth, and 0.0 otherwise: nothing in "
            "between.",
        ),
        reference=attempts.strict_reward,
        inputs=attempts.REPLIES,
        mistakes=(
            Mistake(attempts.the_broken_one, "That is the broken reward."),
            Mistake(
                attempts.something_for_trying,
                "You still give a small reward for trying. Advantages are divided by the group's own standard "
                "deviation, so rewards that differ by .04 give advantages as large as rewards that differ by 1.",
            ),
            Mistake(
                attempts.anywhere,
                "You look for the truth anywhere in the text. Then '10 11 12 13' is right about everything.",
            ),
            Mistake(
                attempts.truncated_too,
                "You reward truncated replies. What they say so far may be right by chance, and the model learns not "
                "to end.",
            ),
            Mistake(
                attempts.thoughts_too,
                "You compare the whole text, so a reply that thinks first never earns the reward.",
            ),
        ),
    ),
)
