"""A mixture of experts: many small feed-forward layers, of which each token uses a few (DeepSeek-V3's routing).

Scores are sigmoids; the best `per_token` by score plus bias are chosen; their weights are the scores alone, made to
add up to `route_scale`; a shared expert serves every token. The bias only selects, never weighs: nudging it balances
the load without a loss of its own (Wang et al. 2024, arXiv:2408.15664).

Departures from DeepSeek-V3: no groups of experts, no sequence-wise balance loss.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear, silu

from course._shapes import Float, Int

FEW_ROWS = 64  # up to here, without a gradient, one product over all experts beats one product an expert


@dataclass(frozen=True)
class Experts:
    """The size and routing of an expert layer."""

    count: int = 8
    per_token: int = 2
    hidden: int = 128  # width of one expert
    shared: int = 1  # experts every token uses, as one layer of shared * hidden
    route_scale: float = 1.0  # what a token's weights add up to
    dense_first: int = 1  # layers at the bottom that stay dense


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020): one projection gates another, then back to the model's width."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.gate_up = nn.Linear(width, 2 * hidden, bias=False)  # gate first, then up
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, hidden: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        """The layer's output, before it is added to the residual stream."""
        return swiglu(hidden, self.gate_up.weight, self.down.weight)


class _Gated(torch.autograd.Function):
    """silu(gate) * up of a tensor that holds both; its gradient is written into one tensor, too."""

    @staticmethod
    def forward(ctx, gate_up: Tensor) -> Tensor:
        gate, up = gate_up.chunk(2, dim=-1)
        ctx.save_for_backward(gate_up)
        return silu(gate).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        """g silu(gate) for up, and g up silu'(gate) for the gate."""
        (gate_up,) = ctx.saved_tensors
        gate, up = gate_up.chunk(2, dim=-1)
        found = torch.empty_like(gate_up)
        for_gate, for_up = found.chunk(2, dim=-1)
        torch.mul(gradient, silu(gate), out=for_up)
        torch.ops.aten.silu_backward.grad_input(gradient * up, gate, grad_input=for_gate)
        return found


def swiglu(hidden: Float[Tensor, "... D"], gate_up: Tensor, down: Tensor) -> Float[Tensor, "... D"]:
    """(silu(x W_gate) * x W_up) W_down, with gate and up stacked in one matrix."""
    inside = linear(hidden, gate_up)
    if not torch.is_grad_enabled():  # the same without keeping anything, for one token a third of the time
        gate, up = inside.chunk(2, dim=-1)
        return linear(silu(gate).mul_(up), down)
    return linear(_Gated.apply(inside), down)


Routing = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]  # logits, biases, k: the chosen, and their weights


def sigmoid_routing(
    logits: Float[Tensor, "B E"], bias: Float[Tensor, "E"], k: int
) -> tuple[Int[Tensor, "B k"], Float[Tensor, "B k"]]:
    """The best k experts by score plus bias; their weights are the scores alone, made to add up to 1 (DeepSeek-V3)."""
    scores = logits.sigmoid()
    chosen = (scores + bias).topk(k, dim=-1).indices
    weights = scores.gather(-1, chosen)
    return chosen, weights / (weights.sum(-1, keepdim=True) + 1e-20)


def softmax_routing(
    logits: Float[Tensor, "B E"], bias: Float[Tensor, "E"], k: int
) -> tuple[Int[Tensor, "B k"], Float[Tensor, "B k"]]:
    """The best k experts by logit plus bias; their weights are a softmax over the chosen ones (Mixtral).

    With k = 1 the weight is always 1, and the router learns nothing from the task: `switch_routing` is for that.
    """
    chosen = (logits + bias).topk(k, dim=-1).indices
    return chosen, logits.gather(-1, chosen).softmax(-1)


def switch_routing(
    logits: Float[Tensor, "B E"], bias: Float[Tensor, "E"], k: int
) -> tuple[Int[Tensor, "B k"], Float[Tensor, "B k"]]:
    """The best k experts by logit plus bias, each weighed by its probability among all (Fedus et al. 2022)."""
    chosen = (logits + bias).topk(k, dim=-1).indices
    return chosen, logits.softmax(-1).gather(-1, chosen)


class Router(nn.Module):
    """Scores every expert for every token and picks a few; `routing` says how."""

    def __init__(self, width: int, experts: Experts, routing: Routing = sigmoid_routing):
        super().__init__()
        self.experts, self.routing = experts, routing
        self.watched = False  # whether to keep the last logits, for a balancing loss or to look at
        self.logits: Tensor | None = None
        self.weight = nn.Parameter(torch.empty(experts.count, width))
        self.register_buffer("bias", torch.zeros(experts.count))
        nn.init.normal_(self.weight, std=width**-0.5)

    def forward(self, tokens: Float[Tensor, "B D"]) -> tuple[Int[Tensor, "B k"], Float[Tensor, "B k"]]:
        """The experts each token uses and how much each counts."""
        logits = linear(tokens.float(), self.weight.float())  # (B, E)
        self.logits = logits if self.watched else None
        chosen, weights = self.routing(logits, self.bias, self.experts.per_token)
        return chosen, self.experts.route_scale * weights


class MixtureOfExperts(nn.Module):
    """The layer that takes a feed-forward layer's place."""

    def __init__(self, width: int, experts: Experts):
        super().__init__()
        self.router = Router(width, experts)
        self.gate_up = nn.Parameter(torch.empty(experts.count, 2 * experts.hidden, width))
        self.down = nn.Parameter(torch.empty(experts.count, width, experts.hidden))
        self.shared = FeedForward(width, experts.shared * experts.hidden) if experts.shared else None
        self.load = torch.zeros(experts.count)  # tokens each expert served in the last call

    def forward(self, hidden: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        """The weighted outputs of each token's experts, plus the shared expert's."""
        tokens = hidden.reshape(-1, hidden.shape[-1])
        chosen, weights = self.router(tokens)
        self.load = torch.bincount(chosen.flatten(), minlength=len(self.gate_up))
        mixed = self._way(chosen)(tokens, chosen, weights).view_as(hidden)
        return mixed if self.shared is None else mixed + self.shared(hidden)

    def _way(self, chosen: Tensor) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        """The fastest of three ways to the same output: few tokens, as in decoding, need other ones than many."""
        if torch.is_grad_enabled() or len(chosen) > FEW_ROWS:
            return self._in_turn
        if len(chosen) == 1:
            return self._alone
        return self._at_once if chosen.numel() >= len(self.load) else self._in_turn

    def _alone(self, tokens: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        """One token: its experts one after the other."""
        outputs = [swiglu(tokens, self.gate_up[expert], self.down[expert]) for expert in chosen[0].tolist()]
        return weights.to(tokens.dtype) @ torch.cat(outputs)

    def _in_turn(self, tokens: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        """Bring the tokens of each expert together, run one expert after the other, put them back."""
        order = chosen.flatten().argsort(stable=True)
        rows = order // chosen.shape[1]
        parts = tokens[rows].split(self.load.tolist())
        experts = zip(parts, self.gate_up.unbind(), self.down.unbind(), strict=True)  # unbound: one gradient for all
        outputs = [swiglu(part, gate_up, down) for part, gate_up, down in experts if len(part)]
        scaled = torch.cat(outputs) * weights.flatten()[order, None].to(tokens.dtype)
        return torch.zeros_like(tokens).index_add(0, rows, scaled)

    def _at_once(self, tokens: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        """Give every expert as many places as the busiest needs, and run all experts as one batch of products."""
        flat = chosen.flatten()
        mine = torch.nn.functional.one_hot(flat, len(self.load))
        place = mine.cumsum(0).gather(1, flat[:, None]).squeeze(1) - 1  # how many of its tokens came before
        inputs = tokens.new_zeros(len(self.load), int(self.load.max()), tokens.shape[1])  # (E, places, D)
        inputs[flat, place] = tokens.repeat_interleave(chosen.shape[1], dim=0)
        gate, up = torch.bmm(inputs, self.gate_up.transpose(1, 2)).chunk(2, dim=-1)
        outputs = torch.bmm(silu(gate).mul_(up), self.down.transpose(1, 2))[flat, place]
        return (outputs.view(*chosen.shape, -1) * weights[:, :, None].to(tokens.dtype)).sum(1)


def load_balancing_loss(logits: Float[Tensor, "B E"], chosen: Int[Tensor, "B k"]) -> Float[Tensor, ""]:
    """E * sum_i f_i P_i: Switch's loss (Fedus et al. 2022, equation 4), with softmax probabilities P.

    f_i is how many of the k choices of a token fall on expert i, on average (no gradient passes); P_i is its mean
    probability. Balanced it is k, collapsed to k experts E. Add it to the task's loss times .01 or so.
    """
    count = logits.shape[-1]
    share = torch.bincount(chosen.flatten(), minlength=count) / len(chosen)
    return count * (share * logits.softmax(-1).mean(0)).sum()


def max_violation(load: Tensor) -> float:
    """MaxVio: how far the busiest expert stands above the mean load, as a share of it; 0 is balanced, E/k - 1 worst.

    Wang et al. 2024 (arXiv:2408.15664). Raises ValueError for a load of nothing.
    """
    if not load.sum():
        raise ValueError("no token was routed: there is no load to judge")
    return float(load.max() / load.float().mean() - 1)


def load_entropy(load: Tensor) -> float:
    """How evenly the load is spread, from 0 (one expert does everything) to 1 (all the same), as a share of log E.

    Raises ValueError for a load of nothing.
    """
    if not load.sum():
        raise ValueError("no token was routed: there is no load to judge")
    shares = load / load.sum()
    return float(torch.special.entr(shares).sum() / math.log(len(load)))


@torch.no_grad()
def balance(model: nn.Module, speed: float = 1e-3) -> None:
    """Raise the bias of every expert that served fewer tokens than the mean in the last call, lower the others'.

    b_i <- b_i + speed * sign(mean load - load_i): equation 3 of arXiv:2408.15664, DeepSeek-V3's balancing.
    """
    for layer in model.modules():
        if isinstance(layer, MixtureOfExperts):
            load = layer.load.float()
            layer.router.bias += speed * (load.mean() - load).sign()
