"""Self-training by hand: why a right answer is right, hints that leave no trace, what a round keeps and learns."""

import pytest
import torch

from course.learn import self_training
from course.learn.distillation import as_examples, everything
from course.learn.self_training import (
    KINDS,
    SelfTrainingConfig,
    capped,
    false_positives,
    few_solutions,
    hinted,
    is_sound,
    rationalize,
    reason,
    self_train,
)
from course.model import Completion, load
from course.model.transformer import ModelConfig, Transformer
from course.think.rollouts import Rollout
from course.world import FAMILIES, cups, draw_problems, sums
from course.world.answers import Reply
from course.world.tokenizer import load_tokenizer

GAME = cups.ask(1, ((1, 2), (2, 3), (4, 5)))  # the ball ends under cup 3
TOTAL = sums.ask((2, 3, 4))  # 9
SMALL = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


def said(problem, answer, *lines, ids=(7, 1)):
    reasoning = "\n".join(lines) if lines else None
    return Rollout(problem, Reply(reasoning, answer), Completion("", list(ids), [0.0] * len(ids), True))


# --- right, but for which reason? ---


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("start: 1", "1-2: 2", "2-3: 3", "4-5: 3"), "sound"),
        (("start: 1", "1-2: 1", "wait 1-2: 2", "2-3: 3", "4-5: 3"), "sound"),  # mended at once
        (("start: 1", "1-2: 1", "wait 1-2: 1", "2-3: 3", "4-5: 3"), "wrong line"),
        (("start: 3", "1-2: 3", "2-3: 3", "4-5: 3"), "wrong line"),  # two wrongs make a right
        (("start: 1", "1-2: 2", "2-3: 3"), "stops early"),  # the last swap happens not to matter
        ((), "no line"),
    ],
)
def test_a_right_answer_is_right_for_the_reason_the_oracle_sees(lines, why):
    one = said(GAME, "3", *lines)
    assert one.right and reason(one) == why and why in KINDS and is_sound(one) == (why == "sound")


def test_an_answer_that_the_lines_do_not_come_to_is_no_sound_reason():
    assert reason(said(TOTAL, "9", "0+2=2", "2+3=5", "5+4=9")) == "sound"
    assert reason(said(TOTAL, "9", "0+2=2", "2+3=5")) == "stops early"
    assert reason(said(TOTAL, "9", "0+2=2", "2+3=5", "5+4=8")) == "wrong line"


def test_the_world_s_own_solutions_are_sound_and_every_slip_carried_on_is_not():
    for name, family in FAMILIES.items():
        for problem in draw_problems(name, 30):
            lines = family.solution(problem)
            assert reason(said(problem, problem.answer, *lines)) == "sound"
            assert reason(said(problem, problem.answer, "nonsense", *lines)) == "wrong line"


def test_a_wrong_answer_has_no_reason_and_counts_among_none():
    with pytest.raises(ValueError, match="ends wrong"):
        reason(said(GAME, "2"))
    assert not is_sound(said(GAME, "2"))
    assert false_positives([said(GAME, "3"), said(GAME, "3", "start: 1", "1-2: 2", "2-3: 3", "4-5: 3")]) == 0.5


# --- what is kept, and hints ---


def test_at_most_so_many_solutions_of_each_problem_stay_the_first():
    replies = [said(problem, "3", ids=(number, 1)) for number in range(5) for problem in (GAME, TOTAL)]
    kept = capped(replies, 2)
    assert kept == replies[:4]
    with pytest.raises(ValueError, match="most=0"):
        capped(replies, 0)


@pytest.mark.slow
def test_no_hint_is_left_in_what_is_learned(tokenizer):
    model, problems = load("mini-base")[0], draw_problems("cups", 20, split="train")
    drawn = rationalize(model, tokenizer, problems, samples=2, temperature=1.0, max_new_tokens=120, seed=3)
    assert [several[0].problem for several in drawn] == problems
    examples = as_examples(tokenizer, [one for several in drawn for one in several])
    for one, example in zip((one for several in drawn for one in several), examples, strict=True):
        assert "hint" not in tokenizer.decode(example.prompt).lower()
        assert tokenizer.decode(example.prompt).lower().count(one.problem.question.lower()) == 1
        assert list(example.reply) == one.completion.token_ids


def test_the_model_reads_the_hint_when_it_rationalizes(monkeypatch, tokenizer):
    asked = []

    def groups(model, tokenizer, problems, **sampling):
        asked.extend(problems)
        return [[said(problem, problem.answer)] for problem in problems]

    monkeypatch.setattr(self_training, "sample_groups", groups)
    ((one,),) = rationalize(torch.nn.Linear(1, 1), tokenizer, [GAME], samples=1, seed=0)
    assert asked[0].question == f"{GAME.question} Hint: 3." == hinted(GAME) and one.problem == GAME


def test_solutions_to_begin_with_come_a_second_time_behind_their_hint(tokenizer):
    plain, behind = few_solutions(tokenizer, [GAME], hinted)
    assert plain.reply == behind.reply and few_solutions(tokenizer, [GAME]) == [plain]
    assert "hint: 3" in tokenizer.decode(behind.prompt) and "hint" not in tokenizer.decode(plain.prompt)


# --- the loop ---


def invented(wrong):
    """Replies without a model: right ones, but for the problems of `wrong` unless they are asked with a hint."""
    calls = []

    def groups(model, tokenizer, problems, *, samples, temperature, max_new_tokens, seed):
        calls.append((len(problems), samples, temperature, seed))
        found = []
        for number, problem in enumerate(problems):
            fails = problem.key in wrong and "Hint" not in problem.question
            ids = [6 + number, *range(6, 46), 1]
            found.append([said(problem, "no" if fails else problem.answer, ids=ids) for _ in range(samples)])
        return found

    return groups, calls


@pytest.fixture
def small():
    torch.manual_seed(0)
    return Transformer(SMALL).eval()


SETTINGS = {"rows": 2, "length": 120, "learning_rate": 1e-2}


@pytest.mark.parametrize("restart", [True, False])
def test_a_round_learns_from_the_first_weights_or_from_those_of_the_round_before(
    restart, small, tokenizer, monkeypatch
):
    started = []
    monkeypatch.setattr(self_training, "sample_groups", invented(())[0])
    learn = self_training.learn

    def noted(model, examples, config, number):
        started.append(model.embedding.weight.clone())
        return learn(model, examples, config, number)

    monkeypatch.setattr(self_training, "learn", noted)
    first = small.embedding.weight.clone()
    problems = draw_problems("sums", 12, split="train")
    config = SelfTrainingConfig(rounds=2, restart=restart, **SETTINGS)
    after = []
    for _ in self_train(small, tokenizer, lambda number: problems, config):
        after.append(small.embedding.weight.clone())
    assert torch.equal(started[0], first) and not torch.equal(after[0], first)
    assert torch.equal(started[1], first if restart else after[0])


def test_a_round_counts_what_it_drew_kept_and_found_with_a_hint(small, tokenizer, monkeypatch):
    problems = draw_problems("sums", 12, split="train")
    wrong = {one.key for one in problems[:3]}
    groups, calls = invented(wrong)
    monkeypatch.setattr(self_training, "sample_groups", groups)
    config = SelfTrainingConfig(rounds=2, samples=4, temperature=0.5, **SETTINGS)
    plain = list(self_train(small, tokenizer, lambda number: problems, config))
    assert [found["right"] for found in plain] == [0.75, 0.75] and len(
        plain[0]["kept"]
    ) == 9  # equal replies count once
    assert plain[0]["hinted"] == 0 and plain[0]["false_positives"] == 1.0 and len(calls) == 2
    assert len({seed for *_, seed in calls}) == 2, "each round draws anew"
    calls.clear()
    (found, _) = self_train(small, tokenizer, lambda number: problems, config, hint=hinted)
    assert found["hinted"] == 3 and len(found["kept"]) == 12 and calls[:2][1][0] == 3
    assert {one.problem.key for one in found["kept"][9:]} == wrong
    assert all("Hint" not in one.problem.question for one in found["kept"])


def test_a_filter_of_one_s_own_decides_what_is_learned(small, tokenizer, monkeypatch):
    problems = draw_problems("sums", 12, split="train")
    monkeypatch.setattr(self_training, "sample_groups", invented({one.key for one in problems[:3]})[0])
    config = SelfTrainingConfig(rounds=1, **SETTINGS)
    (found,) = self_train(small, tokenizer, lambda number: problems, config, keep=everything)
    assert len(found["kept"]) == 12 and found["false_positives"] == 1.0  # of those that end right
    with pytest.raises(ValueError, match="step 1: 0 examples"):
        list(self_train(small, tokenizer, lambda number: problems, config, keep=is_sound))


def test_a_round_reads_what_it_kept_as_often_as_is_said(small, tokenizer, monkeypatch):
    rates = []
    train = self_training.train

    def noted(model, batch, config, **pieces):
        rates.append(config.steps)
        return train(model, batch, config, **pieces)

    monkeypatch.setattr(self_training, "train", noted)
    monkeypatch.setattr(self_training, "sample_groups", invented(())[0])
    problems = draw_problems("sums", 20, split="train")
    for epochs in (1.0, 3.0):
        config = SelfTrainingConfig(rounds=1, epochs=epochs, **SETTINGS)
        list(self_train(small, tokenizer, lambda number: problems, config))
    assert rates[1] == pytest.approx(3 * rates[0], abs=2) and rates[0] >= 5


@pytest.mark.parametrize(
    ("name", "value"), [("rounds", 0), ("samples", 0), ("most", 0), ("temperature", -1), ("epochs", 0), ("length", 1)]
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"SelfTrainingConfig.{name} must be"):
        SelfTrainingConfig(**{name: value})
