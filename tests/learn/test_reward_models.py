"""Reward models: the loss by hand and by the Transformers library, no look ahead, scores, and rewards from them."""

import copy
import math
import random
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForTokenClassification

from course.learn import reward_models
from course.learn.grpo import GRPOConfig, grpo
from course.learn.reward_models import (
    RewardModel,
    StepScores,
    batches,
    collate,
    last_step,
    mean_score,
    minimum,
    model_reward,
    outcome,
    product,
    reward_model_loss,
    score_steps,
    scorer,
)
from course.learn.step_labels import Labelled, process_labels, step_places
from course.learn.training import TrainingConfig, train
from course.model import load, save
from course.model.moe import Experts
from course.model.transformer import ModelConfig
from course.think.prompting import force_thinking
from course.think.search import pick
from course.world import FAMILIES, draw_problems
from course.world.slips import hasty_solution
from course.world.tokenizer import END_THINK, encode, load_tokenizer
from tests.learn.rollouts import small
from tests.learn.test_step_labels import drawn, replies

TOKENIZER = load_tokenizer()
SIZES = {"hidden_size": 32, "layers": 2, "heads": 2, "kv_heads": 1, "intermediate_size": 48}
CONFIGS = {
    "dense": ModelConfig(**SIZES),
    "experts": ModelConfig(**SIZES, experts=Experts(count=4, intermediate_size=16)),
}
EXAMPLES = [
    Labelled((7, 8), (9, 10, 11, 12), (1, 3), (1.0, 0.0)),
    Labelled((7,), (20, 21), (0,), (0.25,)),
    Labelled((7, 8, 9), (30, 31, 32), (0, 1, 2), (1.0, 1.0, 0.0)),
]


@pytest.fixture(params=CONFIGS)
def model(request):
    """A reward model whose head says something."""
    made = RewardModel(small(0, CONFIGS[request.param])).eval()
    torch.manual_seed(1)
    torch.nn.init.normal_(made.head.weight, std=0.3)
    torch.nn.init.constant_(made.head.bias, 0.2)
    return made


# --- the network


def test_a_fresh_reward_model_says_one_half_and_loses_log_two():
    made = RewardModel(small())
    assert torch.equal(made(torch.randint(6, 512, (2, 9))), torch.zeros(2, 9))
    assert reward_model_loss(made, collate(EXAMPLES)).item() == pytest.approx(math.log(2), abs=1e-6)


def test_logits_are_the_head_s_on_what_the_language_model_s_logits_are_read_from(model):
    ids = torch.randint(6, 512, (3, 11), generator=torch.Generator().manual_seed(0))
    hidden = model.backbone.norm(model.backbone.hidden(ids))
    by_hand = (hidden * model.head.weight[0]).sum(-1) + model.head.bias
    assert torch.allclose(model(ids), by_hand, atol=1e-5)
    expected = torch.nn.functional.linear(hidden, model.backbone.embedding.weight)
    assert torch.equal(model.backbone(ids).logits, expected)


def test_a_step_s_score_knows_nothing_of_what_follows(model):
    ids = torch.randint(6, 512, (2, 40), generator=torch.Generator().manual_seed(0))
    other = ids.clone()
    other[:, 25:] = torch.randint(6, 512, (2, 15), generator=torch.Generator().manual_seed(1))
    assert torch.equal(model(ids)[:, :25], model(other)[:, :25])
    assert not torch.equal(model(ids)[:, 25:], model(other)[:, 25:])
    assert torch.allclose(model(ids)[:, :25], model(ids[:, :25]), atol=1e-5)


def test_padding_on_the_left_changes_nothing(model):
    ids = torch.randint(6, 512, (1, 12), generator=torch.Generator().manual_seed(0))
    padded, mask = torch.cat((torch.zeros(1, 5, dtype=torch.long), ids), 1), torch.ones(1, 17, dtype=torch.long)
    mask[:, :5] = 0
    assert torch.allclose(model(padded, mask)[:, 5:], model(ids), atol=1e-5)


def test_learning_leaves_the_model_it_was_made_from_alone():
    policy = small()
    before = copy.deepcopy(policy.state_dict())
    made = RewardModel(policy)
    config = TrainingConfig(steps=5, rows=3, length=6, learning_rate=1e-2, warmup=1)
    for _ in train(made, batches(EXAMPLES, 3), config, loss=reward_model_loss):
        pass
    assert all(torch.equal(before[name], weight) for name, weight in policy.state_dict().items())
    assert all(weight.grad is None for weight in policy.parameters())
    moved = [name for name, weight in made.backbone.state_dict().items() if not torch.equal(before[name], weight)]
    assert len(moved) == len(before) and made.head.weight.abs().max() > 0 and made.head.bias.abs().max() > 0


# --- the loss


def test_the_loss_is_the_golden_one():
    """Logits written by hand: -log sigmoid(2) = .126928, -log(1 - sigmoid(-1)) = .313262, soft .25 at 0.5: .849077."""

    class Written(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, ids):
            logits = torch.full(ids.shape, 50.0)
            logits[0, 3], logits[0, 5], logits[1, 1] = 2.0, -1.0, 0.5
            return logits

    batch = collate(EXAMPLES[:2])
    golden = (0.126928 + 0.313262 + 0.849077) / 3
    assert reward_model_loss(Written(), batch).item() == pytest.approx(golden, abs=1e-5)


def test_the_loss_is_that_of_two_classes_in_the_transformers_library(tmp_path):
    """A token classifier with logits (0, z) and hard labels, -100 where there are none, as TRL trains PRMs."""
    policy = small()
    save(policy, TOKENIZER, tmp_path)
    made = RewardModel(policy)
    torch.nn.init.normal_(made.head.weight, std=0.3)
    torch.nn.init.constant_(made.head.bias, -0.4)
    theirs = AutoModelForTokenClassification.from_pretrained(tmp_path, num_labels=2).eval()
    with torch.no_grad():
        theirs.score.weight.copy_(torch.stack((torch.zeros(32), made.head.weight[0])))
        theirs.score.bias.copy_(torch.stack((torch.zeros(()), made.head.bias[0])))
    several = [process_labels(TOKENIZER, one, force_thinking, first_error_only=False) for one in replies(6)]
    batch = collate(several)
    labels = torch.where(batch.is_labelled, batch.labels.long(), -100)
    mask = (torch.arange(batch.ids.shape[1]) < torch.tensor([[len(one)] for one in several])).long()
    expected = theirs(input_ids=batch.ids, attention_mask=mask, labels=labels).loss
    assert {0, 1} < set(labels.unique().tolist())
    assert reward_model_loss(made, batch).item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_batch_holds_each_reply_behind_its_prompt_and_each_label_at_its_place():
    batch = collate(EXAMPLES)
    assert batch.ids.tolist() == [[7, 8, 9, 10, 11, 12], [7, 20, 21, 0, 0, 0], [7, 8, 9, 30, 31, 32]]
    assert batch.is_labelled.nonzero().tolist() == [[0, 3], [0, 5], [1, 1], [2, 3], [2, 4], [2, 5]]
    assert batch.labels[batch.is_labelled].tolist() == [1, 0, 0.25, 1, 1, 0]
    with pytest.raises(ValueError, match="at least one labelled reply"):
        collate([])


# --- which replies come when


def lettered(n):
    """Replies of lengths 3 to 7 that can be told apart by their first token."""
    return [Labelled((6 + number,), (5,) * (2 + number % 5), (1,), (1.0,)) for number in range(n)]


def firsts(batch):
    return batch.ids[:, 0].tolist()


def test_an_epoch_shows_every_reply_once_and_the_next_in_another_order():
    batch = batches(lettered(40), 4, seed=1)
    epochs = [[firsts(batch(step)) for step in range(10 * epoch, 10 * epoch + 10)] for epoch in range(2)]
    for epoch in epochs:
        assert sorted(first for several in epoch for first in several) == list(range(6, 46))
    assert epochs[0] != epochs[1]
    assert {frozenset(several) for several in epochs[0]} != {frozenset(several) for several in epochs[1]}
    widths = [batch(step).ids.shape[1] for step in range(10)]
    assert widths != sorted(widths) and sorted(widths) == sorted([*range(3, 8)] * 2)  # of like length, in any order


def test_a_batch_depends_on_its_number_and_the_seed_alone():
    one, other, third = (batches(lettered(30), 4, seed=seed) for seed in (1, 1, 2))
    assert [firsts(one(step)) for step in (9, 3)] == [firsts(other(step)) for step in (9, 3)]
    assert [firsts(one(step)) for step in range(7)] != [firsts(third(step)) for step in range(7)]


def test_what_is_left_over_is_another_part_each_time_and_replies_without_labels_never_come():
    examples = [*lettered(11), Labelled((500,), (5, 5), (), ())]
    batch = batches(examples, 4)
    seen = [{first for step in (2 * epoch, 2 * epoch + 1) for first in firsts(batch(step))} for epoch in range(20)]
    assert all(len(epoch) == 8 for epoch in seen)
    assert set.union(*seen) == set(range(6, 17)) and 500 not in set.union(*seen)


@pytest.mark.parametrize(("n", "rows"), [(3, 4), (3, 0), (3, -1), (0, 1)])
def test_too_few_replies_are_an_error(n, rows):
    with pytest.raises(ValueError, match=f"{n} replies with labels do not fill a step of {rows}"):
        batches(lettered(n), rows)


# --- scoring


def test_scores_are_the_sigmoids_at_each_step_s_end_and_at_the_last_token(model):
    several = [*replies(6), drawn(f"{END_THINK}9", ask=force_thinking)]
    several.append(drawn("0+2=2\n2+3", ask=force_thinking, finished=False))
    found = score_steps(model, TOKENIZER, several, force_thinking)
    for one, scores in zip(several, found, strict=True):
        prompt = encode(TOKENIZER, force_thinking(one.problem.question))
        logits = model(torch.tensor([prompt + one.completion.token_ids]))[0, len(prompt) :].tolist()
        chances = [1 / (1 + math.exp(-logit)) for logit in logits]
        places = step_places(TOKENIZER, one, force_thinking)
        assert scores.steps == pytest.approx([chances[place] for place in places], abs=1e-5)
        assert scores.outcome == pytest.approx(chances[-1], abs=1e-5)
    assert [len(one.steps) for one in found[-2:]] == [0, 2]


def test_how_replies_are_cut_into_passes_changes_no_score(model, monkeypatch):
    several = replies(7)
    passes, whole = [], score_steps(model, TOKENIZER, several, force_thinking)
    monkeypatch.setattr(reward_models, "TOKENS_AT_ONCE", 150)
    model.register_forward_hook(lambda module, inputs, output: passes.append(tuple(inputs[0].shape)))
    parts = score_steps(model, TOKENIZER, several, force_thinking)
    assert len(passes) > 1 and all(rows * width <= 150 for rows, width in passes)
    assert sum(rows for rows, _ in passes) == 7
    for one, other in zip(whole, parts, strict=True):
        assert one.steps == pytest.approx(other.steps, abs=1e-5) and one.outcome == pytest.approx(
            other.outcome, abs=1e-5
        )
    passes.clear()
    monkeypatch.setattr(reward_models, "TOKENS_AT_ONCE", 4096)
    score_steps(model, TOKENIZER, several, force_thinking)
    assert len(passes) == 1
    assert score_steps(model, TOKENIZER, [], force_thinking) == []


def test_a_broken_model_gives_no_scores():
    made = RewardModel(small())
    torch.nn.init.constant_(made.head.bias, math.nan)
    with pytest.raises(ValueError, match="not numbers"):
        score_steps(made, TOKENIZER, [drawn("9")])


def test_aggregates_are_what_they_are_called():
    scores = StepScores([0.5, 0.8, 0.25, 0.9], 0.3)
    assert product(scores) == pytest.approx(0.09) and minimum(scores) == 0.25
    assert mean_score(scores) == pytest.approx(0.6125) and last_step(scores) == 0.9 and outcome(scores) == 0.3
    nothing = StepScores([], 0.7)
    assert [take(nothing) for take in (product, minimum, mean_score, last_step, outcome)] == [0, 0, 0, 0, 0.7]


def test_a_scorer_gives_the_aggregate_of_each_reply(model):
    several = replies(5)
    scores = score_steps(model, TOKENIZER, several, force_thinking)
    for aggregate in (product, minimum, outcome):
        found = scorer(model, TOKENIZER, aggregate, force_thinking)(several)
        assert found == [aggregate(one) for one in scores]
        best = pick(several, scorer(model, TOKENIZER, aggregate, force_thinking))
        assert best is several[max(range(5), key=lambda place: found[place])]
    assert scorer(model, TOKENIZER)([drawn("9")]) == [0.0]


@pytest.mark.slow
def test_a_reward_model_learns_to_tell_right_steps_from_wrong_ones():
    """Shell games with slips put in, from the model that has learned to notice some: every second pair at the start."""
    family, rng, solved = FAMILIES["cups"], random.Random(0), []
    for problem in draw_problems("cups", 500, split="train"):
        lines, answer = hasty_solution(family, problem, rng, 0.2, 0.0)
        text = "".join(line + "\n" for line in lines) + END_THINK + (answer or "1")
        solved.append(drawn(text, problem, force_thinking))
    made = RewardModel(load("mini-careful")[0])
    labelled = [process_labels(TOKENIZER, one, force_thinking, first_error_only=False) for one in solved[60:]]
    config = TrainingConfig(steps=60, rows=24, length=128, learning_rate=1e-3, warmup=5)
    for _ in train(made, batches(labelled, 24), config, loss=reward_model_loss):
        pass
    by_verdict = {True: [], False: []}
    for one, found in zip(solved, score_steps(made, TOKENIZER, solved[:60], force_thinking), strict=False):
        for verdict, score in zip(one.verdicts, found.steps, strict=True):
            by_verdict[verdict].append(score)
    pairs = [(right, wrong) for right in by_verdict[True] for wrong in by_verdict[False]]
    assert sum(right > wrong for right, wrong in pairs) / len(pairs) > 0.75


def test_a_run_that_was_interrupted_ends_with_the_same_weights(tmp_path):
    config = TrainingConfig(steps=6, rows=2, length=12, learning_rate=1e-2, warmup=1)
    made = {}
    for name, stops in (("whole", ()), ("parts", (2, 4))):
        made[name], path = RewardModel(small()), tmp_path / f"{name}.safetensors"
        for stop in (*stops, 6):
            model = RewardModel(small())
            for stats in train(
                model, batches(lettered(7), 2), config, loss=reward_model_loss, checkpoint=path, every=1
            ):
                if stats["step"] == stop:
                    break
        made[name] = model
    assert all(torch.equal(*pair) for pair in zip(made["whole"].parameters(), made["parts"].parameters(), strict=True))


# --- as a reward


def fixed(model):
    """A head that likes some tokens more than others."""
    made = RewardModel(model)
    torch.manual_seed(2)
    torch.nn.init.normal_(made.head.weight, std=0.5)
    return made


STEPS = GRPOConfig(steps=2, prompts=5, group_size=4, max_new_tokens=24, truncation_reward=-3.0)


def test_a_reward_model_rewards_all_completions_of_a_step_in_one_call(monkeypatch):
    policy, tokenizer = load("mini-base")
    reward, calls = model_reward(fixed(policy), tokenizer, outcome), []
    monkeypatch.setattr(reward_models, "score_steps", lambda *args: calls.append(len(args[2])) or score_steps(*args))
    seen = list(grpo(policy, tokenizer, STEPS, reward=reward))
    monkeypatch.undo()
    for stats in seen:
        rows, rewards = stats["rollouts"].rows, stats["rewards"].flatten().tolist()
        whole = [one for one in rows if one.completion.finished]
        assert 0 < len(whole) < len(rows)  # both happen
        expected = iter(scorer(fixed(load("mini-base")[0]), tokenizer, outcome)(whole))
        by_hand = [next(expected) if one.completion.finished else -3.0 for one in rows]
        assert rewards == pytest.approx(by_hand, abs=1e-5)
    assert calls == [sum(one.completion.finished for one in stats["rollouts"].rows) for stats in seen]


def test_reinforcement_leaves_the_reward_model_alone():
    policy, tokenizer = load("mini-base")
    made = fixed(policy)
    before = copy.deepcopy(made.state_dict())
    for _ in grpo(policy, tokenizer, STEPS, reward=model_reward(made, tokenizer, outcome)):
        pass
    assert all(torch.equal(before[name], weight) for name, weight in made.state_dict().items())
    assert all(weight.grad is None for weight in made.parameters())


def test_a_run_is_not_taken_up_again_with_another_reward_model_or_aggregate(tmp_path):
    policy, tokenizer = load("mini-base")
    made, path = fixed(policy), tmp_path / "run.safetensors"
    config = replace(STEPS, steps=1, group_size=2, max_new_tokens=6)
    list(grpo(policy, tokenizer, config, reward=model_reward(made, tokenizer, outcome), checkpoint=path))
    list(
        grpo(
            policy,
            tokenizer,
            config,
            reward=model_reward(fixed(load("mini-base")[0]), tokenizer, outcome),
            checkpoint=path,
        )
    )
    other = fixed(policy)
    torch.nn.init.constant_(other.head.bias, 0.1)
    for reward in (
        model_reward(other, tokenizer, outcome),
        model_reward(made, tokenizer, minimum),
        model_reward(made, tokenizer, outcome, force_thinking),
    ):
        with pytest.raises(ValueError, match="reward was"):
            list(grpo(policy, tokenizer, config, reward=reward, checkpoint=path))
