"""Loading and saving, in the layout of the Transformers library.

Our dense models are `LlamaForCausalLM`, those with experts `Glm4MoeForCausalLM` (DeepSeek-V3's routing with plain
attention), so `AutoModelForCausalLM.from_pretrained` opens them with the same logits. Weights are safetensors in
half precision; nothing here unpickles.
"""

import json
import warnings
from importlib import resources
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from course.model.moe import Experts
from course.model.transformer import ModelConfig, Transformer

SHELF = Path(str(resources.files("course.model") / "checkpoints"))
DENSE, SPARSE = "LlamaForCausalLM", "Glm4MoeForCausalLM"
_LAYER = {  # ours -> theirs, inside a layer
    "attention_norm.weight": "input_layernorm.weight",
    "feed_forward_norm.weight": "post_attention_layernorm.weight",
    "attention.out.weight": "self_attn.o_proj.weight",
    "feed_forward.down.weight": "mlp.down_proj.weight",
    "feed_forward.router.weight": "mlp.gate.weight",
    "feed_forward.router.bias": "mlp.gate.e_score_correction_bias",
    "feed_forward.shared.down.weight": "mlp.shared_experts.down_proj.weight",
}
_PAIRS = {  # ours, stacked -> theirs, apart
    "feed_forward.gate_up.weight": "mlp.",
    "feed_forward.shared.gate_up.weight": "mlp.shared_experts.",
}


def checkpoints() -> dict[str, Path]:
    """The models that come with the course, by name."""
    return {path.parent.name: path.parent for path in sorted(SHELF.glob("*/config.json"))}


def load(name: str | Path, device: str | torch.device = "cpu"):
    """A model and its tokenizer, ready to be asked: `model, tokenizer = load("mini-base")`.

    `name` is one of `checkpoints()`, a folder, or a model on the Hugging Face Hub, which needs a network. On "cuda"
    or "mps" numbers differ in the last digits, and a warning says so. Raises FileNotFoundError for a name that leads
    nowhere and ValueError for a damaged checkpoint or a device that is not there.
    """
    folder = checkpoints().get(str(name), Path(name))
    config = _read_config(folder) if folder.is_dir() else {}
    model, tokenizer = _own(folder, config) if config.get("course_layout") == 1 else _any(str(name), folder)
    if torch.device("cpu") != (place := _device(device)):
        warnings.warn(
            f"on {place} numbers will differ a little from the course's, which come from the CPU", stacklevel=2
        )
        model = model.to(place)
    return model.eval(), tokenizer


def save(model: nn.Module, tokenizer, folder: str | Path) -> None:
    """Write a model in half precision with its tokenizer; `AutoModelForCausalLM` opens the folder too."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(model, Transformer):
        model.save_pretrained(folder)
    else:
        weights = {key: value.half().contiguous() for key, value in _unstack(model.state_dict(), model.config).items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(_to_theirs(model.config), indent=2) + "\n", encoding="utf-8")
    tokenizer.save_pretrained(folder)


def _own(folder: Path, config: dict):
    """A model in our layout, read into our own network."""
    from transformers import AutoTokenizer  # slow to import, so not before it is needed

    try:
        model = Transformer(_to_ours(config))
        weights = load_file(folder / "model.safetensors")
        model.load_state_dict(_stack({key: value.float() for key, value in weights.items()}, model.config))
        return model, AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # broken files fail in many ways, the tokenizer's with a bare Exception
        remedy = f"install the course again, or make it anew with `course train {folder.name}`"
        raise ValueError(f"the checkpoint {folder.name} is damaged: {remedy}") from error


def _any(name: str, folder: Path):
    """A model of the Transformers library: in a folder, in its cache, or on the Hub."""
    if not folder.is_dir() and "/" not in name:  # models on the Hub have an owner: no need to ask there
        raise _unknown(name)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model = AutoModelForCausalLM.from_pretrained(name, use_safetensors=True)
        return model, AutoTokenizer.from_pretrained(name, padding_side="left")
    except Exception as error:  # the network, the Hub and every architecture fail in their own ways
        if folder.is_dir():
            raise ValueError(f"{name} holds no model the Transformers library opens, or a damaged one") from error
        raise _unknown(name) from error


def _unknown(name: str) -> FileNotFoundError:
    known = ", ".join(checkpoints()) or "none yet"
    return FileNotFoundError(
        f"no model called {name!r}: the course ships {known}; any other name must be a folder, or OWNER/NAME of one "
        "on the Hugging Face Hub with a network to reach it"
    )


def _device(name: str | torch.device) -> torch.device:
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f'no device called {str(name)!r}: try "cpu", or "cuda" or "mps" where there is one') from error


def _read_config(folder: Path) -> dict:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return {**config}
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(
            f"{folder} holds no readable config.json: it is not a model's folder, or is damaged"
        ) from error


def _to_theirs(config: ModelConfig) -> dict:
    """Our sizes under the names of the Transformers library."""
    theirs = {
        "architectures": [SPARSE if config.experts else DENSE],
        "model_type": "glm4_moe" if config.experts else "llama",
        "course_layout": 1,
        "dtype": "float32",
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.hidden_size // config.heads,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.context,
        "rms_norm_eps": config.norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta, "partial_rotary_factor": 1.0},
        "rope_theta": config.rope_theta,
        "hidden_act": "silu",
        "attention_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": 1,
        "pad_token_id": 0,
    }
    if config.experts:
        theirs |= {
            "n_routed_experts": config.experts.count,
            "num_experts_per_tok": config.experts.per_token,
            "moe_intermediate_size": config.experts.intermediate_size,
            "n_shared_experts": config.experts.shared,
            "routed_scaling_factor": config.experts.route_scale,
            "first_k_dense_replace": config.experts.dense_first,
            "norm_topk_prob": True,
            "n_group": 1,
            "topk_group": 1,
            "use_qk_norm": False,
            "partial_rotary_factor": 1.0,
            "num_nextn_predict_layers": 0,
        }
    return theirs


def _to_ours(theirs: dict) -> ModelConfig:
    """The other way round."""
    experts = None
    if "n_routed_experts" in theirs:
        experts = Experts(
            count=theirs["n_routed_experts"],
            per_token=theirs["num_experts_per_tok"],
            intermediate_size=theirs["moe_intermediate_size"],
            shared=theirs["n_shared_experts"],
            route_scale=theirs["routed_scaling_factor"],
            dense_first=theirs["first_k_dense_replace"],
        )
    return ModelConfig(
        vocab_size=theirs["vocab_size"],
        hidden_size=theirs["hidden_size"],
        layers=theirs["num_hidden_layers"],
        heads=theirs["num_attention_heads"],
        kv_heads=theirs["num_key_value_heads"],
        intermediate_size=theirs["intermediate_size"],
        context=theirs["max_position_embeddings"],
        rope_theta=theirs["rope_theta"],
        norm_eps=theirs["rms_norm_eps"],
        experts=experts,
    )


def _unstack(ours: dict[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Their keys and matrices from ours: queries, keys and values apart, gate and up apart, one entry an expert."""
    theirs = {"model.embed_tokens.weight": ours["embedding.weight"], "model.norm.weight": ours["norm.weight"]}
    head = config.hidden_size // config.heads
    for key, value in ours.items():
        if not key.startswith("blocks."):
            continue
        _, number, name = key.split(".", 2)
        layer = f"model.layers.{number}."
        if name == "attention.qkv.weight":
            query, key, values = value.split([config.hidden_size, config.kv_heads * head, config.kv_heads * head])
            parts = (_pairs_apart(query, head), _pairs_apart(key, head), values)
            theirs |= {
                f"{layer}self_attn.{letter}_proj.weight": part for letter, part in zip("qkv", parts, strict=True)
            }
        elif name in _PAIRS:
            gate, up = value.chunk(2)
            theirs |= {f"{layer}{_PAIRS[name]}gate_proj.weight": gate, f"{layer}{_PAIRS[name]}up_proj.weight": up}
        elif name in ("feed_forward.gate_up", "feed_forward.down"):
            theirs |= _each_expert(layer, name, value)
        else:
            theirs[layer + _LAYER[name]] = value
    return theirs


def _pairs_apart(matrix: Tensor, head: int) -> Tensor:
    """Rows (0, 1), (2, 3)... of each head, turned together by rotary positions, to theirs: (0, d/2), (1, d/2 + 1)..."""
    return matrix.view(-1, head // 2, 2, matrix.shape[1]).transpose(1, 2).reshape_as(matrix)


def _pairs_together(matrix: Tensor, head: int) -> Tensor:
    """The other way round."""
    return matrix.view(-1, 2, head // 2, matrix.shape[1]).transpose(1, 2).reshape_as(matrix)


def _each_expert(layer: str, name: str, stacked: Tensor) -> dict[str, Tensor]:
    theirs = {}
    for number, value in enumerate(stacked):
        prefix = f"{layer}mlp.experts.{number}."
        if name.endswith("down"):
            theirs[prefix + "down_proj.weight"] = value
        else:
            theirs[prefix + "gate_proj.weight"], theirs[prefix + "up_proj.weight"] = value.chunk(2)
    return theirs


def _stack(theirs: dict[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Our keys and matrices from theirs."""
    ours = {"embedding.weight": theirs["model.embed_tokens.weight"], "norm.weight": theirs["model.norm.weight"]}
    head = config.hidden_size // config.heads
    for number in range(config.layers):
        block, layer = f"blocks.{number}.", f"model.layers.{number}."
        query, key, values = (theirs[f"{layer}self_attn.{letter}_proj.weight"] for letter in "qkv")
        parts = (_pairs_together(query, head), _pairs_together(key, head), values)
        ours[block + "attention.qkv.weight"] = torch.cat(parts)
        for name, prefix in _PAIRS.items():
            if f"{layer}{prefix}gate_proj.weight" in theirs:
                pair = [theirs[f"{layer}{prefix}{half}_proj.weight"] for half in ("gate", "up")]
                ours[block + name] = torch.cat(pair)
        for name, their_name in _LAYER.items():
            if layer + their_name in theirs:
                ours[block + name] = theirs[layer + their_name]
        if config.experts and number >= config.experts.dense_first:
            ours |= _all_experts(block, layer, theirs, config.experts.count)
    return ours


def _all_experts(block: str, layer: str, theirs: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    parts = [
        [theirs[f"{layer}mlp.experts.{expert}.{name}_proj.weight"] for expert in range(count)]
        for name in ("gate", "up", "down")
    ]
    gate, up, down = (torch.stack(part) for part in parts)
    return {f"{block}feed_forward.gate_up": torch.cat((gate, up), dim=1), f"{block}feed_forward.down": down}
