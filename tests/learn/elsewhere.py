"""A device that every machine has: tensors on it say that they lie on "meta", and refuse to meet one from the CPU.

Their numbers are kept on the CPU, so that whole loops run as they would on an accelerator, and what forgets to bring a
tensor along fails as it would there. A single number from the CPU may meet them, as everywhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

ELSEWHERE = torch.device("meta")
MOVING = (torch.ops.aten._to_copy, torch.ops.aten.copy_)
INDEXING = (torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_)  # an index may lie on the CPU


class Distant(Tensor):
    """A tensor that lies elsewhere."""

    @staticmethod
    def __new__(cls, near: Tensor):
        return Tensor._make_wrapper_subclass(
            cls, near.shape, dtype=near.dtype, device=ELSEWHERE, strides=near.stride(), requires_grad=near.requires_grad
        )

    def __init__(self, near: Tensor):
        self.near = near.detach()

    def __repr__(self) -> str:
        return f"Distant({self.near})"

    is_meta = property(lambda self: False)  # or `load_state_dict` would leave it out

    @classmethod
    def __torch_dispatch__(cls, function, types, arguments=(), options=None):
        return _run(function, arguments, options or {})

    def tolist(self):
        """Its numbers, which are brought over, as an accelerator's are."""
        return self.near.tolist()


class _Made(TorchFunctionMode):
    """`torch.tensor` makes tensors on "meta" without asking anybody else."""

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        if function is torch.tensor and options.get("device") == ELSEWHERE:
            return Distant(torch.tensor(*arguments, **{**options, "device": "cpu"}))
        return function(*arguments, **options)


class _Elsewhere(TorchDispatchMode):
    """Makes what is asked for on the device."""

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        return _run(function, arguments, options or {})


def _run(function, arguments, options):
    """Run an operation on the numbers. Raises RuntimeError if its tensors lie apart."""
    tensors = [one for one in tree_flatten((arguments, options))[0] if isinstance(one, Tensor)]
    far = [one for one in tensors if isinstance(one, Distant)]
    near = [one for one in tensors if not isinstance(one, Distant) and one.ndim]
    kind = function._overloadpacket
    if far and near and kind not in MOVING and not (kind in INDEXING and isinstance(arguments[0], Distant)):
        raise RuntimeError(f"expected all tensors on one device: {function} got one from the CPU")
    place = options.get("device")
    ends_far = bool(far) if place is None else torch.device(place) == ELSEWHERE
    if place is not None:
        options = {**options, "device": torch.device("cpu")}
    bring = lambda one: one.near if isinstance(one, Distant) else one  # noqa: E731
    found = function(*tree_map(bring, arguments), **tree_map(bring, options))
    first = function._schema.arguments[0].alias_info if function._schema.arguments else None
    if first is not None and first.is_write and isinstance(found, Tensor):
        return arguments[0]  # changed in place
    return tree_map(lambda one: Distant(one) if type(one) is Tensor and ends_far else one, found)


@contextmanager
def elsewhere() -> Iterator[None]:
    """While it lasts, tensors can be made on the device. Inference mode, which wants no such tensors, is `no_grad`."""

    def enter(self):
        self.instead = torch.no_grad()
        self.instead.__enter__()

    with (
        patch.object(torch.inference_mode, "__enter__", enter),
        patch.object(torch.inference_mode, "__exit__", lambda self, *error: self.instead.__exit__(*error)),
        _Elsewhere(),
        _Made(),
    ):
        yield


def brought(model: nn.Module) -> nn.Module:
    """A model brought to the device, in place."""
    for module in model.modules():
        for name, weight in list(module._parameters.items()):
            if weight is not None:
                module._parameters[name] = nn.Parameter(Distant(weight.detach().clone()))
        for name, value in list(module._buffers.items()):
            if value is not None:
                module._buffers[name] = Distant(value.clone())
    return model
