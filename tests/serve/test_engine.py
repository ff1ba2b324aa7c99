"""Between requests and the batch: who leaves makes room, who fails is told, and stopping finishes what is running."""

import asyncio
import contextlib
import json
import os
import signal
import time

import httpx
import openai
import pytest
import torch
import uvicorn

from course.model.continuous import Batch
from course.serve import engine
from course.serve.app import build
from course.serve.server import Running, listen
from course.world.tokenizer import load_tokenizer
from tests.model.conftest import SIZES, fresh
from tests.serve.requests import in_a_process

LONG = {"model": "random", "messages": [{"role": "user", "content": "go on"}], "seed": 1}
PATIENCE = 5  # seconds; an undisturbed reply takes longer


@contextlib.contextmanager
def running(models, **options):
    """A server of models that are here already."""
    config = uvicorn.Config(build(models, **options), log_level="critical", lifespan="on", ws="none")
    with Running(uvicorn.Server(config), listen("127.0.0.1", 0)) as server:
        yield server


@contextlib.contextmanager
def client_of(models):
    """A client of such a server that does not ask again where it was refused."""
    with running(models) as server, openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        yield client


async def first_drawn(slow):
    """Wait until the first reply is being drawn."""
    while not slow or not slow[0].rows:
        await asyncio.sleep(0.01)


@pytest.fixture
def slow(monkeypatch):
    """Steps take a fortieth of a second, and the batch that takes them can be looked at."""
    seen, step = [], Batch.step

    def slowly(batch):
        seen.append(batch)
        time.sleep(0.025)
        return step(batch)

    monkeypatch.setattr(Batch, "step", slowly)
    return seen


@pytest.fixture
def random_model():
    """A network that has learned nothing: its replies hardly ever end by themselves."""
    model = fresh(SIZES["dense"])
    return {"random": (model, load_tokenizer())}


def until(condition):
    """Wait for something that has to happen soon."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_a_client_that_leaves_frees_its_place(streamed, slow, random_model):
    with running(random_model, places=1) as server, httpx.Client(base_url=server.base_url, timeout=60) as client:
        if streamed:
            with client.stream("POST", "chat/completions", json={**LONG, "stream": True}) as answer:
                lines = answer.iter_lines()
                assert next(lines).startswith("data: ")
                until(lambda: slow and slow[0].rows and len(slow[0].rows[0].token_ids) > 3)
        else:
            with pytest.raises(httpx.ReadTimeout):
                client.post("chat/completions", json=LONG, timeout=1)
        (batch,) = set(slow)
        until(lambda: not batch.busy)
        assert len(slow) < 200, "long before the context is full"
        waiting = client.post("chat/completions", json={**LONG, "max_tokens": 2}).json()
        assert waiting["usage"]["completion_tokens"] == 2


@pytest.mark.slow
def test_a_client_that_leaves_while_it_waits_is_never_drawn_for(slow, random_model):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running(random_model, places=1))
        client = stack.enter_context(httpx.Client(base_url=server.base_url, timeout=60))
        stack.enter_context(client.stream("POST", "chat/completions", json={**LONG, "stream": True}))
        until(lambda: slow and slow[0].rows)
        with pytest.raises(httpx.ReadTimeout):
            client.post("chat/completions", json=LONG, timeout=0.5)
        until(lambda: not slow[0].waiting)
        assert len(slow[0].rows) == 1, "who came first is still there"


@pytest.mark.slow
def test_a_reply_that_a_stop_string_ends_frees_its_place(slow, random_model):
    with running(random_model, places=1) as server, httpx.Client(base_url=server.base_url, timeout=60) as client:
        stop = {**LONG, "stop": list("aeio"), "thinking": {"type": "disabled"}}
        answer = client.post("chat/completions", json=stop).json()
        assert answer["choices"][0]["finish_reason"] == "stop"
        until(lambda: not slow[0].busy)
        assert len(slow) < 200


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a process that is told to stop is not asked")
@pytest.mark.slow
def test_told_to_stop_the_server_finishes_what_is_running_and_ends_with_status_0():
    body = {"model": "mini-zero", "messages": [{"role": "user", "content": "How many r's are in strawberry?"}]}
    body |= {"n": 16, "seed": 3, "max_tokens": 160, "thinking": {"type": "enabled"}, "stream": True, "temperature": 1.2}

    def texts(lines):
        found = [""] * 16
        for line in lines:
            if line.startswith("data: {"):
                for choice in json.loads(line[6:])["choices"]:
                    delta = choice["delta"]
                    found[choice["index"]] += (delta.get("reasoning_content") or "") + (delta.get("content") or "")
        return found

    with in_a_process("mini-zero") as (process, address), httpx.Client(base_url=address, timeout=60) as client:
        whole = texts(client.post("chat/completions", json=body).text.splitlines())
        with client.stream("POST", "chat/completions", json=body) as answer:
            lines = answer.iter_lines()
            begun = [next(lines) for _ in range(60)]
            process.send_signal(signal.SIGTERM)
            rest = list(lines)
        assert [line for line in rest if line][-1] == "data: [DONE]" and len(rest) > 100, "it was in the middle"
        assert texts(begun + rest) == whole
        assert process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            client.get("models")


@pytest.mark.slow
def test_stopping_in_a_notebook_finishes_what_is_running(slow, random_model):
    async def stopped_midway(server):
        async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as client:
            asking = asyncio.create_task(client.post("chat/completions", json={**LONG, "max_tokens": 40}))
            await first_drawn(slow)
            await asyncio.to_thread(server.stop)
            return await asking

    with running(random_model) as server:
        answer = asyncio.run(stopped_midway(server))
    assert answer.status_code == 200 and answer.json()["usage"]["completion_tokens"] == 40


def test_a_model_that_fails_is_an_error_of_the_client_and_the_server_goes_on(random_model):
    model, _ = random_model["random"]
    kept = model.embedding.weight.detach().clone()
    with client_of(random_model) as client:
        before = client.chat.completions.create(**LONG, max_tokens=20).choices
        with torch.no_grad():
            model.embedding.weight.fill_(float("nan"))
        with pytest.raises(openai.InternalServerError, match="not numbers") as told:
            client.chat.completions.create(**LONG, max_tokens=20)
        assert (told.value.status_code, told.value.type) == (500, "server_error")
        with pytest.raises(openai.APIError, match="not numbers"):
            list(client.chat.completions.create(**LONG, stream=True))
        with torch.no_grad():
            model.embedding.weight.copy_(kept)
        assert client.chat.completions.create(**LONG, max_tokens=20).choices == before


@pytest.mark.slow
def test_who_waits_while_a_step_fails_is_served_afterwards(slow, random_model, monkeypatch):
    step = Batch.step

    def fails_once(batch):
        if batch.waiting and batch.rows:
            monkeypatch.setattr(Batch, "step", step)
            batch.rows.clear()
            raise ValueError("the model is ill")
        return step(batch)

    async def both(address):
        async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0) as client:
            first = asyncio.create_task(client.chat.completions.create(**LONG))
            await first_drawn(slow)
            second = client.chat.completions.create(**LONG, max_tokens=3)
            return await asyncio.gather(first, second, return_exceptions=True)

    monkeypatch.setattr(Batch, "step", fails_once)
    with running(random_model, places=1) as server:
        failed, served = asyncio.run(both(server.base_url))
    assert isinstance(failed, openai.InternalServerError) and "the model is ill" in str(failed)
    assert served.usage.completion_tokens == 3


def test_when_too_many_wait_clients_are_told_to_come_again(random_model, monkeypatch):
    with client_of(random_model) as client:
        monkeypatch.setattr(engine, "MOST_WAITING", 3)
        with pytest.raises(openai.RateLimitError, match="try again in a second") as told:
            client.chat.completions.create(**LONG, n=4, max_tokens=2)
        assert told.value.response.headers["retry-after"] == "1"
        assert client.chat.completions.create(**LONG, n=3, max_tokens=2).usage.completion_tokens == 6


@pytest.mark.slow
def test_a_request_that_arrives_during_a_long_batch_joins_it(slow, random_model):
    async def both(server):
        async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as client:
            long = asyncio.create_task(client.post("chat/completions", json={**LONG, "n": 3, "max_tokens": 300}))
            await first_drawn(slow)
            before = len(slow)
            late = await client.post("chat/completions", json={**LONG, "max_tokens": 3})
            took = len(slow) - before
            assert not long.done()
            long.cancel()
            return late.json()["usage"]["completion_tokens"], took

    with running(random_model, places=4) as server:
        tokens, steps = asyncio.run(both(server))
    assert tokens == 3 and steps <= 3 + 6, "three tokens, and the way to the server and back"


@pytest.mark.slow
def test_who_reads_along_gets_each_token_although_others_wait_only_for_the_end(slow, random_model):
    async def both(server):
        async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as client:
            long = asyncio.create_task(client.post("chat/completions", json={**LONG, "max_tokens": 300}))
            await first_drawn(slow)
            before, steps = len(slow), []
            body = {**LONG, "max_tokens": 12, "stream": True, "thinking": {"type": "disabled"}}
            async with client.stream("POST", "chat/completions", json=body) as answer:
                async for line in answer.aiter_lines():
                    if '"content": "' in line and '"role"' not in line:
                        steps.append(len(slow) - before)
            long.cancel()
            return steps

    with running(random_model) as server:
        steps = asyncio.run(both(server))
    assert steps[0] <= 4, "its first token after a step or two, and the way to the server and back"
    assert len(steps) >= 6 and steps[-1] <= 16
