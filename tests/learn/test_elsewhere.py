"""Every training loop on a model that does not lie on the CPU: on a made-up device, and a real one if there is."""

import copy

import pytest
import torch

from course.learn import probes
from course.learn.distillation import distill, on_policy
from course.learn.policy_gradient import constant_length, sequence_mean, token_mean
from course.learn.pretraining import new_model
from course.learn.sft import imitation_loss, shuffled_batches
from course.learn.training import TrainingConfig, train
from course.model.moe import Experts, balance
from course.model.transformer import ModelConfig
from course.world import draw_problems
from course.world.tokenizer import load_tokenizer
from tests.learn.elsewhere import ELSEWHERE, brought, elsewhere
from tests.learn.test_sft import example

SMALL = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)
CONFIG = TrainingConfig(steps=2, rows=2, length=20, warmup=1)
REWARD = probes.GRPOConfig(steps=2, prompts=2, group_size=3, max_new_tokens=3, iterations=2, learning_rate=1e-2)
EXAMPLES = [example(4, 6, seed) for seed in range(12)]


def longer(one):
    return one.tokens + 0.1 * len(set(one.completion.token_ids))


def batch(step):
    return torch.randint(6, 512, (2, 16), generator=torch.Generator().manual_seed(step))


def imitating(model, other, file):
    return train(model, shuffled_batches(EXAMPLES, 2, 20), CONFIG, loss=imitation_loss, checkpoint=file, every=1)


def distilling(model, other, file):
    return distill(model, other, shuffled_batches(EXAMPLES, 2, 20), CONFIG, checkpoint=file, every=1)


def own_replies(model, other, file):
    problems = draw_problems("cups", 2)
    drawn = on_policy(model, load_tokenizer(), lambda step: problems, max_new_tokens=3)
    return distill(model, other, drawn, CONFIG, checkpoint=file, every=1)


def pretraining(model, other, file):
    return train(model, batch, CONFIG, checkpoint=file, every=1)


def reinforcing(reduction):
    def start(model, other, file):
        config = probes.replace(REWARD, kl=0.1)
        pieces = {"reduction": reduction, "reference": other, "checkpoint": file, "every": 1}
        return probes.run(model, "ab", longer, config, **pieces)

    return start


LOOPS = {
    "train": (pretraining, SMALL),
    "imitate": (imitating, SMALL),
    "distill": (distilling, SMALL),
    "on policy": (own_replies, SMALL),
    **{
        f"grpo, {one.__name__}": (reinforcing(one), probes.TINY) for one in (token_mean, sequence_mean, constant_length)
    },
}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_model_elsewhere_learns_what_it_would_have_learnt_here_and_can_be_taken_up_again(loop, tmp_path):
    start, config = LOOPS[loop]
    here, other = new_model(config, 0), new_model(config, 1)
    losses = [stats["loss"] for stats in start(here, other, None)]
    with elsewhere():
        there, reference = brought(new_model(config, 0)), brought(new_model(config, 1))
        run = start(there, reference, tmp_path / "progress.safetensors")
        found = [next(run)["loss"]]
        run.close()
        there = brought(new_model(config, 0))
        found += [stats["loss"] for stats in start(there, reference, tmp_path / "progress.safetensors")]
    assert found == pytest.approx(losses, rel=0.01), "sums differ by rounding, of which Adam's first steps make more"


@pytest.mark.parametrize("away", ["student", "teacher"])
def test_a_teacher_may_lie_elsewhere_than_its_student(away):
    student, teacher = new_model(SMALL, 0), new_model(SMALL, 1)
    losses = [stats["loss"] for stats in distilling(copy.deepcopy(student), teacher, None)]
    with elsewhere():
        pair = [brought(one) if name == away else one for name, one in (("student", student), ("teacher", teacher))]
        assert [stats["loss"] for stats in distilling(*pair, None)] == pytest.approx(losses, rel=0.01)


def test_what_stays_on_the_cpu_is_noticed():
    """The tests above could fail: a model elsewhere that is given tokens from here refuses them."""
    with elsewhere():
        model = brought(new_model(SMALL, 0))
        with pytest.raises(RuntimeError, match="expected all tensors on one device"):
            model(batch(0))
        assert model(batch(0).to(ELSEWHERE)).logits.device == ELSEWHERE


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("loop", LOOPS)
def test_every_loop_runs_on_cuda(loop, tmp_path):
    start, config = LOOPS[loop]
    model, other = new_model(config, 0).cuda(), new_model(config, 1).cuda()
    before = [weight.detach().clone() for weight in model.parameters()]
    assert [stats["step"] for stats in start(model, other, tmp_path / "progress.safetensors")] == [1, 2]
    assert not all(torch.equal(*pair) for pair in zip(before, model.parameters()))
    routed = new_model(ModelConfig(experts=Experts(), layers=2), 0).cuda()
    assert len(list(train(routed, batch, CONFIG, after_step=balance))) == 2
