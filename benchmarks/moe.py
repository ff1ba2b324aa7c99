"""The expert layer against the Transformers library's fastest, forward and backward and at decoding size.

`python benchmarks/moe.py` prints ratios above 1 where ours is faster, and what more experts cost at the same work. Both
sides hold the same weights (width 128, top 2, one shared expert) and run alternately in one process, in single
precision; the median of nine alternating rounds counts. Theirs runs with each of its experts implementations, and the
fastest stands.
"""

import course  # noqa: F401, I001 (before PyTorch: it decides how waiting threads wait)

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from transformers import Glm4MoeConfig
from transformers.models.glm4_moe.modeling_glm4_moe import Glm4MoeMoE

from course.model.feed_forward import FeedForward
from course.model.moe import Experts, MixtureOfExperts

WIDTH, HIDDEN = 128, 128
MANY = 8192  # tokens of a training step
FEW = (1, 4, 16, 64)  # tokens of a decoding step
COUNTS = (4, 8, 16, 32, 64)
IMPLEMENTATIONS = ("eager", "batched_mm", "grouped_mm")
ROUNDS = 9


def layers(count: int) -> tuple[MixtureOfExperts, Glm4MoeMoE]:
    """Our layer and theirs with the same weights."""
    torch.manual_seed(0)
    ours = MixtureOfExperts(WIDTH, Experts(count=count, per_token=2, intermediate_size=HIDDEN))
    for weight in ours.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    config = Glm4MoeConfig(
        hidden_size=WIDTH,
        moe_intermediate_size=HIDDEN,
        n_routed_experts=count,
        n_shared_experts=1,
        num_experts_per_tok=2,
        routed_scaling_factor=1.0,
        norm_topk_prob=True,
    )
    config._experts_implementation = "eager"
    theirs = Glm4MoeMoE(config)
    theirs.gate.weight.data.copy_(ours.router.weight.data)
    theirs.experts.gate_up_proj.data.copy_(ours.gate_up.data)
    theirs.experts.down_proj.data.copy_(ours.down.data)
    gate, up = ours.shared.gate_up.weight.data.chunk(2)
    theirs.shared_experts.gate_proj.weight.data.copy_(gate)
    theirs.shared_experts.up_proj.weight.data.copy_(up)
    theirs.shared_experts.down_proj.weight.data.copy_(ours.shared.down.weight.data)
    return ours, theirs


def train_step(layer: torch.nn.Module, hidden: torch.Tensor) -> None:
    """Forward and backward, gradients of all weights and of the input."""
    layer(hidden).sum().backward()
    hidden.grad = None
    for weight in layer.parameters():
        weight.grad = None


@torch.inference_mode()
def decode_step(layer: torch.nn.Module, hidden: torch.Tensor) -> None:
    """Forward alone."""
    layer(hidden)


def seconds(work: Callable[[], None], least: float) -> float:
    """The time of one call, from as many as fill `least` seconds."""
    calls, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < least:
        work()
        calls += 1
    return spent / calls


def alternating(works: dict[str, Callable[[], None]], least: float) -> dict[str, float]:
    """The median time of each of several pieces of work, measured in turn."""
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            times[name].append(seconds(work, least))
    return {name: statistics.median(several) for name, several in times.items()}


def against_theirs(count: int, tokens: int, step: Callable, least: float) -> tuple[float, float, str]:
    """Our seconds, theirs at their fastest, and by which implementation."""
    ours, theirs = layers(count)
    hidden = torch.randn(1, tokens, WIDTH, generator=torch.Generator().manual_seed(1), requires_grad=step is train_step)
    expected = ours(hidden).detach()
    works = {"ours": lambda: step(ours, hidden)}
    for name in IMPLEMENTATIONS:
        theirs.experts.config._experts_implementation = name
        try:
            found = theirs(hidden).detach()
        except (RuntimeError, NotImplementedError) as error:
            print(f"  ({name} does not run here: {str(error).splitlines()[0]})")
            continue
        assert torch.allclose(found, expected, atol=1e-4), f"{name} computes something else"
        works[name] = _with(theirs, name, step, hidden)
    times = alternating(works, least)
    mine = times.pop("ours")
    fastest = min(times, key=times.__getitem__)
    return mine, times[fastest], fastest


def _with(theirs: Glm4MoeMoE, name: str, step: Callable, hidden: torch.Tensor) -> Callable[[], None]:
    def work() -> None:
        theirs.experts.config._experts_implementation = name
        step(theirs, hidden)

    return work


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{MANY} tokens, forward and backward, {options.threads} threads")
    mine: dict[int, float] = {}
    ratios: list[float] = []
    for count in COUNTS:
        mine[count], other, name = against_theirs(count, MANY, train_step, options.seconds)
        ratios.append(other / mine[count])
        times = f"{1e3 * mine[count]:7.1f} ms, theirs {1e3 * other:7.1f} ms ({name})"
        print(f"  {count:3} experts: {times}: {ratios[-1]:.2f}x")
    print(f"  mean {statistics.mean(ratios):.2f}x, least {min(ratios):.2f}x")
    hidden = torch.randn(1, MANY, WIDTH, requires_grad=True)
    same_work = {"dense": FeedForward(WIDTH, 3 * HIDDEN), "4": layers(4)[0], "32": layers(32)[0]}
    works = {name: partial(train_step, layer, hidden) for name, layer in same_work.items()}
    times = alternating(works, options.seconds)
    costs = [times["32"] / times["4"], times["32"] / times["dense"], times["4"] / times["dense"]]
    print(
        "  32 experts cost {:.2f} times 4; against a dense layer of the same active size {:.2f} and {:.2f}".format(
            *costs
        )
    )
    print("decoding, forward alone")
    for tokens in FEW:
        for count in (8, 64):
            ours, other, name = against_theirs(count, tokens, decode_step, options.seconds / 3)
            times = f"{1e6 * ours:6.0f} us, theirs {1e6 * other:6.0f} us ({name})"
            print(f"  {tokens:3} tokens, {count:2} experts: {times}: {other / ours:.2f}x")


if __name__ == "__main__":
    main()
