"""The clinic: every broken piece differs from the sound one as it is said to, and the cure takes the symptom away."""

import itertools
import math

import pytest
import torch

from course.chapters import clinic
from course.chapters.clinic import broken, charts, picking, tasks
from course.chapters.clinic.case import Case
from course.learn.policy_gradient import clipped_loss, k2, reinforce_loss
from course.learn.probes import TINY, fits_prompt
from course.learn.rewards import closed_thoughts
from course.model import score
from course.model.transformer import Transformer
from course.presets import preset
from course.teach.exercises import find
from course.teach.quizzes import Question
from course.think.evaluation import mean
from course.world import Problem

QUICK = preset("quick")


def new_and_old():
    new = torch.tensor([[-1.0, -2.0, -0.5], [-1.5, -0.7, 0.0]], requires_grad=True)
    old = torch.tensor([[-1.5, -2.0, -0.2], [-1.0, -0.7, 0.0]])  # the second reply has two tokens, then padding
    return new, old, torch.tensor([[1.0], [-1.0]])


def last(stats, name):
    return list(stats)[-1][name]


# --- every broken piece is wrong in the way that is said


def test_against_itself_the_gradient_is_reinforce_s_wherever_the_old_policy_stood():
    new, old, advantages = new_and_old()
    slopes = {
        loss: torch.autograd.grad(loss(new, old, advantages).sum(), new)[0]
        for loss in (broken.own_shadow, clipped_loss, reinforce_loss)
    }
    assert torch.allclose(slopes[broken.own_shadow], slopes[reinforce_loss])
    # exp(.5) is beyond 1.2 and exp(-.5) below .8, each on the side its advantage pushes to: clipped, no gradient
    assert slopes[clipped_loss][0, 0] == 0 and slopes[clipped_loss][1, 0] == 0
    assert slopes[broken.own_shadow][0, 0] == -1 and slopes[broken.own_shadow][1, 0] == 1


def test_without_the_end_the_last_token_of_each_reply_has_no_gradient_and_all_others_theirs():
    new, old, advantages = new_and_old()
    (found,) = torch.autograd.grad(broken.without_the_end(new, old, advantages).sum(), new)
    (whole,) = torch.autograd.grad(clipped_loss(new, old, advantages).sum(), new)
    assert found[0, 2] == 0 and found[1, 1] == 0 and whole[0, 2] != 0 and whole[1, 1] != 0
    assert torch.equal(found[0, :2], whole[0, :2]) and found[1, 0] == whole[1, 0]


def replied(prompt, text):
    return tasks.as_if_sampled(Problem("none", 1, prompt, "", (), prompt), text, ask=str)


@pytest.mark.parametrize(("text", "rewarded", "right"), [("", 1, 0), ("x", 1, 1), ("y", 0, 0), ("xx", 0, 0)])
def test_the_reward_that_looks_inside_accepts_the_empty_reply(text, rewarded, right):
    assert broken.found_inside(replied("a", text)) == rewarded and fits_prompt(replied("a", text)) == right


def test_the_reward_that_wants_both_tags_in_the_reply_gets_none_where_the_prompt_opened_them():
    opened = "<user>How many b's?<assistant><think>"
    whole, rest = "<think>b 1\n</think>1", "b 1\n</think>1"
    assert broken.tags_in_the_reply(replied("<user>How many b's?<assistant>", whole)) == 1
    assert broken.tags_in_the_reply(replied(opened, rest)) == 0 and closed_thoughts(replied(opened, rest)) == 1
    assert broken.tags_in_the_reply(replied(opened, "b 1")) == closed_thoughts(replied(opened, "b 1")) == 0


def test_the_turned_term_has_minus_the_gradient_of_the_kl_on_five_tokens():
    logits, other = torch.randn(2, 5, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    new, reference = logits.requires_grad_().log_softmax(0), other.log_softmax(0)
    exact = torch.autograd.grad((new.exp() * (new - reference)).sum(), logits, retain_graph=True)[0]
    drawn = {
        term: torch.autograd.grad(
            (new.detach().exp() * term(new[None], reference[None])[0]).sum(), logits, retain_graph=True
        )[0]
        for term in (broken.going_away, k2)
    }
    assert torch.allclose(drawn[k2], exact) and torch.allclose(drawn[broken.going_away], -exact)
    assert (broken.going_away(new[None], reference[None]) <= 0).all()


def test_padding_on_the_left_changes_scores_unless_it_is_masked():
    """Row by row, without any padding, is what scoring has to give."""
    rows, plain = ([[1], [1], [1]], [[2, 0], [3, 5, 5, 5, 0], [3, 5, 0]]), Transformer(TINY).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in plain.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator))
    alone = [score(plain, [ids], [reply]).logprobs[0].detach() for ids, reply in zip(*rows)]
    found = {}
    for kind in (broken.CountsPadding, broken.MasksPadding):
        model = kind(TINY).eval()
        model.load_state_dict(plain.state_dict())
        together = score(model, *rows).logprobs.detach()
        found[kind] = max(float((row[: len(one)] - one).abs().max()) for row, one in zip(together, alone))
    assert found[broken.MasksPadding] < 1e-5 and found[broken.CountsPadding] > 0.05


def test_the_best_of_several_scores_agrees_with_all_that_could_come():
    """Two problems of chance p, three tries: all 64 outcomes, each weighed by its probability."""
    p, expected = 0.3, 0.0
    for marks in itertools.product((0, 1), repeat=6):
        chance = math.prod(p if mark else 1 - p for mark in marks)
        expected += chance * max(sum(marks[place : place + 2]) for place in (0, 2, 4)) / 2
    assert picking.expected_best(p, 2, 3) == pytest.approx(expected)
    assert picking.expected_best(0.4, 30, 1) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="a probability and two counts"):
        picking.expected_best(1.2, 30, 1)


def test_the_benchmark_has_thirty_problems_and_shares_none_with_the_others():
    few, many = ({problem.key for problem in several} for several in (picking.benchmark(), picking.others(QUICK)))
    assert len(few) == 30 and len(many) == 20 and few.isdisjoint(many)


# --- the symptoms, and that the cure takes them away


def test_the_loss_of_group_advantages_is_zero_by_arithmetic_and_the_run_learns():
    course = list(tasks.two_prompts(0, reduction=lambda lengths, longest: 1 / (len(lengths) * lengths)))
    assert max(abs(stats["loss"]) for stats in course) < 1e-5
    assert course[0]["gradient"] > 0.1 and course[0]["right"] < 0.1 and course[-1]["right"] > 0.9


@pytest.mark.slow
def test_in_one_iteration_the_clip_never_fires_and_in_eight_it_does_unless_the_old_is_the_new():
    clips = {}
    for name in ("one iteration", "eight, against itself", "eight, fixed"):
        clips[name] = max(stats["clipped"] for stats in clinic.CASES["ratio"].arms[name](0, QUICK))
    assert clips["one iteration"] == clips["eight, against itself"] == 0 < 0.2 < clips["eight, fixed"]


@pytest.mark.slow
def test_eight_iterations_need_the_clip():
    """Whoever does not read the prompt gets half at most."""
    arms = clinic.CASES["ratio"].arms
    ends = {arm: mean([last(arms[arm](seed, QUICK), "right") for seed in range(5)]) for arm in list(arms)[1:]}
    assert ends["eight, against itself"] <= 0.6 and ends["eight, fixed"] > 0.8


@pytest.mark.slow
def test_problems_nobody_solves_leave_every_weight_as_it_was():
    hard, easy = clinic.CASES["signal"].arms.values()
    found = list(hard(0, QUICK))
    assert [(stats["zero_variance"], stats["gradient"], stats["reward"]) for stats in found] == [(1.0, 0.0, 0.0)] * 2
    assert all(stats["zero_variance"] < 0.8 and stats["gradient"] > 0 for stats in easy(0, QUICK))


@pytest.mark.slow
def test_ten_times_the_rate_ends_without_variance_and_a_tenth_in_the_right_reply():
    high, low = ([list(arm(seed, QUICK))[-1] for seed in range(3)] for arm in clinic.CASES["rate"].arms.values())
    assert all(stats["zero_variance"] == 1 and stats["entropy"] < 0.2 and stats["right"] <= 0.6 for stats in high)
    assert all(stats["right"] > 0.9 for stats in low)


@pytest.mark.slow
def test_the_lenient_reward_is_earned_by_empty_replies_and_the_exact_one_by_right_ones():
    kind, exact = ([list(arm(seed, QUICK))[-1] for seed in range(3)] for arm in clinic.CASES["verifier"].arms.values())
    for stats in kind:
        assert stats["reward"] > 0.95 and stats["right"] < 0.05 and stats["length"] < 1.1
        assert mean([one.completion.text == "" for one in stats["rollouts"].rows]) > 0.9
    assert all(stats["right"] == stats["reward"] > 0.9 for stats in exact)


@pytest.mark.slow
def test_replies_run_away_without_the_end_and_stay_with_it():
    out, counted = (list(arm(1, QUICK)) for arm in clinic.CASES["ending"].arms.values())
    assert out[0]["length"] == counted[0]["length"], "one start for both"
    assert max(stats["length"] for stats in out) > 3 * out[0]["length"]
    assert max(stats["unfinished"] for stats in out) > 0.2
    assert all(stats["length"] < 1.3 * counted[0]["length"] and stats["unfinished"] < 0.05 for stats in counted)


@pytest.mark.slow
def test_counted_padding_shows_in_the_first_step_and_costs_in_the_last():
    counted, masked = (list(arm(1, QUICK)) for arm in clinic.CASES["padding"].arms.values())
    assert counted[0]["clipped"] > 0.01 and all(stats["clipped"] == 0 for stats in masked)
    assert all(stats["ratio"] == pytest.approx(1, abs=1e-4) for stats in masked)
    assert counted[-1]["reward"] < masked[-1]["reward"] - 0.05


@pytest.mark.slow
def test_masked_padding_is_the_run_without_padding():
    plain, masked = (
        [stats["reward"] for stats in tasks.babble(2, kind=kind)] for kind in (Transformer, broken.MasksPadding)
    )
    assert plain == pytest.approx(masked, abs=0.02)


@pytest.mark.slow
def test_with_the_sign_turned_the_model_runs_away_from_its_reference():
    turned, right = (list(arm(1, QUICK)) for arm in clinic.CASES["sign"].arms.values())
    assert turned[0]["kl"] == right[0]["kl"] == 0, "nothing has moved yet"
    assert turned[-1]["kl"] < -1 and all(stats["kl"] <= 0 for stats in turned)
    assert 0 < right[-1]["kl"] < 0.3 and right[-1]["reward"] > turned[-1]["reward"]


def test_of_the_best_by_the_benchmark_its_score_elsewhere_is_told():
    found = [{"step": 1, "few": 0.5, "many": 0.45}, {"step": 2, "few": 0.7, "many": 0.4}]
    assert picking.picked(found) == {
        "best on 30 problems": 0.7, "the same on others": 0.4, "mean of all on others": pytest.approx(0.425)
    }  # fmt: skip


@pytest.mark.slow
def test_a_coin_is_measured_before_and_after_on_both_sets():
    found = picking.coin_runs(QUICK)
    assert [one["step"] for one in found] == [0, 1, 2]
    assert all((one["few"] * 30) % 1 == pytest.approx(0, abs=1e-9) for one in found)
    assert len({one["few"] for one in found} | {one["many"] for one in found}) > 1


# --- what the exercises claim


def test_the_share_of_zero_variance_groups_is_the_golden_one():
    reference = find("clinic.zero_variance").reference
    for group, share in ((4, 0.815), (8, 0.663), (16, 0.440), (32, 0.194)):
        assert reference(0.05, group) == pytest.approx(share, abs=5e-4)


def test_the_best_of_twenty_is_what_the_prediction_says():
    assert picking.expected_best(0.5, 30, 20) == pytest.approx(0.67, abs=0.005)
    assert find("clinic.predict_best").reference == "C"


def test_the_mended_mask_is_as_long_as_what_was_sampled():
    """A completion holds its tokens up to the end, that one included: padding has to vanish and nothing else."""
    for stats in itertools.islice(tasks.two_prompts(0), 1):
        replies = [one.completion.token_ids for one in stats["rollouts"].rows]
        assert {len(ids) for ids in replies} == {1, 2}
        for ids in replies:
            padded = ids + [0] * (3 - len(ids)) if ids[-1] == 0 else ids
            assert sum(find("clinic.mend_mask").reference(padded, 0)) == len(ids)


@pytest.mark.slow
def test_the_reward_that_misses_the_opened_tag_is_0_throughout_and_the_cured_one_varies():
    missed, cured = (list(arm(0, QUICK)) for arm in clinic.CASES["constant"].arms.values())
    assert all(one["reward"] == 0 and one["gradient"] == 0 and one["thinks"] > 0.8 for one in missed)
    assert all(one["reward"] > 1 for one in cured) and any(one["gradient"] > 0 for one in cured)


@pytest.mark.slow
def test_the_diagnosis_holds_on_lines_of_real_logs():
    lines = {
        "scoring": next(tasks.babble(1, kind=broken.CountsPadding)),
        "healthy": next(tasks.babble(1)),
        "no signal": list(tasks.two_prompts(1, rate=0.3))[-1],
    }
    for name, one in lines.items():
        found = find("clinic.diagnose").reference(one["loss"], one["reward"], one["zero_variance"], one["clipped"], 1)
        assert found == name


# --- what is shown


def test_there_are_eleven_cases_each_with_its_thread_its_question_and_its_cure():
    assert len(clinic.CASES) == 11
    for name, case in clinic.CASES.items():
        assert case.name == name and "#" in case.threads and len(case.arms) >= 2
        assert len(case.question.wrong) == 3
        assert all(len(text) > 40 for text in (case.symptom, case.diagnosis, case.cure))


def test_an_unknown_case_names_those_there_are():
    with pytest.raises(ValueError, match="choose one of loss, ratio"):
        clinic.admit("heart")


def made_up(seeds=2):
    question = Question("Is it sick?", ("No.", "It is not."), (("Yes.", "No."), ("Maybe.", "No."), ("Very.", "No.")))

    def arm(slope):
        return lambda seed, dial: ({"step": step, "n": slope * step + seed} for step in (1, 2))

    arms = {"broken": arm(0), "mended": arm(1)}
    return Case("x", "X", "trl #1", "It hurts.", question, {"number": "n"}, arms, "A slope of 0.", "One of 1.", seeds)


@pytest.mark.slow
def test_a_patient_is_shown_broken_first_and_the_cure_only_after_it_was_asked_for(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda thing, **how: shown.append(thing))
    patient = clinic.Patient(made_up(), QUICK)
    patient._ipython_display_()
    page = "".join(one.data for one in shown if hasattr(one, "data"))
    assert "It hurts." in page and "Is it sick?" in page and "One of 1." not in page
    assert "mended" not in patient.picture().alt and "broken: 0.50 at 1" in patient.picture().alt
    treated = patient.treat()
    assert "mended: 1.50 at 1, 2.50 at 2" in treated.picture.alt and "One of 1." in repr(treated)


def test_pictures_say_what_they_show_and_refuse_to_magnify_rounding():
    panel = {"loss": {"run": {1: [1e-8], 2: [-1e-8]}}}
    assert "0.00 at 1" in charts.chart(panel).alt and "means" not in charts.chart(panel).alt.lower()
    assert "sums: 0.25 right, 0.10 zero-variance" in charts.zero_variance({"sums": (0.25, 0.1)}, 8).alt
    assert "0.67 of 20" in charts.promises(0.5, 30).alt


@pytest.mark.slow
def test_the_promise_has_every_position_of_its_sliders():
    promise = charts.Promise()
    frame = promise.frames[0.9, 490]
    assert "490 problems" in frame.said and "Truth 0.90" in frame.said and frame.level == 0.9
    best = frame.lines["the best of them"]
    assert best == sorted(best) and best[0] == pytest.approx(0.9, abs=1e-6) and best[-1] < 0.95
    assert promise.frames[0.9, 10].lines["the best of them"][-1] > 0.99  # ten problems: somebody gets them all
