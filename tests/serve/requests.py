"""Servers to ask: one in this process, without a socket, and one as a process of its own."""

import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager

import httpx

from course.model import load
from course.serve.app import build

HERE = "http://127.0.0.1:8000"
QUESTION = {"model": "mini-zero", "messages": [{"role": "user", "content": "What is 2+3?"}], "max_tokens": 2}


@asynccontextmanager
async def served(**options):
    """A client of an application with `mini-zero`, which is up for as long as the block lasts."""
    app = build({"mini-zero": load("mini-zero")}, **options)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            yield client


def answers(*requests, **options):
    """The answers to requests, one after the other, each given as the arguments of `httpx.AsyncClient.request`."""

    async def all_of_them():
        async with served(**options) as client:
            return [await client.request(method, path, **more) for method, path, more in requests]

    return asyncio.run(all_of_them())


def chat(body=QUESTION, **more):
    """The arguments of a request for a completion."""
    return "POST", "/v1/chat/completions", {"json": body, **more}


def is_an_error(answer, status, *words):
    """Whether an answer is this error in the form of the API, with these words in its message."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return answer.status_code == status and all(word in error["message"] for word in words)


@contextmanager
def in_a_process(*models):
    """A server as a process of its own, and the address that it prints; it is told to stop at the end."""
    names = [part for model in models for part in ("--model", model)]
    command = [sys.executable, "-m", "course", "serve", "--port", "0", *names]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().split(" at ")[1].split(";")[0]
        finally:
            process.terminate()
            process.wait(60)
