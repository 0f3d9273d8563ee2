"""Connections to addresses that were checked, within a time that is kept.

A source's address comes from configuration, its redirects and its DNS answers from the outside. The check is made on
the very address that is connected to, so that a name that answers differently the second time (DNS rebinding) gains
nothing. The deadline closes the socket from outside, so that an answer that drips one byte every few seconds, headers
included, ends when it should.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(NewConnectionError):
    """The name leads to an address inside our own network; set allow_private on the source if that is meant."""


def is_public(address: str) -> bool:
    """Whether `address` (IPv4 or IPv6 text) is one of the public internet's, whatever it is wrapped in.

    IPv4 inside IPv6 (mapped, 6to4, Teredo, NAT64) is judged by the IPv4 address.
    """
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def addresses_of(host: str, port: int) -> list[tuple[int, str]]:
    """(family, address) of a host, in the resolver's order, each once. Raises socket.gaierror (an OSError)."""
    found: dict[str, int] = {}
    for family, _, _, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        found.setdefault(str(where[0]), int(family))
    return [(family, address) for address, family in found.items()]


def checked_addresses(host: str, port: int, *, allow_private: bool) -> list[tuple[int, str]]:
    """`addresses_of` a host. Raises PermissionError when any of them is not public and `allow_private` is false, else
    OSError."""
    addresses = addresses_of(host, port)
    if not allow_private and not all(is_public(address) for _, address in addresses):
        raise PermissionError(f"{host} leads to an address that is not public")
    return addresses


def checked_socket(host: str, port: int, timeout: float | None, *, allow_private: bool) -> socket.socket:
    """A TCP connection to the first address of `host` that answers. Raises what `checked_addresses` does."""
    last: OSError = OSError(f"{host} has no address")
    for _, address in checked_addresses(host, port, allow_private=allow_private):
        try:
            return socket.create_connection((address, port), timeout)
        except OSError as error:
            last = error
    raise last


class Deadline:
    """Shuts every connection of one request down after `seconds`, wherever it is waiting. `passed` tells."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for held in self._sockets:
                held.close()
            self._sockets.clear()

    def watch(self, sock: socket.socket) -> None:
        """Cut this connection too. A duplicate is held: TLS takes the original's descriptor away."""
        with self._lock:
            self._sockets.append(socket.socket(fileno=os.dup(sock.fileno())))
        if self.passed:
            self._pass()

    def _pass(self) -> None:
        self.passed = True
        with self._lock:
            for held in self._sockets:
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)


Expiry = Callable[[datetime], None]
"""Told when a certificate ends, in UTC."""


class GuardedAdapter(HTTPAdapter):
    """requests' transport over checked connections under a deadline. One request's worth: made anew for each.

    `expiry` is told when the certificate of each TLS connection ends, once it has been found good.
    """

    def __init__(self, deadline: Deadline, *, allow_private: bool, expiry: Expiry | None = None) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._expiry = expiry
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pools connect through `checked_socket`."""
        super().init_poolmanager(*arguments, **options)
        deadline, allow_private, expiry = self._deadline, self._allow_private, self._expiry

        def connect(connection: HTTPConnection) -> socket.socket:
            return _connect(connection, deadline, allow_private)

        def secure_connect(connection: HTTPSConnection) -> None:
            HTTPSConnection.connect(connection)
            if expiry is not None and (ends := _ends(connection.sock)) is not None:
                expiry(ends)

        plain = type("GuardedHTTP", (HTTPConnection,), {"_new_conn": connect})
        secure = type("GuardedHTTPS", (HTTPSConnection,), {"_new_conn": connect, "connect": secure_connect})
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("GuardedHTTPPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("GuardedHTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }


def _ends(sock: Any) -> datetime | None:
    """When the certificate of a TLS connection ends; None where that cannot be told."""
    certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds((certificate or {})["notAfter"]), UTC)  # type: ignore[arg-type]
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def _connect(connection: HTTPConnection, deadline: Deadline, allow_private: bool) -> socket.socket:
    timeout = connection.timeout if isinstance(connection.timeout, int | float) else None
    host = connection.host.strip("[]")
    try:
        sock = checked_socket(host, int(connection.port or 0), timeout, allow_private=allow_private)
    except PermissionError as error:
        raise AddressRefused(connection, str(error)) from error
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"connecting to {host} took longer than {timeout} s") from error
    except OSError as error:
        raise NewConnectionError(connection, f"connecting to {host}: {error.strerror or error}") from error
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    deadline.watch(sock)
    return sock
