"""The group explorer: what it shows of a step is what the step did, and it stands still without Python."""

import pytest
import torch

from course.chapters.grpo.groups import Groups, look_into
from course.learn.grpo import GRPOConfig, grpo
from course.learn.policy_gradient import group_advantages
from course.model import load, score

CONFIG = GRPOConfig(steps=2, prompts=10, group_size=4, max_new_tokens=60)


pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("groups")]  # what all its tests read is made once


@pytest.fixture(scope="module")
def run():
    """Two steps: the groups of each, and of the first step all there is, with the model as it was then."""
    model, tokenizer = load("mini-base")
    recorded, kept = {}, None
    for stats in grpo(model, tokenizer, CONFIG):
        recorded[stats["step"]] = look_into(model, stats)
        kept = kept or (stats, {name: weight.clone() for name, weight in model.state_dict().items()})
    return recorded, kept, tokenizer


def test_the_first_group_of_every_family_is_kept(run):
    recorded, (stats, _), _ = run
    assert list(recorded) == [1, 2] and list(recorded[1]) == ["letters", "decimals", "sums", "cups", "countdown"]
    places = [0, 2, 4, 6, 8]  # ten prompts, two a family
    assert [group.rollouts for group in recorded[1].values()] == [stats["rollouts"].groups[p] for p in places]
    for place, group in zip(places, recorded[1].values()):
        assert group.rewards == stats["rewards"][place].tolist()
        assert group.advantages == pytest.approx(group_advantages(stats["rewards"])[place].tolist())


def test_the_change_of_a_word_is_what_the_step_did_to_its_log_prob(run):
    recorded, (stats, weights), _ = run
    (before, _), (after, _) = load("mini-base"), load("mini-base")
    after.load_state_dict(weights)
    group, ids = recorded[1]["sums"], stats["rollouts"].prompt_ids[4]
    for one, changes in zip(group.rollouts, group.changes):
        with torch.no_grad():
            now, then = (score(model, [ids], [one.completion.token_ids]).logprobs[0] for model in (after, before))
        assert changes == pytest.approx((now - then).tolist(), abs=1e-4) and len(changes) == one.tokens


def test_praised_replies_get_likelier_and_blamed_ones_less_so(run):
    recorded, _, _ = run
    pushed = [
        (advantage, sum(changes))
        for group in recorded[1].values()
        for advantage, changes in zip(group.advantages, group.changes)
        if advantage
    ]
    praised, blamed = ([change for advantage, change in pushed if (advantage > 0) is kind] for kind in (True, False))
    assert sum(praised) / len(praised) > 0 > sum(blamed) / len(blamed)


def test_there_is_a_page_for_every_step_and_family_and_the_first_has_a_signal(run):
    recorded, _, tokenizer = run
    shown = Groups(tokenizer, recorded)
    first = next(name for name, group in recorded[1].items() if len(set(group.rewards)) > 1)
    assert shown.state["first"] == f"{first}|1" and shown.still == shown.page(1, first) and "advantage" in shown.still
    assert set(shown.state["pages"]) == {f"{family}|{step}" for step in (1, 2) for family in recorded[1]}
    assert shown.state["pages"]["cups|2"] == shown.page(2, "cups") != shown.page(1, "cups")
    assert shown.text.startswith("step 1: ") and shown.text.count("reward") == 4


def test_up_and_down_are_told_apart_without_colors_and_text_is_escaped(run):
    recorded, _, tokenizer = run
    html = "".join(Groups(tokenizer, recorded).page(step, family) for step in (1, 2) for family in recorded[1])
    assert "overline" in html and "underline" in html and "(end)" in html
    assert "<think>" not in html and "&lt;think&gt;" in html


def test_nothing_to_show_is_an_error():
    with pytest.raises(ValueError, match="no groups to show"):
        Groups(None, {})
