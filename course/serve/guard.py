"""What is turned away before a request is read: strangers, foreign web pages, and bodies that are too large.

A server on the reader's own machine can be reached by every web page that the reader's browser has open. Such a page
sends its own `Origin`, and one that has pointed a name of its own at this machine (DNS rebinding) sends that name as
`Host`; either is refused. Where the server can be reached from other machines, they have to know a key.
"""

import json
import secrets
from urllib.parse import urlsplit

from course.serve.protocol import Refused

LARGEST_BODY = 256 * 1024  # bytes
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
OPEN = ("/", "/health")  # what needs no key: the page asks for it


class Guard:
    """ASGI middleware. `hosts` are the names that this server goes by; None where it may go by any."""

    def __init__(self, app, *, hosts: tuple[str, ...] | None = LOOPBACK, key: str | None = None):
        self.app, self.hosts, self.key = app, hosts, key

    async def __call__(self, scope, receive, send) -> None:
        """Pass a request on, or answer it with the reason why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._check(scope["path"], headers)
            receive = await _read(receive, headers.get("content-length"))
        except Refused as refused:
            await _answer(send, refused)
            return
        await self.app(scope, receive, send)

    def _check(self, path: str, headers: dict[str, str]) -> None:
        host = headers.get("host", "")
        if self.hosts is not None and _name(f"//{host}") not in self.hosts:
            raise Refused(403, f"this server does not go by the name {host[:100]!r}: use http://127.0.0.1 and its port")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise Refused(403, "web pages of other addresses may not use this server")
        if self.key and path not in OPEN:
            sent = headers.get("authorization", "")
            if not secrets.compare_digest(sent.encode(), f"Bearer {self.key}".encode()):
                raise Refused(401, "this server wants its key: pass it as api_key", code="invalid_api_key")


def _name(address: str) -> str:
    """The host of an address without its port; the empty string if it is none."""
    try:
        name = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    return f"[{name}]" if ":" in name else name


async def _read(receive, announced: str | None):
    """The body, read here so that it can be measured, and a `receive` that hands it on."""
    if announced is not None and announced.isdecimal() and float(announced) > LARGEST_BODY:
        raise _too_large()
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            raise _too_large()
    messages = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def handed_on():
        return messages.pop() if messages else await receive()

    return handed_on


def _too_large() -> Refused:
    return Refused(413, f"a request of more than {LARGEST_BODY} bytes: send less", code="request_too_large")


async def _answer(send, refused: Refused) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(refused.body()).encode()})
