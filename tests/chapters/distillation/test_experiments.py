"""The arms of chapter 9: each spends the same, counts what it spends, and can be run."""

import pytest
from torch import nn

from course.chapters.distillation import arms, experiments
from course.chapters.distillation.arms import ARMS, BudgetedStudent, charge_sampling, metered, questions
from course.chapters.distillation.experiments import NAMED, RATES, USUAL_RATES, watched
from course.learn.sft import TrainingExample, pack, shuffled_batches, stack
from course.model import load
from course.model.accounting import forward_flops, sampling_flops, training_flops
from course.world.problem import split_of


@pytest.fixture
def stand_in(monkeypatch):
    """`mini-base` as its own student and teacher, and few questions."""
    monkeypatch.setattr(experiments, "TEACHER", "mini-base")
    monkeypatch.setattr(experiments, "STUDENT", "mini-base")
    monkeypatch.setattr(arms, "TEACHER", "mini-base")
    arms.teacher.cache_clear()
    arms.teacher_traces.cache_clear()
    yield
    arms.teacher.cache_clear()
    arms.teacher_traces.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_spends_its_compute_budget_and_no_more_than_a_step_beyond(arm, stand_in, monkeypatch):
    monkeypatch.setattr(arms, "GROUPS", 10)
    student, tokenizer = load("mini-base")
    learner = BudgetedStudent(student, tokenizer, rate=1e-4, budget=1e11, questions=60)
    spent = [stats["flops"] for stats in ARMS[arm](learner)]
    assert len(spent) > 1 and spent == sorted(spent)
    largest = max(after - before for before, after in zip([0.0, *spent], spent))
    assert abs(learner.spent["student"] - learner.budget) <= largest + 0.1 * learner.budget
    taught = arm in ("traces", "traces, unfiltered", "logits", "on policy")
    assert (learner.spent["teacher"] > 0) == taught


@pytest.mark.parametrize(("name", "value"), [("budget", 0), ("budget", float("nan")), ("questions", 0)])
def test_a_budget_that_would_never_be_spent_is_refused(name, value):
    with pytest.raises(ValueError, match=f"BudgetedStudent.{name} must be"):
        BudgetedStudent(nn.Linear(1, 1), None, rate=1.0, **{name: value})


def test_what_is_learnt_from_is_counted_as_three_readings_of_each_example():
    student, tokenizer = load("mini-base")
    examples = [TrainingExample((7,) * (5 + number), (8,) * 9) for number in range(40)]
    learner = BudgetedStudent(student, tokenizer, rate=1.0)
    packed = metered(learner, shuffled_batches(examples, 2, 60))(0)
    by_hand = sum(3 * forward_flops(student.config, length) for length in packed.lengths)
    assert learner.spent["student"] == pytest.approx(by_hand)


def test_on_policy_the_student_s_budget_pays_for_sampling_its_replies_too(monkeypatch):
    student, tokenizer = load("mini-student")
    packed = stack(pack([TrainingExample((7,) * (5 + number), (8,) * (3 + number)) for number in range(6)], 60))
    monkeypatch.setattr(arms, "on_policy", lambda *_, **__: lambda step: packed)
    monkeypatch.setattr(arms, "teacher", lambda: student)
    learner = BudgetedStudent(student, tokenizer, rate=1e-4, budget=1.0)
    (stats,) = arms.own_replies(learner)
    learning = sum(training_flops(student.config, length) for length in packed.lengths)
    sampling = sum(
        sampling_flops(student.config, length - reply, [reply])
        for length, reply in zip(packed.lengths, packed.replies, strict=True)
    )
    assert stats["flops"] == learner.spent["student"] == pytest.approx(learning + sampling)


def test_sampling_is_counted_and_learning_from_it_only_where_there_is_something_to_learn():
    student, tokenizer = load("mini-base")
    drawn, learned = BudgetedStudent(student, tokenizer, rate=1.0), BudgetedStudent(student, tokenizer, rate=1.0)
    charge_sampling(drawn, 30, [4, 50])
    charge_sampling(learned, 30, [4, 50], learned_from=True)
    assert drawn.spent["student"] == sampling_flops(student.config, 30, [4, 50])
    gradient = training_flops(student.config, 34) + training_flops(student.config, 80)
    assert learned.spent["student"] - drawn.spent["student"] == pytest.approx(gradient)


def test_everything_is_asked_of_train_problems_and_every_arm_has_as_many_trials():
    assert {split_of(problem.key) for problem in questions(3, 5)} == {"train"}
    assert questions(3, 5) != questions(4, 5)
    assert {len(RATES.get(arm, USUAL_RATES)) for arm in ARMS} == {len(USUAL_RATES)} and NAMED in ARMS


@pytest.mark.slow
def test_a_student_is_measured_before_at_each_share_and_at_the_end(stand_in):
    learner = BudgetedStudent(*load("mini-base"), rate=1e-4, budget=5e10, questions=60)
    shares = [found["share"] for found in watched("traces", learner, checks=2, problems=4)]
    assert shares[0] == 0 and 0.5 <= shares[1] < 0.9 and shares[2] == pytest.approx(1, abs=0.2) and len(shares) == 3


@pytest.mark.slow
def test_the_experiment_chooses_rates_on_dev_and_compares_seed_by_seed(stand_in, monkeypatch, tmp_path):
    """What surrounds the arms, with invented runs: the best rate on dev is used, pairs are paired."""
    asked = []

    def invented(name, piece, jobs):
        asked.extend(jobs)
        figures = {"families": dict.fromkeys(experiments.FAMILIES, 0.5), "thinks": 0.5, "tokens": 9.0, "steps": 3}
        flops = {"student": 1e12, "teacher": 0.0}
        value = {job: {"accuracy": 0.1 * list(ARMS).index(job[0]) + (0.01 * job[1] if job[-1] == "test" else job[2])}
                 for job in jobs}  # fmt: skip
        return {job: {**figures, **value[job], "flops": flops} for job in jobs}

    monkeypatch.setattr(experiments, "spread", invented)
    found = experiments.distillation(3, 2)
    for arm in ARMS:
        (rate,) = {job[2] for job in asked if job[0] == arm and job[-1] == "test"}
        assert rate == max(RATES.get(arm, USUAL_RATES))
    place = list(ARMS).index
    for arm in set(ARMS) - {NAMED}:
        difference = found.comparisons[f"{NAMED} against {arm}"].difference
        assert difference == pytest.approx(0.1 * (place(NAMED) - place(arm)))


@pytest.mark.slow
def test_students_of_all_sizes_read_as_much_and_learn_either_way_from_there(stand_in, monkeypatch):
    monkeypatch.setattr(experiments, "READING", 2)
    monkeypatch.setattr(experiments, "EXAMPLE_TOKENS", 15_000)
    students = []
    monkeypatch.setattr(
        experiments,
        "BudgetedStudent",
        lambda *sizes, **settings: students.append(BudgetedStudent(*sizes, **settings, questions=60)) or students[-1],
    )
    small, large = (experiments.teach_size(name, 0, 10) for name in ("32 x 1", "72 x 3"))
    assert small["parameters"] < large["parameters"] == 203_256
    assert set(large) == {"parameters", "before", "answers only", "traces"}
    answers, traces = students[2:]
    assert answers.student is not traces.student and traces.spent["teacher"] > 0 == answers.spent["teacher"]
    assert traces.spent["student"] == pytest.approx(answers.spent["student"], rel=0.2)
