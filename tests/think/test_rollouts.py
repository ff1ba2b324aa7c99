"""Replies read as the course reads them; every family asked in every way with the same problems."""

import pytest
import torch

from course.model import Completion
from course.model.transformer import ModelConfig, Transformer
from course.think.evaluation import constant_scores, scores
from course.think.prompting import direct, force_thinking
from course.think.rollouts import Rollout, RolloutBatch, ask_all, read_reply, sample_groups, sample_rollouts
from course.world import FAMILIES, draw_problems, letters
from course.world.answers import Reply
from course.world.facts import fact_problems
from course.world.tokenizer import load_tokenizer


def small_model():
    torch.manual_seed(0)
    return Transformer(ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)).eval()


def test_a_truncated_reply_has_no_answer_even_if_it_says_one():
    assert read_reply("<user>?<assistant>", Completion("3", [], [], False)).answer is None
    assert read_reply("<user>?<assistant>", Completion("3", [], [], True)).answer == "3"


CHATML = "<|im_start|>user\nIs <assistant> a word?<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    ("prompt", "text", "reply"),
    [
        (CHATML.replace("<assistant>", "it"), "3", Reply(None, "3")),
        (CHATML.replace("<assistant>", "it"), "<think>x</think>3", Reply("x", "3")),
        (CHATML.replace("<assistant>", "it") + "<think>\n", "x</think>3", Reply("x", "3")),
        (direct("Is <assistant>7 a word?"), "3", Reply(None, "3")),
        (direct("Is <think> a word?"), "3", Reply(None, "3")),
    ],
)
def test_a_reply_is_found_behind_a_prompt_of_any_format(prompt, text, reply):
    assert read_reply(prompt, Completion(text, [], [], True)) == reply


@pytest.mark.parametrize(
    ("ask", "text", "opened"),
    [(direct, "<think>x</think>3", True), (direct, "x</think>3", False), (force_thinking, "x</think>3", True)],
)
def test_thinking_is_opened_by_the_reply_or_by_its_prompt(ask, text, opened):
    for finished in (True, False):
        assert read_reply(ask("?"), Completion(text, [], [], finished)).opened is opened


def test_only_the_last_reply_of_a_prompt_with_examples_counts_as_begun():
    prompt = "<user>a<assistant><think>x</think>1<eos><user>b<assistant>"
    reply = read_reply(prompt, Completion("2", [], [], True))
    assert (reply.reasoning, reply.answer) == (None, "2")


def test_every_family_is_asked_in_every_way_with_the_same_problems():
    found = ask_all(
        small_model(), load_tokenizer(), {"plain": direct, "forced": force_thinking}, n=4, max_new_tokens=12
    )
    assert {way: list(groups) for way, groups in found.items()} == {way: list(FAMILIES) for way in ("plain", "forced")}
    for family in FAMILIES:
        plain, forced = ([one.problem for one in found[way][family]] for way in ("plain", "forced"))
        assert plain == forced and len(plain) == 4
        assert scores(found["plain"])[family].total == 4
        assert 0 <= constant_scores(found["plain"])[family] <= 1


def test_the_best_constant_answer_is_the_family_s_and_of_plain_facts_the_commonest():
    said = Completion("", [], [], True)
    facts = [
        one
        for one in fact_problems()
        if one.given[:2] in (("color", "blood"), ("color", "a tomato"), ("color", "snow"))
    ]
    groups = {"facts": facts, "cups 11": draw_problems("cups", 30), "both": [*facts, letters.ask("bee", "b")]}
    found = constant_scores(
        {name: [Rollout(one, read_reply("", said), said) for one in g] for name, g in groups.items()}
    )
    assert found["facts"] == pytest.approx(2 / 3) and found["both"] == pytest.approx(3 / 4)
    assert found["cups 11"] == pytest.approx(sum(one.answer == "1" for one in groups["cups 11"]) / 30)


def test_thinking_needs_a_right_step_and_an_end():
    problem = letters.ask("bee", "e")
    for text, finished, thought in (
        ("b 0\n</think>2", True, True),
        ("b 0\n</think>", True, False),
        ("</think>2", True, False),
        ("b 0\n</think>2", False, False),
    ):
        completion = Completion(text, [], [], finished)
        reply = read_reply("<assistant><think>", completion)
        assert Rollout(problem, reply, completion).thought is thought


def test_a_way_may_differ_from_family_to_family():
    by_family = {family: force_thinking if family == "cups" else direct for family in FAMILIES}
    tokenizer = load_tokenizer()
    mixed, plain, forced = (
        ask_all(small_model(), tokenizer, {"way": way}, n=2, max_new_tokens=12)["way"]
        for way in (by_family, direct, force_thinking)
    )
    for family in FAMILIES:
        same = forced if family == "cups" else plain
        assert [one.completion for one in mixed[family]] == [one.completion for one in same[family]]


def test_many_samples_of_one_problem_are_as_many_different_draws():
    problems = draw_problems("sums", 3)
    found = sample_groups(small_model(), load_tokenizer(), problems, samples=4, max_new_tokens=12, seed=1)
    assert [[one.problem for one in several] for several in found] == [[problem] * 4 for problem in problems]
    assert len({tuple(one.completion.token_ids) for several in found for one in several}) > 6


def test_votes_are_what_was_said_without_its_dress():
    problem = letters.ask("bee", "e")
    said = {"2": "2", " The answer is 2. ": "2", "": None, "...": None}
    for text, vote in said.items():
        completion = Completion(text, [1, 2, 3], [], True)
        one = Rollout(problem, read_reply("<assistant>", completion), completion)
        assert (one.vote, one.tokens) == (vote, 3)


def test_facts_are_marked_though_they_are_of_no_family():
    fact = fact_problems()[0]
    for text, right in ((fact.answer.capitalize() + ".", True), ("nowhere", False), ("", False)):
        completion = Completion(text, [], [], True)
        one = Rollout(fact, read_reply("<assistant>", completion), completion)
        assert (one.right, one.thought) == (right, False)


def test_by_default_replies_are_sampled_at_temperature_one():
    model, problems = small_model(), draw_problems("sums", 2)
    usual = sample_groups(model, load_tokenizer(), problems, samples=2, max_new_tokens=6, seed=1)
    assert usual == sample_groups(
        model, load_tokenizer(), problems, samples=2, temperature=1.0, max_new_tokens=6, seed=1
    )
    (each,) = sample_rollouts(model, load_tokenizer(), problems[:1], max_new_tokens=6, seed=1)
    (same,) = sample_rollouts(model, load_tokenizer(), problems[:1], temperature=1.0, max_new_tokens=6, seed=1)
    assert each == same


def test_a_batch_lists_its_rollouts_group_after_group_with_their_lengths():
    problem = letters.ask("bee", "e")
    drawn = [Completion("2", ids, [0.0] * len(ids), True) for ids in ([7, 1], [1], [7, 7, 1])]
    groups = [[Rollout(problem, read_reply("<assistant>", one), one)] for one in drawn]
    batch = RolloutBatch([[5]] * 3, groups)
    assert batch.rows == [group[0] for group in groups] and batch.lengths.tolist() == [2, 1, 3]
