"""Starting and stopping the server: from the command line, or in one cell of a notebook and another."""

import signal
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn

from course.model import load
from course.model.transformer import Transformer
from course.serve.app import build
from course.serve.guard import LOOPBACK

STARTS_WITHIN = 30  # seconds
LOCAL = ("127.0.0.1", "localhost", "::1")


class Running:
    """A server in a thread of this process, with `base_url` for clients. Also a context manager."""

    def __init__(self, server: uvicorn.Server, listening: socket.socket):
        self.base_url = f"{_address(listening)}/v1"
        self._server = server
        self._thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True, name="server")
        self._thread.start()
        deadline = time.monotonic() + STARTS_WITHIN
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the server did not start: its messages are above")
            time.sleep(0.01)

    def stop(self) -> None:
        """Finish what is running and stop. Doing it again does nothing."""
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "running" if self._thread.is_alive() else "stopped"
        return f"a server at {self.base_url}, {state}"


def start(*models: str | Path, host: str = "127.0.0.1", port: int = 0, key: str | None = None) -> Running:
    """Serve models of the course (`mini-zero` unless named) in this process, at any free port unless told which.

    Raises OSError if the port is taken, and ValueError for a model that is not of the course's own network.
    """
    _require_key(host, key)
    listening = listen(host, port)
    try:
        return Running(_server(models or ("mini-zero",), host, key, log_level="warning"), listening)
    except BaseException:
        listening.close()
        raise


def run(models: list[str], host: str, port: int, key: str | None) -> None:
    """Serve until this process is told to stop; what is running then is finished first."""
    _require_key(host, key)
    listening = listen(host, port)
    server = _server(models, host, key, log_level="info")
    print(f"{' and '.join(models)} at {_address(listening)}/v1; a page to chat on: {_address(listening)}/")
    print("Control-C stops it", flush=True)  # a program that started it waits for the address
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # to whom uvicorn hands it on once all is finished
    server.run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket to listen at. Raises OSError with what to do if that address is taken, or is none of this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]
        raise OSError(f"cannot listen at {host}, port {port} ({why}): choose another --port or --host") from None


def _require_key(host: str, key: str | None) -> None:
    if host not in LOCAL and not key:
        raise ValueError(f"at {host} other machines can reach the server: give it a --key, or leave --host out")


def _server(models, host: str, key: str | None, log_level: str) -> uvicorn.Server:
    names = LOOPBACK if host in LOCAL else None
    app = build({Path(name).name: _own(name) for name in models}, hosts=names, key=key)
    config = uvicorn.Config(app, log_level=log_level, access_log=False, lifespan="on", ws="none")
    return uvicorn.Server(config)


def _own(name: str | Path) -> tuple:
    model, tokenizer = load(name)
    if not isinstance(model, Transformer):
        raise ValueError(f"{name} is not a model of the course's own network, and only those are served")
    return model, tokenizer


def _address(listening: socket.socket) -> str:
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
