"""The feed-forward layer, gated: what one expert is, and what a dense layer is."""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear, silu

from course._shapes import Float


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020): one projection gates another, then back to the hidden size."""

    def __init__(self, hidden_size: int, intermediate_size: int):
        super().__init__()
        self.gate_up = nn.Linear(hidden_size, 2 * intermediate_size, bias=False)  # gate first, then up
        self.down = nn.Linear(intermediate_size, hidden_size, bias=False)

    def forward(self, hidden: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        """The layer's output, before it is added to the residual stream."""
        return swiglu(hidden, self.gate_up.weight, self.down.weight)


def gated(gate_up: Float[Tensor, "... inside"], out: Float[Tensor, "... H"] | None = None) -> Float[Tensor, "... H"]:
    """silu(gate) * up of a tensor that holds both, written into `out` if there is one."""
    gate, up = gate_up.chunk(2, dim=-1)
    return (silu(gate) if out is None else torch.ops.aten.silu.out(gate, out=out)).mul_(up)


def gated_gradient(
    gradient: Float[Tensor, "... H"],
    gate_up: Float[Tensor, "... inside"],
    out: Float[Tensor, "... inside"],
    gated: Float[Tensor, "... H"],
) -> Float[Tensor, "... inside"]:
    """g silu(gate) for up, and g up silu'(gate) for the gate, written into `out`; `gated` itself goes into `gated`.

    `gradient` is used up.
    """
    gate, up = gate_up.chunk(2, dim=-1)
    for_gate, for_up = out.chunk(2, dim=-1)
    torch.ops.aten.silu.out(gate, out=gated)
    torch.mul(gradient, gated, out=for_up)
    gated.mul_(up)
    torch.ops.aten.silu_backward.grad_input(gradient.mul_(up), gate, grad_input=for_gate)
    return out


class _Gated(torch.autograd.Function):
    """`gated`, which keeps its input and nothing else."""

    @staticmethod
    def forward(ctx, gate_up: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up)
        return gated(gate_up)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        (gate_up,) = ctx.saved_tensors
        return gated_gradient(gradient.clone(), gate_up, torch.empty_like(gate_up), torch.empty_like(gradient))


def swiglu(hidden: Float[Tensor, "... D"], gate_up: Tensor, down: Tensor) -> Float[Tensor, "... D"]:
    """(silu(x W_gate) * x W_up) W_down, with gate and up stacked in one matrix."""
    inside = linear(hidden, gate_up)
    if not torch.is_grad_enabled():  # the same without keeping anything, for one token a third of the time
        return linear(gated(inside), down)
    return linear(_Gated.apply(inside), down)
