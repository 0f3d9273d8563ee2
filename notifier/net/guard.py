"""Connections to addresses that were checked.

A source's address comes from configuration, its redirects and its DNS answers from the outside. The check is made on
the very address that is connected to, so that a name that answers differently the second time (DNS rebinding) gains
nothing.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from .deadline import Deadline
from .names import addresses_of

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


@lru_cache(maxsize=32)
def _trusting(ca_file: str | None) -> ssl.SSLContext:
    """A context that verifies certificate and name; made once for each set of certificates, since reading the public
    ones takes tens of milliseconds."""
    return ssl.create_default_context(cafile=ca_file or certifi.where())


class _Plain(HTTPConnection):
    """HTTP over a checked connection under a deadline."""

    deadline: Deadline
    allow_private: bool

    def _new_conn(self) -> socket.socket:
        return _connect(self, self.deadline, self.allow_private)


class _Secure(HTTPSConnection):
    """HTTPS over a checked connection under a deadline."""

    deadline: Deadline
    allow_private: bool

    def _new_conn(self) -> socket.socket:
        return _connect(self, self.deadline, self.allow_private)


def connection(
    scheme: str, host: str, port: int | None, *, timeout: float, deadline: Deadline, allow_private: bool,
    ca_file: str | None = None,
) -> HTTPConnection:
    """A connection for one request; `timeout` is that of connecting, in seconds. Nothing is opened yet: opening raises
    AddressRefused where the host leads inside, and urllib3's errors. Raises OSError where `ca_file` cannot be read."""
    made: _Plain | _Secure
    if scheme == "https":
        made = _Secure(host, port, timeout=timeout, ssl_context=_trusting(ca_file))
    else:
        made = _Plain(host, port, timeout=timeout)
    made.deadline, made.allow_private = deadline, allow_private
    return made


Expiry = Callable[[datetime], None]
"""Told when a certificate ends, in UTC."""


def ends_of(sock: Any) -> datetime | None:
    """When the certificate of a TLS connection ends; None where that cannot be told."""
    certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
    ends = (certificate or {}).get("notAfter")
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def _connect(connection: Any, deadline: Deadline, allow_private: bool) -> socket.socket:
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
