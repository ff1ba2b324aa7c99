"""The guard itself: nothing leaves this machine, from here or from what a test starts."""

import os
import socket
import subprocess
import sys
import urllib.request

import pytest

OUTSIDE = "192.0.2.1"  # for documentation only (RFC 5737): nobody answers there


def test_another_machine_cannot_be_reached():
    with socket.socket() as probe, pytest.raises(OSError, match="no network"):
        probe.connect((OUTSIDE, 80))
    with socket.socket(type=socket.SOCK_DGRAM) as probe, pytest.raises(OSError, match="no network"):
        probe.sendto(b"hello", (OUTSIDE, 53))


def test_names_are_not_looked_up():
    with pytest.raises(OSError, match="no network"):
        socket.getaddrinfo("example.org", 443)
    with pytest.raises(OSError, match="no network"):
        urllib.request.urlopen("https://example.org", timeout=1)


def test_loopback_works():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        assert server.accept()[0]
    assert socket.getaddrinfo("localhost", 80)


def test_a_pair_of_sockets_works():
    one, other = socket.socketpair()  # Unix sockets, where there are any
    with one, other:
        one.sendall(b"hello")
        assert other.recv(5) == b"hello"


def test_a_python_that_a_test_starts_is_blocked_too():
    code = f"import socket; socket.create_connection(({OUTSIDE!r}, 80), timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "NetworkBlocked" in done.stderr


def test_proxies_do_not_help():
    code = "import urllib.request; urllib.request.urlopen('http://example.org', timeout=1)"
    environment = dict(os.environ, http_proxy=f"http://{OUTSIDE}:3128")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "NetworkBlocked" in done.stderr
