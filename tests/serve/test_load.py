"""32 clients at once: no failure, no answer mixed up, no memory kept.

`REQUESTS_EACH=100 pytest tests/serve/test_load.py -s` is the whole of it, and prints the figures.
"""

import asyncio
import json
import os
import time

import httpx
import psutil
import pytest
import torch

from course.model.sampling import sampling_logprobs
from course.world import FAMILIES, draw_problems
from course.world.tokenizer import encode
from tests.serve.requests import in_a_process

CLIENTS = 32
EACH = int(os.environ.get("REQUESTS_EACH", "8"))
DIFFERENT = min(200, CLIENTS * EACH // 4)
GROWTH = 16 * 2**20  # bytes that the second half may add: the allocator keeps up to 8 more, then none in thousands
QUESTIONS = [problem.question for family in FAMILIES for problem in draw_problems(family, 40, seed=3)]
ROUNDING = 1e-5  # of a cumulative probability in single precision, summed in another order


def asked(number):
    """A request of mixed length and kind, a third of them streamed; the same number, the same request."""
    number %= DIFFERENT
    body = {"model": "mini-zero", "seed": number, "max_tokens": (6, 40, 160, 160)[number % 4]}
    body |= {"temperature": (1.0, 0.0, 0.8, 1.0, 1.2)[number % 5], "top_p": (1.0, 1.0, 0.9)[number % 3 - 1]}
    body |= {"stream": True, "stream_options": {"include_usage": True}} if number % 3 == 0 else {}
    question = QUESTIONS[number * 7 % len(QUESTIONS)]
    return body | {"messages": [{"role": "user", "content": question}]}


async def reply(client, body):
    """Thoughts, answer, why it ended, and how many tokens it took, streamed or whole."""
    if not body.get("stream"):
        answer = await client.post("chat/completions", json=body)
        answer.raise_for_status()
        found = answer.json()
        (choice,) = found["choices"]
        thoughts, content = choice["message"]["reasoning_content"] or "", choice["message"]["content"]
        return thoughts, content, choice["finish_reason"], found["usage"]["completion_tokens"]
    thoughts, content, ended, tokens, last = "", "", None, None, None
    async with client.stream("POST", "chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            last = line or last
            if not line or line == "data: [DONE]":
                continue
            chunk = json.loads(line.removeprefix("data: "))
            tokens = chunk["usage"]["completion_tokens"] if "usage" in chunk else tokens
            for choice in chunk["choices"]:
                thoughts += choice["delta"].get("reasoning_content") or ""
                content += choice["delta"].get("content") or ""
                ended = choice["finish_reason"] or ended
    assert last == "data: [DONE]"
    return thoughts, content, ended, tokens


async def replies(address, numbers, clients):
    """The replies to requests by number, asked by so many clients at once, and how long they took."""
    waiting, found = iter(list(numbers)), []

    async def one_client(http):
        for number in waiting:
            found.append((number, await reply(http, asked(number))))

    start = time.perf_counter()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=600, limits=limits) as http:
        await asyncio.gather(*(one_client(http) for _ in range(clients)))
    return found, time.perf_counter() - start


def was_a_near_tie(zero, body):
    """Whether the reply, drawn alone, has a draw so near the border between two tokens that rounding tips it."""
    model, tokenizer = zero
    ids = encode(tokenizer, f"<user>{body['messages'][0]['content']}<assistant>")
    uniform = torch.rand(body["max_tokens"], generator=torch.Generator().manual_seed(body["seed"]))
    with torch.inference_mode():
        for number in uniform:
            logits = model(torch.tensor([ids])).logits[0, -1]
            choices = sampling_logprobs(logits, body["temperature"], body["top_p"]).exp()
            first, second = choices.topk(2).values
            reached = choices.double().cumsum(-1)
            apart = float(first - second) if not body["temperature"] else float((reached - number).abs().min())
            if apart < ROUNDING:
                return True
            token = int(choices.argmax()) if not body["temperature"] else int((reached <= number).sum())
            ids.append(token)
            if token == tokenizer.eos_token_id:
                break
    return False


@pytest.mark.slow
def test_thirty_two_clients_get_what_each_gets_alone_and_memory_stays_flat(zero):
    total = CLIENTS * EACH
    with in_a_process("mini-zero") as (process, address):
        memory = psutil.Process(process.pid).memory_info
        pairs, seconds = asyncio.run(replies(address, range(DIFFERENT), 1))
        alone = dict(pairs)
        one = sum(found[-1] for found in alone.values()) / seconds
        asyncio.run(replies(address, range(DIFFERENT), CLIENTS))
        first, took = asyncio.run(replies(address, range(total // 2), CLIENTS))
        half = memory().rss
        second, more = asyncio.run(replies(address, range(total // 2, total), CLIENTS))
        grown = memory().rss - half
    together = first + second
    many = sum(found[-1] for _, found in together) / (took + more)
    others = sorted({number % DIFFERENT for number, found in together if found != alone[number % DIFFERENT]})
    wrong = sum(found != alone[number % DIFFERENT] for number, found in together)
    print(
        f"{total} requests, {wrong} other than alone; {one:.0f} tokens/s by one client, {many:.0f} by {CLIENTS}, ",
        end="",
    )
    print(f"{many / one:.1f} times; {half / 2**20:.0f} MB after the first half, {grown / 2**20:+.1f} after the second")
    assert len(together) == total and wrong <= max(1, total // 1000)
    assert all(was_a_near_tie(zero, asked(number)) for number in others), others
    assert grown < GROWTH
