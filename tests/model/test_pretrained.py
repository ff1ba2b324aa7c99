"""Loading and saving: nothing is lost, the layout is the Transformers library's, and errors name the remedy."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from transformers import Glm4MoeForCausalLM, LlamaConfig, LlamaForCausalLM

from course.model import load, save
from course.model.pretrained import checkpoints
from course.model.transformer import Transformer
from tests.model.conftest import SIZES, fresh


@pytest.mark.parametrize("kind", SIZES)
def test_what_is_saved_is_loaded(kind, tmp_path, tokenizer):
    model = fresh(SIZES[kind])
    save(model, tokenizer, tmp_path)
    again, its_tokenizer = load(tmp_path)
    assert again.config == model.config
    for name, weight in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    assert its_tokenizer.get_vocab() == tokenizer.get_vocab()
    assert its_tokenizer.chat_template == tokenizer.chat_template
    assert its_tokenizer.padding_side == "left"


def test_checkpoints_hold_half_precision_and_open_in_single(folder, theirs):
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118 (not a dict)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float32"
    assert theirs.dtype == torch.float32
    assert isinstance(theirs, LlamaForCausalLM | Glm4MoeForCausalLM)


def test_a_foreign_model_loads_through_the_same_call(tmp_path, tokenizer):
    config = LlamaConfig(
        vocab_size=512, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    model = LlamaForCausalLM(config)
    save(model, tokenizer, tmp_path)
    again, _ = load(tmp_path)
    assert not isinstance(again, Transformer)
    assert torch.equal(again.model.embed_tokens.weight, model.model.embed_tokens.weight)


def test_an_unknown_name_names_the_models_there_are(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match="no model called 'mini-bass'") as caught:
        load("mini-bass")
    assert "\n" not in str(caught.value)
    assert all(name in str(caught.value) for name in checkpoints())


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "missing", "a_tensor_less"])
def test_damaged_weights_are_a_one_line_error(damage, tmp_path, tokenizer):
    save(fresh(SIZES["dense"]), tokenizer, tmp_path)
    weights = tmp_path / "model.safetensors"
    content = weights.read_bytes()
    if damage == "missing":
        weights.unlink()
    elif damage == "a_tensor_less":
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 5}))
    else:
        weights.write_bytes({"cut": content[:-1000], "noise": b"\xff" * 5000, "empty": b""}[damage])
    with pytest.raises(ValueError, match="is damaged") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"architectures": ["LlamaForCausalLM"], "course_layout": 1}']
)
def test_a_damaged_config_is_a_one_line_error(content, tmp_path, tokenizer):
    save(fresh(SIZES["dense"]), tokenizer, tmp_path)
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match="damaged") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_damaged_tokenizer_is_a_one_line_error(tmp_path, tokenizer):
    save(fresh(SIZES["dense"]), tokenizer, tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match="damaged") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="holds no readable config.json"):
        load(tmp_path)


def test_another_device_gives_the_same_shapes_and_says_that_numbers_differ(tmp_path, tokenizer):
    save(fresh(SIZES["dense"]), tokenizer, tmp_path)
    with pytest.warns(UserWarning, match="numbers will differ"):
        model, _ = load(tmp_path, device="meta")
    assert model(torch.zeros(1, 3, dtype=torch.long, device="meta")).logits.shape == (1, 3, model.config.vocab_size)


def test_an_unknown_device_is_a_one_line_error(folder):
    with pytest.raises(ValueError, match="no device called 'abacus': try \"cpu\"") as caught:
        load(folder, device="abacus")
    assert "\n" not in str(caught.value)


def test_importing_load_does_not_import_transformers():
    command = "import sys; from course.model import load; sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


def test_the_shelf_holds_the_folders_with_a_config(tmp_path, monkeypatch, folder):
    shutil.copytree(folder, tmp_path / "checkpoints" / "some-model")
    (tmp_path / "checkpoints" / "notes").mkdir()
    monkeypatch.setattr("course.model.pretrained.SHELF", tmp_path / "checkpoints")
    assert list(checkpoints()) == ["some-model"]
    assert load("some-model")[0].config == load(folder)[0].config
