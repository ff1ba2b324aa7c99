"""A mixture of experts: many small feed-forward layers, of which each token uses a few (DeepSeek-V3's routing).

Scores are sigmoids; the best `per_token` by score plus bias are chosen; their weights are the scores alone, made to
add up to `route_scale`; every token uses the shared expert as well. The bias only selects, never weighs: moving it
balances the load without a loss of its own (Wang et al. 2024, arXiv:2408.15664).

Departures from DeepSeek-V3: no groups of experts, no sequence-wise balance loss.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from course._shapes import Float, Int
from course.model.feed_forward import FeedForward, gated, gated_gradient

FEW = 256  # choices up to which, without a gradient, sorting them does not pay
VERY_FEW = 16  # choices up to which, or half as many as experts, they seldom share one


@dataclass(frozen=True)
class Experts:
    """The size and routing of an expert layer."""

    count: int = 8
    per_token: int = 2
    intermediate_size: int = 128  # width of one expert
    shared: int = 1  # experts every token uses, as one layer of shared * intermediate_size
    route_scale: float = 1.0  # what a token's weights add up to
    dense_first: int = 1  # layers at the bottom that stay dense


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

    def __init__(self, hidden_size: int, experts: Experts, routing: Routing = sigmoid_routing):
        super().__init__()
        self.experts, self.routing = experts, routing
        self.watched = False  # whether to keep the last logits, for a balancing loss or to look at
        self.logits: Tensor | None = None
        self.weight = nn.Parameter(torch.empty(experts.count, hidden_size))
        self.register_buffer("bias", torch.zeros(experts.count))
        nn.init.normal_(self.weight, std=hidden_size**-0.5)

    def forward(self, tokens: Float[Tensor, "B D"]) -> tuple[Int[Tensor, "B k"], Float[Tensor, "B k"]]:
        """The experts each token uses and how much each counts."""
        logits = linear(tokens.float(), self.weight.float())  # (B, E)
        self.logits = logits if self.watched else None
        return self.pick(logits)

    def pick(self, logits: Float[Tensor, "B E"]) -> tuple[Int[Tensor, "B k"], Float[Tensor, "B k"]]:
        """The same, from logits."""
        chosen, weights = self.routing(logits, self.bias, self.experts.per_token)
        return chosen, self.experts.route_scale * weights


class _Sorted(torch.autograd.Function):
    """Experts one after the other, each on its own tokens, which are brought together first; then the weighted sums.

    The gradient is written out as well: no copies put parts together, autograd keeps no node for every expert, and what
    one expert leaves behind on the way is overwritten by the next one's while it is still in the cache.
    """

    @staticmethod
    def forward(ctx, tokens: Tensor, chosen: Tensor, weights: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
        order = chosen.flatten().argsort(stable=True)  # all choices of expert 0, then of expert 1, ...
        load = torch.bincount(chosen.flatten(), minlength=len(gate_up)).tolist()
        place = torch.empty_like(order)  # where each choice went
        place[order] = torch.arange(len(order), device=order.device)
        inputs = tokens.index_select(0, order // chosen.shape[1])  # (B k, D)
        inside, outputs = inputs.new_empty(len(inputs), gate_up.shape[1]), torch.empty_like(inputs)
        room = inputs.new_empty(max(load), down.shape[2])  # what every expert uses in its turn
        parts = zip(*(rows.split(load) for rows in (inputs, inside, outputs)), strict=True)
        for (own, wide, out), up_there, back in zip(parts, gate_up.mT.unbind(), down.mT.unbind(), strict=True):
            torch.mm(own, up_there, out=wide)
            torch.mm(gated(wide, room[: len(own)]), back, out=out)
        ctx.save_for_backward(weights, gate_up, down, order, place.view_as(chosen), inputs, inside, outputs)
        ctx.load = load
        return _weighted_sums(outputs, place.view_as(chosen), weights)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        """The same way back: to each expert's tokens, through the experts, and to the tokens' own places."""
        weights, gate_up, down, order, place, inputs, inside, outputs = ctx.saved_tensors
        for_outputs = gradient.index_select(0, order // place.shape[1])
        for_weights = torch.linalg.vecdot(for_outputs, outputs)[place]
        for_outputs *= weights.flatten()[order, None]
        for_inputs, for_gate_up, for_down = (torch.empty_like(one) for one in (inputs, gate_up, down))
        room = inputs.new_empty(2, max(ctx.load), down.shape[2])
        wide_room = inputs.new_empty(max(ctx.load), gate_up.shape[1])
        parts = zip(*(rows.split(ctx.load) for rows in (inputs, inside, for_outputs, for_inputs)), strict=True)
        matrices = zip(gate_up.unbind(), down.unbind(), for_gate_up.unbind(), for_down.unbind(), strict=True)
        for (own, wide, told, found), (up_there, back, for_up_there, for_back) in zip(parts, matrices, strict=True):
            for_hidden, hidden = room[:, : len(own)]
            torch.mm(told, back, out=for_hidden)
            for_wide = gated_gradient(for_hidden, wide, wide_room[: len(own)], hidden)
            torch.mm(told.T, hidden, out=for_back)
            torch.mm(for_wide, up_there, out=found)
            torch.mm(for_wide.T, own, out=for_up_there)
        return _weighted_sums(for_inputs, place, torch.ones_like(weights)), None, for_weights, for_gate_up, for_down


def _weighted_sums(
    rows: Float[Tensor, "R D"], places: Int[Tensor, "B k"], weights: Float[Tensor, "B k"]
) -> Float[Tensor, "B D"]:
    """For each token the sum of its k rows, each times its weight."""
    return torch.nn.functional.embedding_bag(places, rows, per_sample_weights=weights.to(rows.dtype), mode="sum")


class MixtureOfExperts(nn.Module):
    """The layer that takes a feed-forward layer's place."""

    def __init__(self, hidden_size: int, experts: Experts):
        super().__init__()
        self.router = Router(hidden_size, experts)
        self.gate_up = nn.Parameter(torch.empty(experts.count, 2 * experts.intermediate_size, hidden_size))
        self.down = nn.Parameter(torch.empty(experts.count, hidden_size, experts.intermediate_size))
        self.shared = FeedForward(hidden_size, experts.shared * experts.intermediate_size) if experts.shared else None
        self.chosen = torch.zeros(
            0, experts.per_token, dtype=torch.long
        )  # (B, k): the experts of the last call's tokens

    @property
    def load(self) -> Int[Tensor, "E"]:
        """The expert load: how many tokens each expert received in the last call."""
        return torch.bincount(self.chosen.flatten(), minlength=len(self.gate_up))

    def forward(self, hidden: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        """The weighted outputs of each token's experts, plus the shared expert's."""
        tokens = hidden.reshape(-1, hidden.shape[-1])
        self.chosen, weights = self.router(tokens)
        mixed = self._way()(tokens, self.chosen, weights, self.gate_up, self.down).view_as(hidden)
        return mixed if self.shared is None else mixed + self.shared(hidden)

    def _way(self) -> Callable[..., Tensor]:
        """The fastest of three ways to the same output: few tokens, as in decoding, need other ones than many."""
        choices = self.chosen.numel()
        if torch.is_grad_enabled() or choices > FEW:
            return _Sorted.apply
        return _one_by_one if choices <= max(VERY_FEW, len(self.gate_up) // 2) else _at_once


def _one_by_one(tokens: Tensor, chosen: Tensor, weights: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Choice after choice, without sorting anything."""
    experts, k = chosen.flatten().tolist(), chosen.shape[1]
    rows = tokens.split(1)
    inside = torch.cat([linear(rows[number // k], gate_up[expert]) for number, expert in enumerate(experts)])
    parts = gated(inside).mul_(weights.view(-1, 1)).split(1)
    outputs = [linear(part, down[expert]) for part, expert in zip(parts, experts, strict=True)]
    return torch.cat(outputs).view(len(tokens), k, -1).sum(1)


def _at_once(tokens: Tensor, chosen: Tensor, weights: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Every expert gets as many places as the busiest needs, and all run as one batch of products."""
    taken = [0] * len(gate_up)  # places of each expert
    ranks = []
    for expert in chosen.flatten().tolist():
        ranks.append(taken[expert])
        taken[expert] += 1
    room = max(taken)
    places = chosen * room + torch.tensor(ranks, device=tokens.device).view_as(chosen)
    inputs = tokens.new_zeros(len(gate_up) * room, tokens.shape[1])
    inputs[places] = tokens.unsqueeze(1)
    inside = torch.bmm(inputs.view(len(gate_up), room, -1), gate_up.mT)
    return _weighted_sums(torch.bmm(gated(inside), down.mT).flatten(0, 1), places, weights)


def expert_layers(model: nn.Module) -> list[MixtureOfExperts]:
    """The expert layers of a model, from the bottom up."""
    return [layer for layer in model.modules() if isinstance(layer, MixtureOfExperts)]


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
        raise ValueError("no token was routed: the load is empty")
    return float(load.max() / load.float().mean() - 1)


def load_entropy(load: Tensor) -> float:
    """How evenly the load is spread, from 0 (one expert does everything) to 1 (all the same), as a share of log E.

    Raises ValueError for a load of nothing.
    """
    if not load.sum():
        raise ValueError("no token was routed: the load is empty")
    shares = load / load.sum()
    return float(torch.special.entr(shares).sum() / math.log(len(load)))


@torch.no_grad()
def balance(model: nn.Module, speed: float = 1e-3) -> None:
    """Raise the bias of every expert that received fewer tokens than the mean in the last call, lower the others'.

    b_i <- b_i + speed * sign(mean load - load_i): equation 3 of arXiv:2408.15664, DeepSeek-V3's balancing.
    """
    for layer in expert_layers(model):
        load = layer.load.float()
        layer.router.bias += speed * (load.mean() - load).sign()
