"""Whether a model's folder is whole: every file there and readable, and all of them about the same model.

Needs nothing but Python, so that `python -m course.doctor` can ask where PyTorch does not import.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

LAYOUT = 1  # the `course_layout` in the configuration of a model of this course
Shapes = dict[str, list[int]]  # of each weight, by its name in the Transformers library


def check_folder(folder: str | Path) -> list[str]:
    """What is wrong with a model's folder, a line for each problem; an empty list if it is whole. Never raises.

    A model of this course has to hold exactly the weights that its configuration describes, and a tokenizer that knows
    the token which ends a reply. Of any other model, configuration, tokenizer and weights have to be there and whole.
    """
    folder = Path(folder)
    try:
        config = read_json(folder / "config.json")
        settings = read_json(folder / "tokenizer_config.json")
        if config.get("course_layout") != LAYOUT:
            found = [shapes_in(path) for path in sorted(folder.glob("*.safetensors"))]
            return [] if found else [f"{folder / 'model.safetensors'} is missing"]
        tokenizer = read_json(folder / "tokenizer.json")
        found = shapes_in(folder / "model.safetensors")
        return [*_wrong_weights(expected_shapes(config), found), *_wrong_end(config, settings, tokenizer)]
    except KeyError as error:
        return [f"config.json says nothing of {error.args[0]!r}"]
    except (OSError, ValueError, TypeError, ArithmeticError, AttributeError) as error:
        return [_reason(error)]


def require_readable(folder: Path) -> None:
    """Raise PermissionError, naming the file, if this user may not read one of a model's files."""
    for path in (folder, *sorted(folder.glob("*.json")), *sorted(folder.glob("*.safetensors"))):
        try:
            next(path.iterdir(), None) if path is folder else path.open("rb").close()
        except PermissionError as error:
            raise PermissionError(_reason(error)) from error


def read_json(path: Path) -> dict:
    """A JSON object from a file. Raises OSError, or ValueError that names the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is not a JSON object")
    return content


def shapes_in(path: Path) -> Shapes:
    """The shape of each tensor in a safetensors file. Raises OSError, or ValueError if it is not whole."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 100_000_000)))
        header.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        shapes = {name: entry["shape"] for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ValueError(f"{path.name} is not a safetensors file") from error
    if path.stat().st_size != 8 + length + end:
        raise ValueError(f"{path.name} is cut short, or longer than it should be")
    return shapes


def expected_shapes(config: dict) -> Shapes:
    """The weights that a configuration of this course describes. Raises KeyError for a size it does not give."""
    hidden_size, heads = config["hidden_size"], config["num_attention_heads"]
    key_rows = hidden_size // heads * config["num_key_value_heads"]
    dense = config["first_k_dense_replace"] if "n_routed_experts" in config else config["num_hidden_layers"]
    shapes = {"model.embed_tokens.weight": [config["vocab_size"], hidden_size], "model.norm.weight": [hidden_size]}
    for number in range(config["num_hidden_layers"]):
        layer = f"model.layers.{number}."
        shapes |= {f"{layer}{norm}_layernorm.weight": [hidden_size] for norm in ("input", "post_attention")}
        shapes |= {f"{layer}self_attn.{name}_proj.weight": [hidden_size, hidden_size] for name in "qo"}
        shapes |= {f"{layer}self_attn.{name}_proj.weight": [key_rows, hidden_size] for name in "kv"}
        if number < dense:
            shapes |= _gated_shapes(f"{layer}mlp.", hidden_size, config["intermediate_size"])
        else:
            shapes |= dict(_expert_shapes(f"{layer}mlp.", hidden_size, config))
    return shapes


def _expert_shapes(layer: str, hidden_size: int, config: dict) -> Iterator[tuple[str, list[int]]]:
    experts, inside = config["n_routed_experts"], config["moe_intermediate_size"]
    yield f"{layer}gate.weight", [experts, hidden_size]
    yield f"{layer}gate.e_score_correction_bias", [experts]
    for expert in range(experts):
        yield from _gated_shapes(f"{layer}experts.{expert}.", hidden_size, inside).items()
    if shared := config["n_shared_experts"]:
        yield from _gated_shapes(f"{layer}shared_experts.", hidden_size, shared * inside).items()


def _gated_shapes(layer: str, hidden_size: int, inside: int) -> Shapes:
    """The three matrices of a gated feed-forward layer."""
    shapes = {f"{layer}{name}_proj.weight": [inside, hidden_size] for name in ("gate", "up")}
    return shapes | {f"{layer}down_proj.weight": [hidden_size, inside]}


def _wrong_weights(expected: Shapes, found: Shapes) -> list[str]:
    """Where the weights are not those of the configuration."""
    problems = []
    if missing := [name for name in expected if name not in found]:
        problems.append(f"config.json asks for {len(missing)} weights that are not there, such as {missing[0]}")
    if more := [name for name in found if name not in expected]:
        problems.append(f"there are {len(more)} weights that config.json knows nothing of, such as {more[0]}")
    for name in expected:
        if name in found and found[name] != expected[name]:
            problems.append(f"{name} has the shape {found[name]}, where config.json says {expected[name]}")
    return problems


def _wrong_end(config: dict, settings: dict, tokenizer: dict) -> list[str]:
    """Whether the token that ends a reply is missing, or is another one to the model than to the tokenizer."""
    end = settings.get("eos_token")
    end = end.get("content") if isinstance(end, dict) else end
    if not end:
        return ["tokenizer_config.json names no eos_token, so no reply would end"]
    ids = tokenizer["model"]["vocab"] | {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    if ids.get(end) != config["eos_token_id"]:
        return [f"{end} is token {ids.get(end)} to the tokenizer and {config['eos_token_id']} to config.json"]
    if max(ids.values()) >= config["vocab_size"]:
        return [f"the tokenizer has tokens beyond the {config['vocab_size']} of config.json"]
    return []


def _reason(error: Exception) -> str:
    """An error as part of a line."""
    if isinstance(error, PermissionError):
        return f"permission denied: {error.filename}; ask its owner for leave to read it"
    if isinstance(error, FileNotFoundError):
        return f"{Path(error.filename).name} is missing"
    return (str(error).splitlines() or [type(error).__name__])[0]
