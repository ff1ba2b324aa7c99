"""Experiments on a few problems: they run, and what they count is what they say."""

import pytest
import torch

from course.chapters.prompting import experiments as prompting
from course.chapters.prompting.experiments import lost_votes, poll, shots
from course.chapters.reasoning.experiments import SMALL, STYLES, train_small
from course.experiments import find
from course.learn.pretraining import new_model
from course.model import Completion
from course.think.prompting import direct
from course.think.rollouts import Rollout
from course.world import FAMILIES, decimals, draw_problems
from course.world.answers import Reply, steps
from course.world.corpus import documents


@pytest.mark.slow
@pytest.mark.parametrize("name", ["decimals", "overkill", "history", "examples", "cues", "votes"])
def test_it_runs_on_a_few_problems(name, monkeypatch):
    """Of three families where an experiment takes all five in turn."""
    monkeypatch.setattr(prompting, "FAMILIES", {family: FAMILIES[family] for family in ("decimals", "sums", "cups")})
    found = find(name).run(1, 8)
    assert found.figures and found.comparisons and isinstance(found.holds, bool)


def answered(*answers):
    problem = decimals.ask("9.11", "9.8")
    return [
        Rollout(problem, Reply(None, text), Completion(text or "", [0], [0.0], text is not None)) for text in answers
    ]


def test_a_poll_counts_every_reply_and_lists_only_answers():
    assert poll(answered("yes", "no", "Yes.", None)) == (["yes", "no"], [False, True], [0.5, 0.25])
    with pytest.raises(ValueError, match="nobody answered"):
        poll(answered(None, None))


def test_votes_are_sorted_by_the_first_half_and_counted_on_the_second():
    """32 replies: the first half mostly wrong, the second all right; so luck in the first does not count."""
    several = answered(*["yes"] * 12, *["no"] * 4, *["no"] * 16)
    curves = lost_votes([several])
    assert set(curves) == {"wrong mode, predicted", "wrong mode, observed"}
    assert curves["wrong mode, observed"][16] == [1.0]
    assert curves["wrong mode, predicted"][1][0] == pytest.approx(0.25, abs=0.03)
    assert curves["wrong mode, predicted"][16][0] < 0.1


def test_no_examples_is_the_plain_prompt_and_examples_are_of_the_family():
    assert shots("sums", 0, worked=True) is direct
    prompt = shots("cups", 2, worked=True)("Where?")
    assert prompt.count("<think>") == 2 and prompt.count("cup") >= 2 and prompt.endswith("<user>Where?<assistant>")
    assert "<think>" not in shots("cups", 2, worked=False)("Where?")


@pytest.mark.parametrize("style", STYLES)
def test_small_models_read_counts_in_one_style_only(style):
    texts = [text for text, _ in zip(documents(STYLES[style], 0), range(400))]
    counted = [text for text in texts if not text.startswith(("<user>Spell", "<user>How is"))]
    spelled = [text for text in texts if text not in counted]
    assert 0.3 < len(spelled) / len(texts) < 0.5
    assert all(("<think>" in text) is (style == "spelled") for text in counted)


def test_training_can_be_stopped_and_the_model_keeps_what_it_learnt():
    torch.set_num_threads(1)
    model = new_model(SMALL, 0)
    before = model.embedding.weight.clone()
    for stats in train_small(model, "spelled", share=0.01):
        if stats["step"] == 2:
            break
    assert stats["steps"] == 12 and not torch.equal(before, model.embedding.weight)


def test_examples_come_from_the_train_split_and_their_steps_are_right():
    from course.think.prompting import draw_examples

    for family in FAMILIES:
        train = {problem.question: problem for problem in draw_problems(family, 3, split="train", seed=4)}
        worked = draw_examples(family, 3, worked=True, seed=4)
        assert [question for question, _, _ in worked] == list(train)
        for question, answer, lines in worked:
            problem = train[question]
            assert FAMILIES[family].correct(problem, answer)
            assert all(FAMILIES[family].check_steps(problem, steps("\n".join(lines))))
        assert [(q, a) for q, a, _ in draw_examples(family, 3, worked=False, seed=4)] == [(q, a) for q, a, _ in worked]
