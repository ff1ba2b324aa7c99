"""Interrupted anywhere, a run goes on as if it had never stopped; its file is whole, its own, and refused to others."""

import errno
import gc
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from course._files import take_lock
from course.learn import probes
from course.learn.distillation import distill, distillation_loss, forward_kl, on_policy, reverse_kl
from course.learn.policy_gradient import centered_advantages, k3, reinforce_loss, sequence_mean
from course.learn.pretraining import new_model, rows
from course.learn.progress import start_again
from course.learn.sft import imitation_loss, shuffled_batches
from course.learn.training import TrainingConfig, next_token_loss, train
from course.model.moe import Experts, balance
from course.model.transformer import ModelConfig
from course.world import draw_problems
from course.world.corpus import Mixture
from course.world.tokenizer import load_tokenizer
from tests.learn.lines import interrupt, lines_of
from tests.learn.test_sft import example
from tests.project import ROOT

SMALL = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)
ROUTED = replace(SMALL, layers=2, experts=Experts(count=4, intermediate_size=16))
CONFIG = TrainingConfig(steps=3, rows=2, length=16, warmup=2)
REWARD = replace(probes.STEP, steps=3, prompts=2, group_size=3, max_new_tokens=3, learning_rate=1e-2)


def batch(step):
    return torch.randint(6, 512, (2, 16), generator=torch.Generator().manual_seed(step))


def longer(one):
    return one.tokens + 0.1 * len(set(one.completion.token_ids))


def reading(model, checkpoint, every):
    return train(model, batch, CONFIG, checkpoint=checkpoint, every=every, after_step=balance)


def reward(model, checkpoint, every):
    return probes.run(model, "ab", longer, replace(REWARD, iterations=2), checkpoint=checkpoint, every=every)


def cups(step):
    return draw_problems("cups", 2, seed=step)


def following(model, checkpoint, every):
    drawn = on_policy(model, load_tokenizer(), cups, max_new_tokens=3, seed=1)
    return distill(model, new_model(SMALL, 9), drawn, CONFIG, checkpoint=checkpoint, every=every)


LOOPS = {"train": (reading, ROUTED), "grpo": (reward, probes.TINY), "on policy": (following, SMALL)}


def same(one, other):
    return all(torch.equal(*pair) for pair in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def drained(run):
    return [stats["step"] for stats in run]


@pytest.mark.slow
@pytest.mark.parametrize(("loop", "every"), [("train", 1), ("train", 100), ("grpo", 1), ("on policy", 100)])
def test_interrupted_at_any_line_of_a_step_a_run_goes_on_to_the_same_weights_bit_for_bit(loop, every, tmp_path):
    start, config = LOOPS[loop]
    whole = new_model(config, 0)
    lines = lines_of(start(whole, tmp_path / "whole.safetensors", every))
    assert {Path(file).name for file, _ in lines} >= {"training.py", "progress.py"} and len(lines) > 30
    for number, line in enumerate(lines):
        model, file = new_model(config, 0), tmp_path / f"{number}.safetensors"
        done = interrupt(start(model, file, every), line)
        assert done == [1] and file.exists(), f"what was done by {line} was not kept"
        assert all(weight.grad is None for weight in model.parameters()), line
        assert model.training is (loop == "grpo"), "grpo leaves that alone, train ends as it would have"
        went_on = drained(start(model, file, every))
        assert went_on in ([2, 3], [3]), line
        assert same(whole, model), line
        file.unlink()
    assert {path.name for path in tmp_path.iterdir()} == {"whole.safetensors"}, "neither locks nor halves are left"


@pytest.mark.slow
@pytest.mark.parametrize("loop", LOOPS)
def test_without_a_file_a_run_after_an_interrupted_one_is_as_if_that_had_not_been(loop, tmp_path):
    start, config = LOOPS[loop]
    whole = new_model(config, 0)
    first = {name: value.clone() for name, value in whole.state_dict().items()}
    lines = lines_of(start(whole, None, 1))
    model = new_model(config, 0)
    for line in lines:
        model.load_state_dict(first)
        interrupt(start(model, None, 1), line)
        model.load_state_dict(first)
        drained(start(model, None, 1))
        assert same(whole, model), line


def test_a_run_that_is_left_early_has_kept_what_it_did(tmp_path):
    file, model = tmp_path / "progress.safetensors", new_model(SMALL, 0)
    for stats in reading(model, file, 100):
        if stats["step"] == 2:
            break
    assert not model.training
    assert drained(reading(new_model(SMALL, 0), file, 100)) == [3]


def test_a_run_interrupted_between_steps_is_taken_over_by_the_next_one_and_cannot_go_on(tmp_path):
    """As in a notebook: a cell was stopped while it drew, and its traceback keeps the run alive."""
    file, model, whole = tmp_path / "progress.safetensors", new_model(SMALL, 0), new_model(SMALL, 0)
    drained(reading(whole, None, 100))
    waiting = reading(model, file, 100)
    next(waiting)
    second = reading(model, file, 100)
    assert next(second)["step"] == 2
    with pytest.raises(RuntimeError, match="a newer run trains with .*progress.safetensors"):
        next(waiting)
    del waiting
    gc.collect()
    for weight in model.parameters():  # the older run has spoilt the weights of the newer one, but not its file
        weight.data.zero_()
    second.close()
    assert drained(reading(model, file, 100)) == [3] and same(whole, model)


def test_a_file_that_was_removed_does_not_come_back(tmp_path):
    file, model = tmp_path / "progress.safetensors", new_model(SMALL, 0)
    run = reading(model, file, 1)
    next(run)
    file.unlink()
    run.close()
    assert not file.exists()
    waiting = reading(model, file, 100)
    next(waiting)
    start_again(file)
    assert not file.exists() and drained(reading(new_model(SMALL, 0), file, 100)) == [1, 2, 3]


@pytest.mark.slow
def test_two_runs_cannot_train_with_one_file_at_once(tmp_path):
    file = tmp_path / "mine" / "progress.safetensors"
    run = reading(new_model(SMALL, 0), file, 1)
    next(run)
    code = (
        "from pathlib import Path; from tests.learn.test_progress import *\n"
        f"next(reading(new_model(SMALL, 0), Path({str(file)!r}), 1))"
    )
    other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert f"another process is training into {file.parent}: wait for it, or choose another folder" in other.stderr
    assert drained(run) == [2, 3], "the first run is not disturbed"
    assert drained(reading(new_model(SMALL, 0), file, 1)) == []


def test_a_process_that_was_killed_locks_nobody_out(tmp_path):
    file = tmp_path / "progress.safetensors"
    release = take_lock(file.with_suffix(".lock"))
    with pytest.raises(BlockingIOError, match="another process is training into"):
        next(reading(new_model(SMALL, 0), file, 1))
    release()
    file.with_suffix(".lock").write_bytes(b"")  # what a killed process leaves behind
    assert drained(reading(new_model(SMALL, 0), file, 1)) == [1, 2, 3]


def test_a_lock_is_nobody_s_once_it_was_given_back_and_no_two_hold_it(tmp_path):
    release = take_lock(tmp_path / "lock")
    with pytest.raises(BlockingIOError, match="somebody else holds .*lock"):
        take_lock(tmp_path / "lock")
    release()
    assert not (tmp_path / "lock").exists()
    take_lock(tmp_path / "lock")()


def test_a_full_disk_is_named_and_spares_the_progress_of_before(tmp_path, monkeypatch):
    file = tmp_path / "progress.safetensors"
    run = reading(new_model(SMALL, 0), file, 1)
    next(run)

    def full(path, content):
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="progress.safetensors could not be written: No space left on device"):
            next(run)
    assert [path.name for path in tmp_path.iterdir()] == ["progress.safetensors"]
    assert drained(reading(new_model(SMALL, 0), file, 1)) == [2, 3]


def test_a_place_that_cannot_be_written_is_found_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    worked = []
    run = train(
        new_model(SMALL, 0), lambda step: worked.append(step), CONFIG, checkpoint=tmp_path / "file" / "progress"
    )
    with pytest.raises(NotADirectoryError, match="progress could not be written"):
        next(run)
    assert not worked


def test_a_run_does_not_hold_its_file_open(tmp_path, monkeypatch):
    """Windows replaces no file that is open or mapped; here the system says which are."""
    if not Path("/proc/self/maps").exists():
        pytest.skip("only Linux tells what a process has mapped")
    file = tmp_path / "progress.safetensors"
    reading(new_model(SMALL, 0), file, 1).__next__()
    run = reading(new_model(SMALL, 0), file, 1)
    assert next(run)["step"] == 2
    mapped = Path("/proc/self/maps").read_text()
    opened = [one.readlink() for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    assert file.name not in mapped and file not in opened
    assert len(load_file(file)) > 10


# --- whose file is it?


def test_a_run_with_another_piece_is_refused_by_its_name(tmp_path):
    file, model = tmp_path / "progress.safetensors", new_model(SMALL, 0)
    examples = [example(4, 6, seed) for seed in range(12)]
    same_reading = {"batch": partial(rows, Mixture(), CONFIG), "loss": next_token_loss, "config": CONFIG}
    changes = {
        "batch": [partial(rows, Mixture(slip=0.5), CONFIG), shuffled_batches(examples, 2, 20), batch],
        "loss": [imitation_loss, distillation_loss(new_model(SMALL, 1))],
        "config": [replace(CONFIG, learning_rate=1.0), replace(CONFIG, seed=1)],
    }
    start = lambda batch, loss, config: train(model, batch, config, loss=loss, checkpoint=file, every=1)  # noqa: E731
    next(start(**same_reading))
    for piece, others in changes.items():
        for other in others:
            named = {"config": "learning_rate|seed"}.get(piece, piece)
            with pytest.raises(ValueError, match=rf"belongs to a run with other settings: delete it.*\(({named}) was "):
                next(start(**{**same_reading, piece: other}))
    with pytest.raises(ValueError, match=r"\(after_step was .*<lambda>.* and is model.moe.balance"):
        next(train(model, same_reading["batch"], CONFIG, checkpoint=file, after_step=balance))
    with pytest.raises(ValueError, match=r"\(model was Transformer"):
        next(train(new_model(ROUTED, 0), same_reading["batch"], CONFIG, checkpoint=file))
    assert next(start(**same_reading))["step"] == 2, "the same pieces, made anew, are the same run"


def test_a_reinforced_run_with_another_piece_is_refused_by_its_name(tmp_path):
    file, model = tmp_path / "progress.safetensors", new_model(probes.TINY, 0)
    usual = {"config": REWARD, "reward": longer}

    def start(config, reward, **pieces):
        return probes.run(model, "ab", reward, config, checkpoint=file, every=1, **pieces)

    next(start(**usual))
    changes = {
        "reward": lambda one: longer(one),
        "advantage": centered_advantages,
        "loss": reinforce_loss,
        "reduction": sequence_mean,
        "estimator": k3,
        "reference": new_model(probes.TINY, 1),
        "problems": lambda config, step: [],
        "ask": str.upper,
        "config": replace(REWARD, temperature=0.5),
    }
    for piece, other in changes.items():
        named = {"config": "temperature"}.get(piece, piece)
        with pytest.raises(ValueError, match=rf"\({named} was "):
            next(start(**{**usual, piece: other}))
    assert next(start(**usual))["step"] == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (distillation_loss(new_model(SMALL, 1)), distillation_loss(new_model(SMALL, 2))),
        (distillation_loss(new_model(SMALL, 1)), distillation_loss(new_model(SMALL, 1), reverse_kl)),
        (distillation_loss(new_model(SMALL, 1), forward_kl), distillation_loss(new_model(SMALL, 1), forward_kl, 2.0)),
        (lambda step: batch(step), lambda step: batch(step + 1)),
    ],
    ids=["teacher", "divergence", "temperature", "a function of one's own"],
)
def test_what_a_function_encloses_decides_too(one, other, tmp_path):
    from course.learn.settings import describe

    assert describe(one) != describe(other)


@pytest.mark.slow
def test_a_run_is_described_alike_in_every_process():
    code = (
        "from tests.learn.test_progress import *; from course.learn.settings import describe_run\n"
        "from course.learn.grpo import training_problems\n"
        "own = lambda step: 1 if str(step) in {'a', 'b', 'c', 'd'} else 2\n"
        "drawn = on_policy(new_model(SMALL, 1), load_tokenizer(), training_problems)\n"
        "print(describe_run(new_model(SMALL, 0), CONFIG, own=own, drawn=drawn, mixture=partial(rows, Mixture())))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1 and "own" in said.pop()
