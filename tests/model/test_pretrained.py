"""Loading and saving: nothing is lost, the layout is the Transformers library's, and errors name the remedy."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from transformers import Glm4MoeForCausalLM, LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from course._checkpoints import check_folder, expected_shapes, shapes_in
from course.model import generate, load, save, score
from course.model.pretrained import checkpoints
from course.model.transformer import Transformer
from course.world.tokenizer import encode
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


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "missing"])
def test_damaged_weights_are_a_one_line_error(damage, tmp_path, tokenizer):
    save(fresh(SIZES["dense"]), tokenizer, tmp_path)
    weights = tmp_path / "model.safetensors"
    content = weights.read_bytes()
    if damage == "missing":
        weights.unlink()
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
    with pytest.raises(ValueError, match="holds no config.json: it is not a model's folder"):
        load(tmp_path)


CHANGES = {  # what config.json is made to say, and what the error says
    "num_hidden_layers": (2, "knows nothing of, such as model.layers.2"),
    "intermediate_size": (383, "has the shape"),
    "vocab_size": (511, "has the shape"),
    "num_key_value_heads": (4, "has the shape"),
    "eos_token_id": (5, "<eos> is token 1 to the tokenizer and 5 to config.json"),
}


@pytest.mark.parametrize("key", CHANGES)
def test_a_config_of_another_model_than_the_weights_is_refused(key, tmp_path, tokenizer):
    save(fresh(SIZES["dense"]), tokenizer, tmp_path)
    assert check_folder(tmp_path) == []
    value, message = CHANGES[key]
    change_json(tmp_path / "config.json", {key: value})
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value) and message in str(check_folder(tmp_path))


@pytest.mark.parametrize(("layers", "experts"), [(5, 8), (3, 8), (4, 9), (4, 7)])
def test_more_or_fewer_layers_or_experts_than_the_weights_hold_are_refused(layers, experts, tmp_path, tokenizer):
    save(fresh(SIZES["experts"]), tokenizer, tmp_path)
    change_json(tmp_path / "config.json", {"num_hidden_layers": layers, "n_routed_experts": experts})
    with pytest.raises(ValueError, match="is damaged or unfinished"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer_config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("kind", ["ours", "foreign"])
def test_a_folder_without_one_of_its_files_is_refused_and_the_file_named(name, kind, tmp_path, tokenizer, foreign):
    save(fresh(SIZES["dense"]) if kind == "ours" else foreign, tokenizer, tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"{name} is missing" if kind == "ours" else "is damaged or unfinished"):
        load(tmp_path)


def test_a_tokenizer_that_names_no_end_is_refused(tmp_path, tokenizer):
    save(fresh(SIZES["dense"]), tokenizer, tmp_path)
    change_json(tmp_path / "tokenizer_config.json", {"eos_token": None})
    with pytest.raises(ValueError, match="names no eos_token, so no reply would end"):
        load(tmp_path)


def test_weights_that_are_no_numbers_are_neither_saved_nor_loaded(tmp_path, tokenizer):
    model = fresh(SIZES["dense"])
    save(model, tokenizer, tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    model.norm.weight.data[0] = float("nan")
    with pytest.raises(ValueError, match="norm.weight is not finite in half precision"):
        save(model, tokenizer, tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    (tmp_path / "model.safetensors").write_bytes(before[:-2] + b"\x00\x7e")  # the last number: NaN
    with pytest.raises(ValueError, match="holds NaN or infinity"):
        load(tmp_path)


def test_a_foreign_model_with_fewer_layers_than_its_weights_is_refused(tmp_path, tokenizer, foreign):
    save(foreign, tokenizer, tmp_path)
    for layers, what in ((1, "unexpected"), (3, "missing")):
        change_json(tmp_path / "config.json", {"num_hidden_layers": layers, "layer_types": None})
        with pytest.raises(ValueError, match=f"weights are {what} by its config.json, such as model.layers"):
            load(tmp_path)


def test_what_the_check_expects_is_what_is_saved(folder):
    config = json.loads((folder / "config.json").read_text())
    assert expected_shapes(config) == shapes_in(folder / "model.safetensors")
    assert check_folder(folder) == []


def test_the_check_needs_nothing_but_python():
    command = "import sys; import course._checkpoints; sys.exit(bool({'torch', 'safetensors'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="a umask is a POSIX thing")
@pytest.mark.parametrize("kind", ["ours", "foreign"])
def test_a_saved_model_can_be_read_by_whom_the_umask_lets(kind, tmp_path, tokenizer, foreign):
    before = os.umask(0o022)
    try:
        save(fresh(SIZES["dense"]) if kind == "ours" else foreign, tokenizer, tmp_path / "model")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "model").iterdir()}
    assert set(modes.values()) == {0o644}, modes


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_file_this_user_may_not_read_is_denied_and_not_called_damaged(name, tmp_path, tokenizer, monkeypatch):
    save(fresh(SIZES["dense"]), tokenizer, tmp_path)
    opened = type(tmp_path).open

    def denied(path, *arguments, **settings):  # as for another user; root may read everything
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **settings)

    monkeypatch.setattr(type(tmp_path), "open", denied)
    with pytest.raises(PermissionError, match=f"permission denied: .*{name}"):
        load(tmp_path)
    assert "permission denied" in check_folder(tmp_path)[0]


@pytest.mark.parametrize("failing", ["tokenizer", "weights", "disk"])
def test_a_model_is_saved_whole_or_not_at_all(failing, tmp_path, tokenizer, monkeypatch):
    save(fresh(SIZES["dense"], seed=1), tokenizer, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    where = {
        "tokenizer": (type(tokenizer), "save_pretrained"),
        "weights": ("course.model.pretrained", "save_file"),
        "disk": ("course._files.os", "fsync"),
    }[failing]
    monkeypatch.setattr(*where if failing == "tokenizer" else (f"{where[0]}.{where[1]}",), fail)
    with pytest.raises(OSError, match="No space left"):
        save(fresh(SIZES["experts"], seed=2), tokenizer, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_two_savers_beside_each_other_leave_one_whole_model(tmp_path, tokenizer):
    from concurrent.futures import ThreadPoolExecutor

    models = [fresh(SIZES["dense"], seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda model: [save(model, tokenizer, tmp_path) for _ in range(3)], models))
    found = load(tmp_path)[0].state_dict()
    assert any(all(torch.equal(found[name], one) for name, one in model.state_dict().items()) for model in models)
    files = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
    assert {path.name for path in tmp_path.iterdir()} == files


def test_weights_of_an_earlier_model_in_more_pieces_do_not_stay(tmp_path, tokenizer):
    for name in ("model-00001-of-00002.safetensors", "model.safetensors.index.json", "progress.safetensors"):
        (tmp_path / name).write_text("old")
    save(fresh(SIZES["dense"]), tokenizer, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert "progress.safetensors" in names and not any("-of-" in name or "index" in name for name in names)


@pytest.mark.parametrize(
    "name", ["runs/mini-zero-7", "./mini-zero-7", "/nowhere/mini-zero", "there/mini-zero", "a/b/c"]
)
def test_a_mistyped_path_is_an_error_at_once_and_is_not_sought_on_the_hub(name, tmp_path, tokenizer, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(fresh(SIZES["dense"]), tokenizer, "there/mini-zero-0")
    monkeypatch.setattr("course.model.pretrained._of_transformers", lambda *_: pytest.fail("the Hub was asked"))
    with pytest.raises(FileNotFoundError, match="no model called") as caught:
        load(name)
    assert ("there/mini-zero-0" in str(caught.value)) == (name == "there/mini-zero")


def test_an_owner_and_a_name_are_sought_on_the_hub(monkeypatch, foreign, tokenizer):
    monkeypatch.setattr("course.model.pretrained._of_transformers", lambda *_: (foreign, tokenizer))
    assert load("Qwen/Qwen3-0.6B")[0] is foreign


def test_a_model_stored_in_bfloat16_is_scored_as_it_was_sampled(tmp_path, tokenizer):
    config = Qwen3Config(
        vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, eos_token_id=1, pad_token_id=0, bos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    Qwen3ForCausalLM(config).to(torch.bfloat16).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, _ = load(tmp_path)
    prompts = [f"<user>{text}<assistant>" for text in ("hi", "what is two and two?", "spell strawberry")]
    drawn = sum(generate(model, tokenizer, prompts, samples=2, seed=0, max_new_tokens=20), [])
    read = [encode(tokenizer, prompt) for prompt in prompts for _ in range(2)]
    found = score(model, read, [reply.token_ids for reply in drawn])
    assert model.dtype == torch.float32
    sampled = torch.cat([torch.tensor(reply.logprobs) for reply in drawn])
    assert (found.logprobs[found.mask] - sampled).abs().max() <= 1e-4
    save(model, tokenizer, tmp_path)
    assert load(tmp_path)[0].dtype == torch.float32
    assert load(tmp_path, dtype=torch.bfloat16)[0].dtype == torch.bfloat16


def change_json(path, changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def foreign():
    """A tiny random model of the Transformers library."""
    sizes = {"vocab_size": 512, "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(**sizes, num_hidden_layers=2, eos_token_id=1, pad_token_id=0))


def test_another_device_gives_the_same_shapes_and_says_that_numbers_differ(tmp_path, tokenizer):
    save(fresh(SIZES["dense"]), tokenizer, tmp_path)
    with pytest.warns(UserWarning, match="numbers will differ"):
        model, _ = load(tmp_path, device="meta")
    assert model(torch.zeros(1, 3, dtype=torch.long, device="meta")).logits.shape == (1, 3, model.config.vocab_size)


def test_an_unknown_device_is_a_one_line_error(folder):
    with pytest.raises(ValueError, match="no device called 'abacus': try \"cpu\"") as caught:
        load(folder, device="abacus")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_importing_load_does_not_import_transformers():
    command = "import sys; from course.model import load; sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


def test_the_shelf_holds_the_folders_with_a_config(tmp_path, monkeypatch, folder):
    shutil.copytree(folder, tmp_path / "checkpoints" / "some-model")
    (tmp_path / "checkpoints" / "notes").mkdir()
    monkeypatch.setattr("course.model.pretrained.SHELF", tmp_path / "checkpoints")
    assert list(checkpoints()) == ["some-model"]
    assert load("some-model")[0].config == load(folder)[0].config
