"""A model of this course in the layout of the Transformers library, and back: configuration and weights.

Our dense models are `LlamaForCausalLM`, those with experts `Glm4MoeForCausalLM` (DeepSeek-V3's routing with plain
attention). Theirs keeps apart what ours stacks: queries, keys and values; gate and up; one matrix for each expert.
"""

import torch
from torch import Tensor

from course._checkpoints import LAYOUT
from course.model.moe import Experts
from course.model.transformer import ModelConfig

SIZES = {  # theirs -> ours; None where it follows from others
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "num_key_value_heads": "kv_heads",
    "head_dim": None,
    "intermediate_size": "intermediate_size",
    "max_position_embeddings": "context",
    "rms_norm_eps": "norm_eps",
    "rope_parameters": None,
    "rope_theta": "rope_theta",
}
EXPERTS = {  # theirs -> ours
    "n_routed_experts": "count",
    "num_experts_per_tok": "per_token",
    "moe_intermediate_size": "intermediate_size",
    "n_shared_experts": "shared",
    "routed_scaling_factor": "route_scale",
    "first_k_dense_replace": "dense_first",
}
ALWAYS = {  # what our network is, in their words
    "hidden_act": "silu",
    "attention_bias": False,
    "tie_word_embeddings": True,
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
ALWAYS_WITH_EXPERTS = {
    "norm_topk_prob": True,
    "n_group": 1,
    "topk_group": 1,
    "use_qk_norm": False,
    "partial_rotary_factor": 1.0,
    "num_nextn_predict_layers": 0,
}
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


def config_to_theirs(config: ModelConfig) -> dict:
    """The content of config.json for a model of this course."""
    sizes = {theirs: getattr(config, ours) if ours else None for theirs, ours in SIZES.items()}
    rope = {"rope_type": "default", "rope_theta": config.rope_theta, "partial_rotary_factor": 1.0}
    written = {
        "architectures": ["Glm4MoeForCausalLM" if config.experts else "LlamaForCausalLM"],
        "model_type": "glm4_moe" if config.experts else "llama",
        "course_layout": LAYOUT,
        "dtype": "float32",
        **sizes,
        "head_dim": config.hidden_size // config.heads,
        "rope_parameters": rope,
        **ALWAYS,
    }
    if config.experts:
        written |= {theirs: getattr(config.experts, ours) for theirs, ours in EXPERTS.items()} | ALWAYS_WITH_EXPERTS
    return written


def config_to_ours(theirs: dict) -> ModelConfig:
    """The sizes in a config.json. Raises KeyError for one it does not give."""
    experts = None
    if "n_routed_experts" in theirs:
        experts = Experts(**{ours: theirs[name] for name, ours in EXPERTS.items()})
    return ModelConfig(**{ours: theirs[name] for name, ours in SIZES.items() if ours}, experts=experts)


def weights_to_theirs(ours: dict[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
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


def weights_to_ours(theirs: dict[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
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


def _pairs_apart(matrix: Tensor, head: int) -> Tensor:
    """Rows (0, 1), (2, 3)... of each head, rotated together, to theirs: (0, d/2), (1, d/2 + 1)..."""
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


def _all_experts(block: str, layer: str, theirs: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    parts = [
        [theirs[f"{layer}mlp.experts.{expert}.{name}_proj.weight"] for expert in range(count)]
        for name in ("gate", "up", "down")
    ]
    gate, up, down = (torch.stack(part) for part in parts)
    return {f"{block}feed_forward.gate_up": torch.cat((gate, up), dim=1), f"{block}feed_forward.down": down}
