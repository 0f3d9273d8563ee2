"""ICMP echo, as far as this machine lets us send any.

Linux gives a process that is not root a ping socket where its group lies in net.ipv4.ping_group_range (icmp(7)); a raw
socket needs CAP_NET_RAW. With neither, nothing is known about the target: that is not an outage of it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from dataclasses import dataclass

from notifier.net.guard import checked_addresses

_TOKEN = 16
_LARGEST = 2048
_ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
"""Types of echo request and reply: RFC 792, RFC 4443."""
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}


class NotPermitted(Exception):
    """This machine lets us open no socket for ICMP: widen net.ipv4.ping_group_range, or give CAP_NET_RAW."""


@dataclass(frozen=True, slots=True)
class Echo:
    """One request, and what its answer must repeat. `token` is random, so that nobody else's answer is taken."""

    sequence: int
    identifier: int
    token: bytes


def packet(family: int, echo: Echo) -> bytes:
    """The echo request. The checksum is filled in for IPv4; for IPv6 the kernel does it."""
    head = struct.pack("!BBHHH", _ECHO[socket.AddressFamily(family)][0], 0, 0, echo.identifier, echo.sequence)
    if family == socket.AF_INET6:
        return head + echo.token
    total = checksum(head + echo.token)
    return head[:2] + struct.pack("!H", total) + head[4:] + echo.token


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071): the one's complement sum of 16-bit words."""
    padded = data + b"\0" * (len(data) % 2)
    total = int(sum(struct.unpack(f"!{len(padded) // 2}H", padded)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def is_answer(family: int, data: bytes, echo: Echo, *, raw: bool) -> bool:
    """Whether `data`, as received, answers `echo`. A raw IPv4 socket gives the IP header too, and hears whatever else
    arrives, our own request on loopback included; a ping socket has its identifier replaced by the kernel."""
    if raw and family == socket.AF_INET:
        data = data[(data[0] & 0x0F) * 4 :] if data else b""
    if len(data) < 8 + _TOKEN:
        return False
    kind, code, _, identifier, sequence = struct.unpack("!BBHHH", data[:8])
    if (kind, code, sequence) != (_ECHO[socket.AddressFamily(family)][1], 0, echo.sequence):
        return False
    return data[8:] == echo.token and (not raw or identifier == echo.identifier)


def ping(host: str, *, packets: int, wanted: int, seconds: float, allow_private: bool) -> int:
    """Send up to `packets` requests to the first address of `host` that they can be sent to, each given its share of
    `seconds`; stop as soon as `wanted` were answered. Returns how many were.

    Raises NotPermitted; PermissionError where the address is not public and must be; OSError where the name has no
    address or the network refuses to carry the request.
    """
    last: OSError = OSError(f"{host} has no address")
    for family, address in checked_addresses(host, 0, allow_private=allow_private):
        try:
            return _ping_one(family, address, packets, wanted, seconds)
        except OSError as error:
            last = error
    raise last


def _ping_one(family: int, address: str, packets: int, wanted: int, seconds: float) -> int:
    sock, raw = _open(family)
    answered = 0
    with contextlib.closing(sock):
        try:
            sock.connect((address, 0))
            for sequence in range(1, packets + 1):
                echo = Echo(sequence, os.getpid() & 0xFFFF, os.urandom(_TOKEN))
                sock.send(packet(family, echo))
                answered += _awaited(sock, family, echo, seconds / packets, raw=raw)
                if answered >= wanted:
                    break
        except PermissionError as error:  # our own firewall's word
            raise NotPermitted from error
    return answered


def _open(family: int) -> tuple[socket.socket, bool]:
    """A ping socket, else a raw one; and whether it is raw."""
    protocol = _PROTOCOL[socket.AddressFamily(family)]
    with contextlib.suppress(PermissionError):
        return socket.socket(family, socket.SOCK_DGRAM, protocol), False
    try:
        return socket.socket(family, socket.SOCK_RAW, protocol), True
    except PermissionError as error:
        raise NotPermitted from error


def _awaited(sock: socket.socket, family: int, echo: Echo, seconds: float, *, raw: bool) -> bool:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data = sock.recv(_LARGEST)
        except TimeoutError:
            return False
        if is_answer(family, data, echo, raw=raw):
            return True
    return False
