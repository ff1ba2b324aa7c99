"""What the exercises claim is true: traces by the oracle, solutions by the library, predictions by recorded results."""

import re
from itertools import product

import pytest
import torch

from course.experiments import recorded
from course.learn import policy_gradient, probes
from course.learn.rewards import exact_answer
from course.model import Completion, moe
from course.teach.exercises import find
from course.think import evaluation
from course.think.rollouts import Rollout, read_reply
from course.world import FAMILIES, Problem, sums
from course.world.answers import split_reply, steps


def test_the_slip_to_find_is_the_oracle_s():
    text = find("reasoning.find_slip").text
    lines = re.findall(r"^line \d+: (.*)$", text, re.MULTILINE)
    swaps = [tuple(map(int, swap.split("-"))) for swap in re.search(r"swap ([\d\-, ]+)\.", text)[1].split(", ")]
    problem = Problem("cups", 5, "", "3", (2, tuple(swaps)), "")
    verdicts = FAMILIES["cups"].check_steps(problem, lines)
    wrong = [number for number, right in enumerate(verdicts, 1) if not right]
    assert wrong == [3, find("reasoning.find_slip").reference] and lines[3].startswith("wait")


def test_the_checker_of_sums_agrees_with_the_oracle_where_the_order_is_kept():
    """The oracle lets terms come in any order; the exercise does not."""
    checker = find("reasoning.check_running_sum").reference
    for terms, lines in find("reasoning.check_running_sum").inputs:
        problem = Problem("sums", len(terms), "", str(sum(terms)), tuple(terms), "")
        if [int(re.split("[+=]", line)[1]) for line in lines] == terms:
            assert checker(terms, lines) == FAMILIES["sums"].check_steps(problem, lines)
        else:
            assert not all(checker(terms, lines))


def test_cutting_a_reply_in_two_agrees_with_the_library():
    cut = find("reasoning.split_reply").reference
    pieces = ("<think>", "</think>", "3", "r 1\n", " ")
    for chosen in product(pieces, repeat=4):
        if chosen.count("<think>") > 1:
            continue  # the exercise says nothing of it
        reply = split_reply("".join(chosen))
        assert cut("".join(chosen)) == (reply.reasoning, reply.answer)
    assert steps(cut("<think>a\nb</think>3")[0]) == ["a", "b"]


def test_votes_chances_and_intervals_agree_with_the_library():
    vote = find("prompting.majority_vote").reference
    assert all(
        vote(answers) == evaluation.majority_vote(answers) for answers in (["3", "2", "3"], [None], [], ["3", None])
    )
    for counts in find("prompting.pass_at_k").inputs:
        assert find("prompting.pass_at_k").reference(*counts) == pytest.approx(evaluation.pass_at_k(*counts))
    for sides in find("prompting.interval").inputs:
        found = evaluation.paired_comparison(*sides).interval
        assert find("prompting.interval").reference(*sides) == pytest.approx(found)


def test_the_vote_to_predict_falls_as_is_said():
    shares, right = [0.3, 0.45] + [0.025] * 10, [True] + [False] * 11
    chances = [evaluation.expected_vote(shares, right, k, trials=50_000) for k in (1, 5, 41)]
    assert chances == pytest.approx([0.30, 0.33, 0.13], abs=0.01)


def test_more_swaps_do_what_the_prediction_says():
    """Plain guesses at two and at ten, thinking is right at both: from the recorded experiment."""
    cups = recorded("difficulty")["figures"]["cups"]
    plain, thinking = ([cups[level][way]["accuracy"] for level in ("2", "10")] for way in ("plain", "thinking"))
    guess = 1 / 5
    assert all(one["interval"][0] < guess + 0.05 and one["mean"] < 0.35 for one in plain)
    assert all(one["mean"] > 0.75 for one in thinking)


def test_advantages_and_the_clip_agree_with_the_library():
    for (groups,) in find("grpo.group_advantages").inputs:
        expected = policy_gradient.group_advantages(torch.tensor(groups, dtype=torch.double)).tolist()
        for mine, theirs in zip(find("grpo.group_advantages").reference(groups), expected):
            assert mine == pytest.approx(theirs, abs=1e-5)
    for numbers in find("grpo.clipped_objective").inputs:
        loss = policy_gradient.clipped_loss(*(torch.tensor([[one]], dtype=torch.double) for one in numbers)).item()
        assert find("grpo.clipped_objective").reference(*numbers) == pytest.approx(-loss)


def test_the_kl_that_pulls_is_the_one_with_that_gradient_on_five_tokens():
    logits, other = torch.randn(2, 5, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    model, reference = logits.requires_grad_().log_softmax(0), other.log_softmax(0)

    def slope(value):
        return torch.autograd.grad(value.sum(), logits, retain_graph=True)[0]

    wanted = slope(model.exp() * (model - reference))
    drawn = {}
    for k in ("k1", "k2", "k3"):
        estimator = getattr(policy_gradient, k)
        drawn[k] = slope(model.detach().exp() * estimator(model[None], reference[None])[0])
    assert [k for k, found in drawn.items() if torch.allclose(found, wanted)] == [find("grpo.kl_that_pulls").reference]


@pytest.mark.slow
def test_lengths_that_do_not_matter_go_the_way_the_prediction_says():
    course = list(probes.length_trap(policy_gradient.sequence_mean, 1))
    assert find("grpo.predict_length").reference == "C"
    assert probes.lengthening(course, "right") < 0.7 and probes.lengthening(course, "wrong") > 1.5


def test_a_digit_is_worth_as_much_as_a_solution_in_the_reward_with_holes():
    digit, solved = (
        policy_gradient.group_advantages(torch.tensor([[top] + [low] * 7]))[0, 0]
        for top, low in ((0.05, 0.01), (1.0, 0.0))
    )
    assert digit.item() == pytest.approx(2.457, abs=0.01) and solved.item() == pytest.approx(2.474, abs=0.01)


def test_the_mended_reward_agrees_with_the_library_s():
    for text, truth, finished in find("grpo.mend_reward").inputs:
        completion = Completion(text, [9, 1], [0.0, 0.0], finished)
        one = Rollout(sums.ask((5, int(truth) - 5)), read_reply("<assistant>", completion), completion)
        assert find("grpo.mend_reward").reference(text, truth, finished) == exact_answer(one)


def test_weights_and_load_of_the_expert_chapter_agree_with_the_library():
    for logits, k in find("moe.top_k_weights").inputs:
        chosen, weights = moe.softmax_routing(torch.tensor([logits]), torch.zeros(len(logits)), k)
        expected = torch.zeros(len(logits)).scatter(0, chosen[0], weights[0]).tolist()
        assert find("moe.top_k_weights").reference(logits, k) == pytest.approx(expected, abs=1e-6)
    for scores, bias, k in find("moe.mend_bias").inputs:
        chosen, weights = moe.sigmoid_routing(torch.tensor([scores]).logit(), torch.tensor(bias), k)
        expected = torch.zeros(len(scores)).scatter(0, chosen[0], weights[0]).tolist()
        assert find("moe.mend_bias").reference(scores, bias, k) == pytest.approx(expected, abs=1e-6)
    for (load,) in find("moe.max_violation").inputs:
        assert find("moe.max_violation").reference(load) == pytest.approx(moe.max_violation(torch.tensor(load)))


def test_a_nudge_is_the_library_s_step_of_balance():
    for bias, load, speed in find("moe.nudge").inputs:
        layer = moe.MixtureOfExperts(4, moe.Experts(count=len(load), per_token=1, intermediate_size=2))
        layer.router.bias.copy_(torch.tensor(bias))
        layer.chosen = torch.arange(len(load)).repeat_interleave(torch.tensor(load))[:, None]
        moe.balance(layer, speed)
        assert find("moe.nudge").reference(bias, load, speed) == pytest.approx(layer.router.bias.tolist(), abs=1e-6)
