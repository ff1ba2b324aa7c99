"""Small random networks, and every checkpoint that ships."""

import pytest
import torch

from course.model.moe import Experts, MixtureOfExperts
from course.model.pretrained import checkpoints, load, save
from course.model.transformer import ModelConfig, Transformer
from course.world.tokenizer import load_tokenizer

SIZES = {
    "dense": ModelConfig(),
    "experts": ModelConfig(experts=Experts(route_scale=1.5)),
}


def fresh(config: ModelConfig, seed: int = 0) -> Transformer:
    """A random network whose weights survive half precision, with routers that prefer some experts."""
    torch.manual_seed(seed)
    model = Transformer(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight)).copy_(weight.half().float())
        for layer in model.modules():
            if isinstance(layer, MixtureOfExperts):
                layer.router.bias.copy_((0.1 * torch.randn_like(layer.router.bias)).half().float())
    return model


@pytest.fixture(scope="session")
def tokenizer():
    return load_tokenizer()


OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in checkpoints() if name != "mini-base"]


@pytest.fixture(scope="session", params=[*SIZES, "mini-base", *OTHERS])
def folder(request, tmp_path_factory, tokenizer):
    """A checkpoint's folder: random networks of both kinds, and those that ship."""
    if request.param in checkpoints():
        return checkpoints()[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    save(fresh(SIZES[request.param]), tokenizer, folder)
    return folder


@pytest.fixture(scope="session")
def model(folder):
    return load(folder)[0]


@pytest.fixture(scope="session")
def theirs(folder):
    """The same checkpoint, opened by the Transformers library."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder).eval()
