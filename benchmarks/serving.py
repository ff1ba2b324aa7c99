"""Tokens per second of `course serve` against `transformers serve`: same checkpoint, same requests, same run.

Questions of the five families, asked greedily and answered to their natural end, by 1, 8 and 32 clients at once over
HTTP; the median of three alternating runs. The peer runs in single precision on the CPU, once as it comes and once with
its continuous batching, and is told that there is no network. While one server is asked, the others are stopped.
`python benchmarks/serving.py [CHECKPOINT]`; it needs the extras `lab` and `peers`.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx

from course.model.pretrained import checkpoints
from course.world import FAMILIES, draw_problems

CLIENTS, RUNS = (1, 8, 32), 3
REQUESTS = {1: 12, 8: 64, 32: 192}  # in each run
LONGEST = 160  # tokens
TARGETS = {"transformers serve": 3.0, "with continuous batching": 1.5}  # times their speed at 32 clients
STARTS_WITHIN = 120  # seconds


def questions() -> list[str]:
    """The questions, families taking turns."""
    each = -(-max(REQUESTS.values()) // len(FAMILIES))
    several = zip(*(draw_problems(family, each, split="test") for family in FAMILIES))
    return [problem.question for problem in itertools.chain.from_iterable(several)]


@dataclass(frozen=True)
class Server:
    """Where requests go, and the process that answers them."""

    address: str
    process: subprocess.Popen


@contextlib.contextmanager
def alone(server: Server, servers: Iterable[Server]):
    """Every other server stops for as long as the block lasts: some are busy even when nobody asks."""
    others = [one.process for one in servers if one is not server]
    for process in others:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in others:
            process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def served(command: list[str], port: int):
    """A server as a process of its own, once it answers."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + STARTS_WITHIN
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    sys.exit(f"{command[0]} did not start:\n{log.read().decode()[-2000:]}")
                time.sleep(0.1)
            yield Server(f"http://127.0.0.1:{port}/v1/chat/completions", process)
        finally:
            process.terminate()
            process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


async def speed(address: str, model: str, clients: int) -> float:
    """Tokens per second over all requests of one run."""
    waiting, drawn = iter(questions()[: REQUESTS[clients]]), 0

    async def client(http: httpx.AsyncClient) -> None:
        nonlocal drawn
        for question in waiting:
            body = {"model": model, "messages": [{"role": "user", "content": question}], "temperature": 0}
            answer = await http.post(address, json={**body, "max_tokens": LONGEST})
            answer.raise_for_status()
            drawn += answer.json()["usage"]["completion_tokens"]

    start = time.perf_counter()
    async with httpx.AsyncClient(timeout=300, limits=httpx.Limits(max_connections=None)) as http:
        await asyncio.gather(*(client(http) for _ in range(clients)))
    return drawn / (time.perf_counter() - start)


def main() -> None:
    """Print tokens per second and ratios; the exit status is 1 if the target is missed."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else checkpoints()["mini-zero"]
    ports = [free_port() for _ in range(3)]
    peer = ["transformers", "serve", str(folder), "--device", "cpu", "--dtype", "float32"]
    commands = {
        "ours": [sys.executable, "-m", "course", "serve", "--model", str(folder)],
        "transformers serve": peer,
        "with continuous batching": [*peer, "--continuous-batching"],
    }
    found: dict[tuple[str, int], list[float]] = {}
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(served([*command, "--port", str(port)], port))
            for (name, command), port in zip(commands.items(), ports, strict=True)
        }
        for run, clients, name in itertools.product(range(RUNS + 1), CLIENTS, commands):
            model = folder.name if name == "ours" else str(folder)
            with alone(servers[name], servers.values()):
                rate = asyncio.run(speed(servers[name].address, model, clients))
            if run:  # the first is for warming up
                found.setdefault((name, clients), []).append(rate)
    for clients in CLIENTS:
        rates = {name: statistics.median(found[name, clients]) for name in commands}
        ratios = {name: rates["ours"] / rates[name] for name in TARGETS}
        shown = "; ".join(f"{name} {rates[name]:.0f}, ours {ratio:.1f} times" for name, ratio in ratios.items())
        print(f"{clients:2} clients, tokens per second: ours {rates['ours']:.0f}; {shown}")
    gain = statistics.median(found["ours", 32]) / statistics.median(found["ours", 1])
    print(f"ours, 32 clients against one: {gain:.1f} times")
    sys.exit(any(ratios[name] < target for name, target in TARGETS.items()))


if __name__ == "__main__":
    main()
