"""Loading and saving models: those of this course, in a folder, or of the Hugging Face Hub.

Weights are safetensors, ours in half precision; nothing here unpickles. `layout` says how ours look to the Transformers
library, so that `AutoModelForCausalLM.from_pretrained` opens them with the same logits.
"""

import json
import re
import warnings
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from course._checkpoints import LAYOUT, check_folder, read_json, require_readable
from course._files import require_writable, writing
from course.model.layout import config_to_ours, config_to_theirs, weights_to_ours, weights_to_theirs
from course.model.transformer import Transformer

SHELF = Path(str(resources.files("course.model") / "checkpoints"))
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")  # OWNER/NAME


def checkpoints() -> dict[str, Path]:
    """The models that come with the course, by name."""
    return {path.parent.name: path.parent for path in sorted(SHELF.glob("*/config.json"))}


def load(name: str | Path, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32):
    """A model and its tokenizer, ready to be asked: `model, tokenizer = load("mini-base")`.

    `name` is one of `checkpoints()`, a folder, or OWNER/NAME on the Hugging Face Hub, which needs a network. On "cuda"
    or "mps" numbers differ in the last digits, and a warning says so. A model of the Hub is held in `dtype`, whatever
    it was stored in: in bfloat16 the log-probs of sampling and of scoring differ by .001 in the mean on flat random
    models, .02 on peaked ones, instead of a millionth.
    Raises FileNotFoundError for a name that leads nowhere, PermissionError for files this user may not read, and
    ValueError for a damaged or unfinished model or a device that is not there.
    """
    folder = checkpoints().get(str(name), Path(name).expanduser())
    model, tokenizer = _from_folder(folder, dtype) if folder.is_dir() else _from_hub(name, dtype)
    if torch.device("cpu") != (place := _device(device)):
        warnings.warn(
            f"on {place} numbers will differ a little from the course's, which come from the CPU", stacklevel=2
        )
        model = model.to(place)
    return model.eval(), tokenizer


def save(model: nn.Module, tokenizer, folder: str | Path) -> None:
    """Write a model in half precision with its tokenizer; `AutoModelForCausalLM` opens the folder too.

    A model of the Transformers library is written in the precision it has. Everything is written before the first file
    takes its place, so an earlier model stays if that fails. Raises OSError that names the file, and ValueError for
    weights that are not finite in half precision.
    """
    folder = Path(folder)
    require_writable(folder / "config.json")
    with TemporaryDirectory(prefix=".partial-", dir=folder) as made, ExitStack() as files:
        _write(model, tokenizer, Path(made))
        written = {path.relative_to(made).as_posix(): path for path in Path(made).rglob("*") if path.is_file()}
        for name in sorted(written, key=lambda name: name != "config.json"):  # first in, last moved to its place
            written[name].replace(files.enter_context(writing(folder / name)))
    for old in folder.glob("model*.safetensors*"):
        if old.name not in written:  # of an earlier model, in other pieces
            old.unlink(missing_ok=True)


def _write(model: nn.Module, tokenizer, folder: Path) -> None:
    """Write a model's files, one after the other."""
    if isinstance(model, Transformer):
        ours = {key: value.half() for key, value in model.state_dict().items()}
        if wrong := [key for key, value in ours.items() if not value.isfinite().all()]:
            raise ValueError(f"{wrong[0]} is not finite in half precision: this model learned nothing worth keeping")
        weights = {key: value.contiguous() for key, value in weights_to_theirs(ours, model.config).items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        config = json.dumps(config_to_theirs(model.config), indent=2) + "\n"
        (folder / "config.json").write_text(config, encoding="utf-8")
    else:
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _from_folder(folder: Path, dtype: torch.dtype):
    """A model in a folder, ours or another of the Transformers library, after a look at whether it is whole."""
    require_readable(folder)
    if not (folder / "config.json").exists():
        raise ValueError(f"{folder} holds no config.json: it is not a model's folder, or one that was never finished")
    if problems := check_folder(folder):
        raise _damaged(folder, problems[0])
    try:
        ours = read_json(folder / "config.json").get("course_layout") == LAYOUT
        return _own(folder) if ours else _of_transformers(str(folder), dtype)
    except Exception as error:  # broken files fail in many ways, the tokenizer's with a bare Exception
        raise _damaged(folder, (str(error).splitlines() or [type(error).__name__])[0]) from error


def _own(folder: Path):
    """A model in our layout, read into our own network."""
    from transformers import AutoTokenizer  # slow to import, so not before it is needed

    model = Transformer(config_to_ours(read_json(folder / "config.json")))
    weights = {key: value.float() for key, value in load_file(folder / "model.safetensors").items()}
    if wrong := [key for key, value in weights.items() if not value.isfinite().all()]:
        raise ValueError(f"{wrong[0]} holds NaN or infinity")
    model.load_state_dict(weights_to_ours(weights, model.config))
    return model, AutoTokenizer.from_pretrained(folder)


def _of_transformers(name: str, dtype: torch.dtype):
    """A model of the Transformers library. Raises ValueError if its weights are not those its configuration says."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, found = AutoModelForCausalLM.from_pretrained(
        name, dtype=dtype, use_safetensors=True, output_loading_info=True
    )
    for kind in ("missing", "unexpected", "mismatched"):
        if wrong := sorted(map(str, found[f"{kind}_keys"])):
            raise ValueError(f"{len(wrong)} weights are {kind} by its config.json, such as {wrong[0]}")
    return model, AutoTokenizer.from_pretrained(name, padding_side="left")


def _from_hub(name: str | Path, dtype: torch.dtype):
    """A model of the Hub or of its cache. Raises FileNotFoundError for anything else, at once for what is a path."""
    owner = Path(name).parent
    if isinstance(name, Path) or not HUB_ID.fullmatch(name) or owner == Path("runs") or owner.is_dir():
        raise _unknown(name)
    try:
        return _of_transformers(name, dtype)
    except Exception as error:  # the network, the Hub and every architecture fail in their own ways
        raise _unknown(name) from error


def _unknown(name: str | Path) -> FileNotFoundError:
    """The error about a name that leads nowhere, with the names that would lead somewhere."""
    known = ", ".join(checkpoints()) or "none yet"
    beside = sorted(path.parent.as_posix() for path in Path(name).parent.glob("*/config.json"))
    there = f"; beside it there are {', '.join(beside)}" if beside else ""
    return FileNotFoundError(
        f"no model called {str(name)!r}{there}; the course ships {known}; any other name must be a folder, or "
        "OWNER/NAME of one on the Hugging Face Hub with a network to reach it"
    )


def _damaged(folder: Path, problem: str) -> ValueError:
    """The error about a folder whose model is not whole."""
    remedy = "install the course again" if folder.parent == SHELF else "save it again, or copy it anew"
    return ValueError(f"the checkpoint {folder} is damaged or unfinished: {problem}; {remedy}")


def _device(name: str | torch.device) -> torch.device:
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f'no device called {str(name)!r}: try "cpu", or "cuda" or "mps" where there is one') from error
