"""Requests nobody thought of, from the server's description of itself or broken on purpose: none makes it fail."""

import asyncio
import json
import os
import random

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from course.model import load
from course.serve.app import build
from tests.serve.requests import HERE, served

BROKEN = int(os.environ.get("MALFORMED_BODIES", "1000"))  # 10,000 before a release
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "40"))  # of each kind of request
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
WHOLE = {
    "model": "mini-zero",
    "messages": [
        {"role": "user", "content": "What is 2+3?"},
        {"role": "assistant", "content": "5", "reasoning_content": "2+3=5", "tool_calls": [CALL]},
        {"role": "tool", "content": [{"type": "text", "text": "5"}], "tool_call_id": "c"},
    ],
    "max_tokens": 2, "max_completion_tokens": 2, "temperature": 1.0, "top_p": 0.9, "n": 2, "seed": 1,
    "stop": ["x", "y"], "stream": False, "stream_options": {"include_usage": True}, "logprobs": True,
    "top_logprobs": 2, "thinking": {"type": "enabled"}, "reasoning_effort": "low", "presence_penalty": 0.0,
    "logit_bias": {}, "response_format": {"type": "text"}, "tools": [{}], "tool_choice": "auto",
}  # fmt: skip
STRANGE = [
    None, True, False, 0, -1, 1, 2**63, -(2**64), 10**400, 1e400, -0.0, float("nan"), float("-inf"), 1e-320,
    "", " ", "\0", "\ud800", "é", "<eos>", "a" * 25_000, "\n" * 300, [], {}, [[]], [None], {"": None}, ["x"] * 70,
    {"\udfff": "\ud800"},
    [{}] * 5, "mini-zero", "user", "text", {"type": "text"}, {"a": {"b": {"c": []}}}, [[[[[]]]]] * 3,
]  # fmt: skip


def places(value, path=()):
    """The way to every value in a piece of JSON."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from places(one, (*path, key))


def changed(generator, whole):
    """The JSON with one value replaced, removed, doubled, or a field of a strange name beside it."""
    value = json.loads(json.dumps(whole))
    *way, last = generator.choice([path for path in places(value) if path])
    holder = value
    for key in way:
        holder = holder[key]
    kind = generator.choice(["replace", "replace", "remove", "double", "add"])
    if kind == "remove":
        del holder[last]
    elif kind == "double" and isinstance(holder, list):
        holder.insert(last, holder[last])
    elif kind == "add" and isinstance(holder, dict):
        holder[generator.choice(["", "\ud800", "__class__", "messages", "role"])] = generator.choice(STRANGE)
    else:
        holder[last] = generator.choice(STRANGE)
    return value


def malformed(generator):
    """The bytes of a body in which something is wrong, or may be."""
    value = WHOLE
    for _ in range(generator.choice([0, 1, 1, 2, 3])):
        value = changed(generator, value) or WHOLE
    body = bytearray(json.dumps(value), "ascii")
    if generator.random() < 0.4:
        for _ in range(generator.choice([1, 2, 20])):
            place = generator.randrange(len(body) or 1)
            how = generator.choice(["flip", "cut", "insert", "nest"])
            if how == "flip" and body:
                body[place] ^= 1 << generator.randrange(8)
            elif how == "cut":
                del body[place : place + generator.choice([1, 10, len(body)])]
            elif how == "insert":
                body[place:place] = generator.randbytes(generator.choice([1, 4]))
            else:
                body[place:place] = generator.choice([b"[", b'{"a":', b"9", b'"']) * generator.choice([1, 5000])
    return bytes(body)


def in_the_api_s_form(answer):
    """Whether a refusal says what clients of this API look for."""
    error = answer.json()["error"]
    return set(answer.json()) == {"error"} and set(error) == {"message", "type", "param", "code"} and error["message"]


@pytest.mark.slow
def test_no_malformed_body_is_a_failure_of_the_server():
    generator, kinds = random.Random(0), ["application/json"] * 8 + ["text/plain", "application/json; charset=utf-16"]
    statuses = {}

    async def send(client, number):
        body, kind = malformed(generator), generator.choice(kinds)
        answer = await client.post("/v1/chat/completions", content=body, headers={"content-type": kind})
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (number, body[:500], answer.text)
        assert answer.status_code == 200 or in_the_api_s_form(answer), (number, body[:500], answer.text)

    async def send_all():
        async with served() as client:
            for start in range(0, BROKEN, 20):
                await asyncio.gather(*(send(client, number) for number in range(start, start + 20)))
            answer = await client.post("/v1/chat/completions", json={**WHOLE, "seed": 1})
            assert answer.status_code == 200, "and it goes on"

    asyncio.run(send_all())
    print(statuses)
    assert statuses[200] > BROKEN / 10 and statuses[400] > BROKEN / 4, "what is sent is broken, but not all of it"


@pytest.fixture(scope="module")
def description():
    """The server's own description of itself, and the server in this process."""
    return schemathesis.openapi.from_asgi("/openapi.json", build({"mini-zero": load("mini-zero")}, hosts=None))


@pytest.mark.slow
@schemathesis.pytest.from_fixture("description").parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_the_description_allows_and_forbids_is_no_failure_of_the_server(case):
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
        case.body |= {"model": "mini-zero"} | ({"max_tokens": 2} if "max_tokens" in case.body else {})
    response = case.call(base_url=HERE)
    case.validate_response(response, checks=[not_a_server_error])
    assert response.status_code < 400 or in_the_api_s_form(response)
