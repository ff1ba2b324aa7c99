"""No connection leaves this machine: anything but loopback and Unix sockets is refused, loudly.

Python runs a module of this name as it starts. With this folder on PYTHONPATH, every Python that a test starts obeys:
kernels, JupyterLab, papermill, Sphinx. Not covered: programs that are not Python, and C code with its own sockets.
"""

import ipaddress
import socket
import sys

CONNECTING = {"socket.connect", "socket.sendto", "socket.sendmsg"}  # arguments: the socket, the address
LOOKING_UP = {"socket.getaddrinfo", "socket.gethostbyname"}  # arguments: the host, ...


class NetworkBlocked(OSError):
    """A test tried to reach another machine."""


def stays_here(host: object) -> bool:
    """Whether a host is this machine: a loopback address, its own name, or none at all.

    >>> stays_here("127.0.0.1"), stays_here("::1"), stays_here("localhost"), stays_here("example.org")
    (True, True, True, False)
    """
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name in ("localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def refuse(event: str, arguments: tuple) -> None:
    """The audit hook: raise NetworkBlocked for whatever would leave this machine."""
    if event in CONNECTING:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # Unix sockets have paths
    elif event in LOOKING_UP:
        host = arguments[0]
    else:
        return
    if not stays_here(host):
        raise NetworkBlocked(f"the tests have no network: {event} to {host!r}")


if not hasattr(sys, "_network_is_blocked"):  # a hook stays for good, so one is enough
    sys._network_is_blocked = True
    sys.addaudithook(refuse)
