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
from tests.serve.requests import HERE, answers, is_an_error, served

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
JSON = {"headers": {"content-type": "application/json"}}
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


@pytest.mark.parametrize(
    "change",
    [
        {"model": "\ud800"},
        {"messages": [{"role": "user", "content": "\udfff?"}]},
        {"messages": [{"role": "\ud800", "content": "hi"}]},
        {"logit_bias": {"\ud800": "much"}},
        {"tool_choice": {"\ud800": "\ud800"}},
        {"response_format": {"type": "\ud800"}},
        {"reasoning_effort": "\ud800"},
        {"stop": ["\ud800"]},
    ],
    ids=str,
)
def test_half_a_surrogate_pair_which_json_may_hold_is_refused_wherever_it_stands(change):
    """No answer could repeat it: UTF-8 has no bytes for it."""
    (answer,) = answers(("POST", "/v1/chat/completions", {"content": json.dumps({**WHOLE, **change})} | JSON))
    assert is_an_error(answer, 400)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "the body is not JSON: Expecting property name enclosed in double quotes at character 1"),
        (b"", "body: Field required"),
        (b"[" * 100_000, "send JSON"),
        (b"9" * 5000, "send JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"[]", "body: "),
    ],
    ids=["cut", "empty", "deep", "long number", "no UTF-8", "list"],
)
def test_what_is_no_request_at_all_is_refused_with_the_reason(body, words):
    (answer,) = answers(("POST", "/v1/chat/completions", {"content": body} | JSON))
    assert is_an_error(answer, 400, words)


def test_an_address_that_is_none_of_the_server_s_is_told_where_to_go():
    for answer in answers(("GET", "/v1/completions", {}), ("GET", "/../etc/passwd", {})):
        assert is_an_error(answer, 404, "/v1/chat/completions")
    (answer,) = answers(("DELETE", "/v1/models", {}))
    assert is_an_error(answer, 405) and answer.headers["allow"] == "GET"


def test_a_fault_of_the_server_itself_is_told_in_the_same_form(monkeypatch):
    monkeypatch.setattr("course.serve.app.require_supported", lambda _: 1 / 0)
    (answer,) = answers(("POST", "/v1/chat/completions", {"json": WHOLE}))
    assert is_an_error(answer, 500, "ZeroDivisionError") and answer.json()["error"]["type"] == "server_error"


def test_a_text_that_cannot_fit_holds_nobody_up(monkeypatch):
    """Control tokens that somebody typed are cut apart one by one, which took seconds for a body full of them."""
    encoded = []
    monkeypatch.setattr("course.serve.engine.encode", lambda _, text: encoded.append(len(text)) or [2])
    long = {**WHOLE, "messages": [{"role": "user", "content": "<eos>" * 4000}] * 10}
    assert is_an_error(
        answers(("POST", "/v1/chat/completions", {"json": long}))[0], 400, "or more tokens", "shorten it"
    )
    assert encoded == []


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
