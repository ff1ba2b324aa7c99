"""The progress of a training run, kept in a file so that a run can go on where it was: `with Progress(...) as run`.

The state after each step is copied before the next one touches it. So the file always holds a whole step, wherever the
run was interrupted, and going on from it ends with the same weights, bit for bit, as never having stopped.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from course._files import require_writable, take_lock, write_whole
from course.learn.settings import describe_run, differences

_running: dict[Path, "Progress"] = {}  # the runs of this process, by their file


class Progress:
    """Where a run is, for the time of a `with` block: what is done is saved at its end, even if it ends early.

    Entering finds out how many steps are `done`, putting model and optimizer where they were. Raises ValueError for a
    file of another run or a damaged one, BlockingIOError if another process trains with the file, OSError if it cannot
    be written. Without a path nothing is kept. However the block ends, no gradient is left behind.
    """

    def __init__(
        self,
        path: Path | None,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        config: object,
        every: int,
        **pieces: object,
    ):
        if every < 1:
            raise ValueError(f"progress is saved every so many steps, at least 1: found every={every}")
        self.path = None if path is None else Path(path).absolute()
        self.model, self.optimizer, self.every = model, optimizer, every
        self.description = {} if path is None else describe_run(model, config, **pieces)
        self.last: tuple[int, dict[str, Tensor]] = (0, {})  # steps done and the state after them: one value, never half
        self.saved = 0  # steps
        self.release = lambda: None

    @property
    def done(self) -> int:
        """How many steps are done."""
        return self.last[0]

    def __enter__(self) -> "Progress":
        if self.path is None:
            return self
        if (earlier := _running.get(self.path)) is not None:
            earlier.close()  # interrupted between two steps, and still waiting to be asked for the next
        _running[self.path] = self
        try:
            require_writable(self.path)
            self.release = take_lock(self.path.with_suffix(".lock"))
            if self.path.exists():
                self.saved = self._load()
                self.last = self.saved, {}
        except BlockingIOError as error:
            self.close()
            message = f"another process is training into {self.path.parent}: wait for it, or choose another folder"
            raise BlockingIOError(error.errno, message) from error
        except BaseException:
            self.close()
            raise
        return self

    def step_done(self, last: bool) -> None:
        """Note a step: its state is copied, and saved every so many steps and after the last.

        Raises RuntimeError if a newer run of this process has taken the file over.
        """
        if self.path is None:
            return
        if _running.get(self.path) is not self:
            raise RuntimeError(f"a newer run trains with {self.path}: this one cannot go on")
        self.last = self.done + 1, _state(self.model, self.optimizer)
        if last or self.done % self.every == 0:
            self.save()

    def save(self) -> None:
        """Write the last whole step to the file, whole or not at all (safetensors: nothing to unpickle)."""
        done, state = self.last
        write_whole(self.path, save(state, {"step": str(done), "run": json.dumps(self.description)}))
        self.saved = done

    def close(self) -> None:
        """Save what is not saved yet, unless somebody has removed the file, and let others train with it."""
        if self.path is None or _running.get(self.path) is not self:
            return
        try:
            if self.done > self.saved and self.path.exists() == (self.saved > 0):
                self.save()
        finally:
            del _running[self.path]
            self.release()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self.optimizer.zero_grad()
        try:
            self.close()
        except OSError:
            if not isinstance(error, OSError):  # or it is the same again: the disk is still full
                raise

    def _load(self) -> int:
        """Put model and optimizer back to where the run stopped; returns the steps it had done."""
        content = self.path.read_bytes()  # whole, not mapped: Windows replaces no file that is open
        try:
            metadata, tensors = _metadata(content), load(content)
            before = json.loads(metadata["run"])
            if found := differences(before, self.description):
                raise ValueError(
                    f"{self.path} belongs to a run with other settings: delete it, or use those settings again "
                    f"({'; '.join(found)})"
                )
            weights = {name.removeprefix("model/"): one for name, one in tensors.items() if name.startswith("model/")}
            self.model.load_state_dict(weights)
            step = int(metadata["step"])
        except (SafetensorError, KeyError, TypeError, RuntimeError, UnicodeDecodeError, json.JSONDecodeError) as error:
            message = f"{self.path} is damaged or of another model: delete it and start the run again"
            raise ValueError(message) from error
        found = self.optimizer.state_dict()
        for name, value in tensors.items():
            kind, *place = name.split("/")
            if kind == "optimizer":
                found["state"].setdefault(int(place[0]), {})[place[1]] = value
        self.optimizer.load_state_dict(found)
        return step


def start_again(path: Path) -> None:
    """Remove the progress of a run, so that the next one with this file begins at its first step."""
    if (earlier := _running.get(Path(path).absolute())) is not None:
        earlier.close()
    path.unlink(missing_ok=True)


def _state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """A copy of all weights and of the optimizer's state, by name."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": value for name, value in state.items()}
    return {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}


def _metadata(content: bytes) -> dict[str, str]:
    """What a safetensors file says beside its tensors. Raises KeyError or ValueError for anything else."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length])["__metadata__"]
