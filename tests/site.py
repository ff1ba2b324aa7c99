"""The built site and its address on this machine: fixtures for every test that looks at it."""

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.project import ROOT

SITE = ROOT / "book" / "_build" / "html"


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the site, built once in a session; whoever uses it belongs to the xdist group `browser`."""
    done = subprocess.run([sys.executable, "-m", "book.build"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return SITE


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a server on this machine serves a folder, without a line on the screen for each file."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    serve = functools.partial(quiet, directory=os.fspath(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="session")
def address(site) -> Iterator[str]:
    """Where a server on this machine serves it."""
    with served(site) as address:
        yield address
