"""What is turned away: strangers, foreign web pages, bodies that are too large; and no request reaches a file."""

import asyncio
import builtins
import io
import os
import socket
from pathlib import Path
from urllib.parse import quote

import openai
import pytest

from course.serve import app, start
from course.serve.guard import LARGEST_BODY
from course.serve.server import listen
from tests.serve.requests import QUESTION, answers, chat, is_an_error, served

MODELS = ("GET", "/v1/models")
WAYS_TO_A_FILE = [(builtins, "open"), (io, "open"), *((os, name) for name in ("open", "stat", "listdir", "scandir"))]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "[::1]"])
def test_a_server_of_this_machine_goes_by_the_names_of_this_machine(host):
    (answer,) = answers((*MODELS, {"headers": {"host": host}}))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8000", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "192.168.1.5:8000",
     "[::2]", "[::1", "", "127.0.0.1:8000@evil.example", "0.0.0.0:8000", "::1"],
)  # fmt: skip
def test_any_other_name_is_refused_as_of_a_page_that_rebinds_its_own(host):
    refused, page = answers((*MODELS, {"headers": {"host": host}}), ("GET", "/", {"headers": {"host": host}}))
    assert is_an_error(refused, 403, "127.0.0.1") and page.status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://evil.example:8000", "null", "http://127.0.0.1:8001", "http://localhost:8000",
     "http://127.0.0.1:8000.evil.example", "http://[", "", "127.0.0.1:8000", "file://"],
)  # fmt: skip
def test_pages_of_other_addresses_may_not_use_it(origin):
    posted, listed = answers(chat(headers={"origin": origin}), (*MODELS, {"headers": {"origin": origin}}))
    assert is_an_error(posted, 403, "other addresses") and listed.status_code == 403
    assert "access-control-allow-origin" not in posted.headers


def test_the_page_that_the_server_brings_may_use_it():
    (answer,) = answers(chat(headers={"origin": "http://127.0.0.1:8000"}))
    assert answer.status_code == 200


def test_a_question_of_a_browser_whether_it_may_ask_from_elsewhere_is_refused():
    asking = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    (answer,) = answers(("OPTIONS", "/v1/chat/completions", {"headers": asking}))
    assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("sent", [None, "Bearer", "Bearer sesam", "sesame", "Bearer sesame2", "Basic sesame"])
def test_without_the_key_nothing_is_served(sent):
    sent = {"authorization": sent} if sent else {}
    kept = answers(
        chat(headers=sent), (*MODELS, {"headers": sent}), ("GET", "/openapi.json", {"headers": sent}), key="sesame"
    )
    assert all(is_an_error(one, 401, "api_key") for one in kept)


def test_with_the_key_it_is_and_whether_it_lives_anybody_may_know():
    told = {"headers": {"authorization": "Bearer sesame"}}
    served, listed, alive = answers(chat(**told), (*MODELS, told), ("GET", "/health", {}), key="sesame")
    assert (served.status_code, listed.status_code, alive.status_code) == (200, 200, 200)


def test_where_it_may_be_reached_from_elsewhere_it_goes_by_any_name_and_pages_stay_out():
    at = {"host": "class.example:8000", "authorization": "Bearer sesame"}
    fine, foreign = answers(
        chat(headers=at), chat(headers={**at, "origin": "http://evil.example"}), hosts=None, key="sesame"
    )
    assert (fine.status_code, foreign.status_code) == (200, 403)


def test_the_key_is_what_clients_pass_as_api_key():
    with start("mini-zero", key="sesame") as server:
        with openai.OpenAI(base_url=server.base_url, api_key="sesame") as client:
            assert client.models.list().data[0].id == "mini-zero"
        stranger = openai.OpenAI(base_url=server.base_url, api_key="other", max_retries=0)
        with stranger, pytest.raises(openai.AuthenticationError, match="pass it as api_key"):
            stranger.chat.completions.create(**QUESTION)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_other_machines_are_let_in_only_with_a_key(host):
    with pytest.raises(ValueError, match="give it a --key"):
        start("mini-zero", host=host)


def test_it_listens_at_this_machine_only_unless_told_otherwise():
    with start("mini-zero") as server:
        assert server.base_url.startswith("http://127.0.0.1:")
        port = int(server.base_url.split(":")[2].split("/")[0])
        with socket.create_server(("127.0.0.2", port)):
            pass  # nobody else has that address, as there would be one who listens everywhere
        with pytest.raises(OSError, match=f"port {port} .*choose another --port"):
            start("mini-zero", port=port)
    assert repr(server) == f"a server at {server.base_url}, stopped"
    server.stop()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_it_speaks_ipv6_where_it_is_told_to():
    with start("mini-zero", host="::1") as server:
        assert server.base_url.startswith("http://[::1]:")
        with openai.OpenAI(base_url=server.base_url, api_key="none") as client:
            assert client.chat.completions.create(**QUESTION).usage.completion_tokens == 2


def test_a_port_that_is_taken_is_told_before_anything_is_loaded():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="choose another --port"):
            listen("127.0.0.1", port)


def test_a_body_that_is_too_large_is_refused_whether_its_length_is_announced_or_not():
    async def in_parts():
        for _ in range(LARGEST_BODY // 1000 + 1):
            yield b" " * 1000

    large = b" " * (LARGEST_BODY + 1)
    announced, chunked, lied = answers(
        ("POST", "/v1/chat/completions", {"content": large}),
        ("POST", "/v1/chat/completions", {"content": in_parts()}),
        ("POST", "/v1/chat/completions", {"content": b"{}", "headers": {"content-length": "9" * 5000}}),
    )
    assert all(is_an_error(one, 413, "send less") for one in (announced, chunked, lied))
    (whole,) = answers(chat({**QUESTION, "ignored": "x" * (LARGEST_BODY - 1000)}))
    assert whole.status_code == 200


PATHS = [
    "../../etc/passwd",
    "/etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "file:///etc/passwd",
    "~/.ssh/id_rsa",
    "mini-base",
    "C:\\Windows\\win.ini",
    "course/model/checkpoints/mini-zero",
    "\x00",
    "https://evil.example/model",
]


def test_nothing_in_a_request_reaches_the_file_system(monkeypatch):
    """A model's name is looked up among those that are served, whatever it looks like."""
    opened = []

    def watch(function):
        def watched(*arguments, **options):
            opened.append(arguments)
            return function(*arguments, **options)

        return watched

    async def ask():
        async with served() as client:
            await client.post("/v1/chat/completions", json=QUESTION)  # what is imported late, is imported
            for place, name in WAYS_TO_A_FILE:
                monkeypatch.setattr(place, name, watch(getattr(place, name)))
            Path(__file__).read_bytes()
            seen = len(opened)
            named = [await client.post("/v1/chat/completions", json={**QUESTION, "model": path}) for path in PATHS]
            named += [await client.get(f"/v1/models/{quote(path, safe='')}") for path in PATHS]
            named += [await client.get(f"/{path}") for path in PATHS[:3]]
            typed = [{"role": "user", "content": path} for path in PATHS[:6]]
            said = [await client.post("/v1/chat/completions", json={**QUESTION, "messages": [one]}) for one in typed]
            monkeypatch.undo()
            return seen, named, said

    seen, named, said = asyncio.run(ask())
    assert all(is_an_error(one, 404) for one in named) and {one.status_code for one in said} == {200}
    assert seen > 0, "the watch sees a file that is read"
    source = Path(app.__file__)  # FastAPI looks up where the function is that refuses a request
    assert {Path(path) for path, *_ in opened[seen:]} <= {source}
