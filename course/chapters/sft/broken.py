"""Fine-tuning gone wrong, each with one thing changed: the end masked away, and a shift too many (chapter 4)."""

from functools import partial

from torch import Tensor, nn

from course._shapes import Bool, Float
from course.chapters.sft.learners import ALEX, READ, READER, Reading, learn
from course.learn.pretraining import RECIPES, new_model
from course.learn.sft import Packed, block_causal_mask, imitation_loss, of_everything
from course.think.evaluation import mean
from course.think.rollouts import sample_rollouts
from course.world import draw_problems


def end_masked(batch: Packed, end: int) -> Bool[Tensor, "B T"]:
    """Replies without their end token: what remains where padding is masked by an id that is the end's as well."""
    return batch.is_reply & (batch.ids != end)


def shifted_twice(model: nn.Module, batch: Packed) -> Float[Tensor, ""]:
    """The loss of predicting the token after the next: the labels were shifted, and the loss shifted them again."""
    logits = model(batch.ids[:, :-2], attention_mask=block_causal_mask(batch.examples[:, :-2])).logits
    wanted = batch.is_reply[:, 2:] & (batch.examples[:, 2:] == batch.examples[:, :-2])
    return nn.functional.cross_entropy(logits[wanted], batch.ids[:, 2:][wanted])


def not_shifted(model: nn.Module, batch: Packed) -> Float[Tensor, ""]:
    """The loss of predicting the token that was just read."""
    logits = model(batch.ids, attention_mask=block_causal_mask(batch.examples)).logits
    return nn.functional.cross_entropy(logits[batch.is_reply], batch.ids[batch.is_reply])


def losses(end: int) -> dict[str, object]:
    """The losses to compare, by what is done: the right one first."""
    return {
        "as it should be": imitation_loss,
        "question not masked": partial(imitation_loss, learned=of_everything),
        "end masked": partial(imitation_loss, learned=partial(end_masked, end=end)),
        "shifted twice": shifted_twice,
        "not shifted": not_shifted,
    }


def outcome(name: str, tokenizer, steps: int, problems: int, seed: int = 0) -> dict[str, float]:
    """A network that has read nothing learns answers to shell games and sums with one of these losses, and is asked.

    What comes back: the `last loss` in nats, and the shares of replies that `end`, and that are `right`.
    """
    model = new_model(RECIPES[READER].model, seed)
    loss = losses(tokenizer.eos_token_id)[name]
    *_, last = learn(model, tokenizer, ALEX, Reading(steps, at_once=16, seed=seed), loss=loss)
    asked = [one for family in READ for one in draw_problems(family, problems)]
    drawn = sample_rollouts(model.eval(), tokenizer, asked, max_new_tokens=30, seed=7)
    ends = mean([one.completion.finished for one in drawn])
    return {"last loss": last["loss"], "end": ends, "right": mean([one.right for one in drawn])}
