"""The training loop: the loss it lowers, the rate it follows, and that being killed changes nothing."""

import random
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from course.learn.training import TrainingConfig, next_token_loss, schedule, train
from course.model.transformer import ModelConfig, Transformer
from tests.project import ROOT

SMALL = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)
CONFIG = TrainingConfig(steps=6, rows=2, length=16, warmup=2)


def batch(step):
    return torch.randint(6, 512, (2, 16), generator=torch.Generator().manual_seed(step))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Transformer(SMALL)


def run(kind, folder, kill_after=None):
    """Start a run of `interrupted`; kill it once it has said so many steps. Returns the lines it said."""
    command = [sys.executable, "-m", "tests.learn.interrupted", str(folder), kind]
    said = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            said.append(line.split())
            if kill_after is not None and len(said) == kill_after:
                process.kill()  # SIGKILL: nothing can be cleaned up
                break
    return said


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "steps"), [("reading", 40), ("reward", 16)])
def test_a_run_killed_at_random_steps_ends_with_the_same_weights_bit_for_bit(kind, steps, tmp_path):
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    whole.mkdir(), pieces.mkdir()
    uninterrupted = run(kind, whole)
    rng = random.Random()
    killed_at = [rng.randint(1, steps // 3), rng.randint(1, steps // 3)]
    for after in killed_at:
        run(kind, pieces, kill_after=after)
    resumed = run(kind, pieces)
    assert uninterrupted[-1][0] == resumed[-1][0] == str(steps), killed_at
    assert uninterrupted[-len(resumed) :] == resumed, killed_at
    expected, found = load_file(whole / "done.safetensors"), load_file(pieces / "done.safetensors")
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected), killed_at


def test_the_loss_is_the_mean_of_minus_the_log_probs_by_hand(model):
    rows = batch(0)
    logprobs = model(rows).logits.log_softmax(-1)
    by_hand = [-logprobs[row, place, rows[row, place + 1]] for row in range(2) for place in range(15)]
    assert torch.allclose(next_token_loss(model, rows), torch.stack(by_hand).mean(), atol=1e-5)


def test_the_rate_rises_stays_and_falls_to_nothing():
    config = TrainingConfig(steps=100, warmup=10, decay=0.4)
    rates = [schedule(step, config) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:60] == [1.0] * 51
    assert rates[80] == pytest.approx(0.5) and rates[99] == pytest.approx(1 / 40)


def test_training_learns_a_text_by_heart(model):
    rows = batch(0)
    config = replace(CONFIG, steps=120, learning_rate=1e-2)
    losses = [stats["loss"] for stats in train(model, lambda step: rows, config)]
    assert losses[0] > 5.5 and losses[-1] < 0.5


def test_one_step_is_adamw_on_the_clipped_gradient(model):
    config = replace(CONFIG, steps=1, warmup=1, decay=1.0)
    torch.manual_seed(0)
    twin = Transformer(SMALL)
    list(train(model, batch, config))
    next_token_loss(twin, batch(0)).backward()
    norm = torch.linalg.vector_norm(torch.stack([weight.grad.norm() for weight in twin.parameters()]))
    for weight in twin.parameters():
        weight.grad.mul_(min(1.0, config.clip / (norm.item() + 1e-6)))
    matrices = [weight for weight in twin.parameters() if weight.ndim >= 2]
    vectors = [weight for weight in twin.parameters() if weight.ndim < 2]
    for weights, decay in ((matrices, config.weight_decay), (vectors, 0.0)):
        torch.optim.AdamW(weights, lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=decay).step()
    for ours, theirs in zip(model.parameters(), twin.parameters()):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_stopping_early_keeps_what_was_learnt(model):
    before = model.embedding.weight.clone()
    for stats in train(model, batch, CONFIG):
        if stats["step"] == 2:
            break
    assert not torch.equal(before, model.embedding.weight)


def test_progress_of_another_run_or_damaged_is_a_one_line_error(model, tmp_path):
    file = tmp_path / "progress.safetensors"
    list(train(model, batch, CONFIG, checkpoint=file, every=3))
    with pytest.raises(ValueError, match="belongs to a run with other settings: delete it"):
        next(train(model, batch, replace(CONFIG, learning_rate=1.0), checkpoint=file))
    for broken in (file.read_bytes()[:-50], b"", b"\xff" * 100):
        file.write_bytes(broken)
        with pytest.raises(ValueError, match="is damaged or of another model: delete it") as caught:
            next(train(model, batch, CONFIG, checkpoint=file))
        assert "\n" not in str(caught.value)


def test_a_finished_run_has_nothing_left_to_do(model, tmp_path):
    file = tmp_path / "progress.safetensors"
    list(train(model, batch, CONFIG, checkpoint=file))
    assert list(train(Transformer(SMALL), batch, CONFIG, checkpoint=file)) == []


def test_a_wrong_gradient_would_be_noticed(model):
    """The written-out gradients against autograd's own numbers, in double precision."""
    double = model.double()
    weight = double.blocks[0].feed_forward_norm.weight
    rows = batch(1)

    def loss(value):
        with torch.no_grad():
            weight.copy_(value)
        return nn.functional.cross_entropy(double(rows[:, :-1]).logits.double().flatten(0, 1), rows[:, 1:].flatten())

    start = weight.detach().clone()
    (gradient,) = torch.autograd.grad(loss(start), weight)
    step = 1e-5 * torch.eye(len(start), dtype=torch.double)[3]
    slope = (loss(start + step) - loss(start - step)) / 2e-5
    assert gradient[3].item() == pytest.approx(slope.item(), rel=1e-2, abs=1e-7)
