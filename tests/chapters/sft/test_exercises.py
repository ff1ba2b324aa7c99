"""What the exercises of chapter 4 claim is true: by torch, by the library, and by recorded results."""

import pytest
import torch

from course.chapters.sft.exercises import END, EXERCISES
from course.experiments import recorded
from course.learn.distillation import distinct, ends_right
from course.learn.self_training import capped
from course.learn.sft import TrainingExample, imitation_loss, of_replies, pack, stack
from course.model import Completion
from course.model.transformer import ModelConfig, Transformer
from course.teach.exercises import assess
from course.think.rollouts import Rollout, read_reply
from course.world import sums

BY_NAME = {exercise.name: exercise for exercise in EXERCISES}
SMALL = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda one: one.name)
def test_every_named_mistake_is_told_by_its_own_name(exercise):
    for mistake in exercise.mistakes:
        right, message = assess(exercise, mistake.wrong)
        assert not right and mistake.diagnosis in message
    assert assess(exercise, exercise.reference)[0]


def test_the_labels_give_the_library_s_loss():
    torch.manual_seed(0)
    model = Transformer(SMALL).eval()
    for prompt, reply, width in BY_NAME["sft.labels"].inputs:
        ids = torch.tensor([prompt + reply])
        targets = torch.tensor(BY_NAME["sft.labels"].reference(prompt, reply, width))[: ids.shape[1] - 1]
        by_torch = torch.nn.functional.cross_entropy(model(ids[:, :-1]).logits[0], targets, ignore_index=-100)
        batch = stack([[TrainingExample(tuple(prompt), tuple(reply))]])
        assert imitation_loss(model, batch).item() == pytest.approx(by_torch.item(), abs=1e-5)


def test_the_mended_mask_is_the_library_s():
    for ids, prompt, length in BY_NAME["sft.mend_end"].inputs:
        one = TrainingExample(tuple(ids[:prompt]), tuple(ids[prompt:length]))
        longer = TrainingExample((2,) * (len(ids) - 1), (3,))  # so that the first row is padded as wide
        batch = stack([[one], [longer]])
        assert of_replies(batch)[0].tolist() == BY_NAME["sft.mend_end"].reference(ids, prompt, length)
        assert ids[length - 1] == END


def test_what_is_kept_is_what_the_library_keeps():
    """Of sums, whose verifier accepts exactly the right digits."""
    for replies, truths, most in BY_NAME["sft.keep_right"].inputs:
        kept = []
        for place, (question, text, finished) in enumerate(replies):
            problem = sums.ask(tuple(map(int, question.split("+"))))
            assert problem.answer == truths[question]
            completion = Completion(text, list(text.encode()), [], finished)
            kept.append((place, Rollout(problem, read_reply("", completion), completion)))
        chosen = capped(distinct([one for _, one in kept if ends_right(one)]), most)
        places = [place for place, one in kept if any(one is other for other in chosen)]
        assert places == BY_NAME["sft.keep_right"].reference(replies, truths, most)


def test_packed_rows_make_no_difference_to_which_tokens_are_learned():
    examples = [TrainingExample((4, 5), (6, 1)), TrainingExample((4,), (7, 8, 1))]
    batch = stack(pack(examples, 20))
    assert sorted(batch.ids[of_replies(batch)].tolist()) == sorted([6, 1, 7, 8, 1])


def test_more_examples_do_not_help_alex_with_the_shell_game():
    found = recorded("imitation")["figures"]
    for way in ("answers", "answers, as many tokens"):
        assert found[way]["right"]["cups"]["mean"] < 0.3
    more, fewer = (found[way]["right"]["sums"]["mean"] for way in ("answers, as many tokens", "answers"))
    assert more > fewer and BY_NAME["sft.predict_tokens"].reference == "C"


def test_solutions_found_with_a_hint_have_a_wrong_line_more_often():
    arm = recorded("staircase")["figures"]["go on, with hints"]
    pairs = zip(arm["false positives"], arm["false positives with a hint"], strict=True)
    assert all(hinted > 3 * own for own, hinted in pairs)
