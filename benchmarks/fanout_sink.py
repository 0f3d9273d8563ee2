"""A mail relay that costs next to nothing, for `benchmarks.fanout`: it takes every mail and keeps none.

The stand-in that keeps a ledger is a whole SMTP server in Python and takes more processor time for a mail than any of
its clients; where all share one machine it sets their pace. This one offers PIPELINING, as Postfix and Exim do.

    python -m benchmarks.fanout_sink [MILLISECONDS]

With MILLISECONDS each answer comes so much later, as from a relay that is not in the same room.
"""

from __future__ import annotations

import asyncio
import sys

GREETING = b"220 sink ESMTP\r\n"
EHLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
OK, GO_ON, TAKEN, BYE = b"250 2.1.0 ok\r\n", b"354 go on\r\n", b"250 2.0.0 taken\r\n", b"221 2.0.0 bye\r\n"
DOT = b"\r\n.\r\n"
DELAY = int((sys.argv[1:] or ["0"])[0]) / 1000


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._waiting = b""
        self._in_text = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        replies = b""
        while True:
            end = self._waiting.find(DOT) if self._in_text else self._waiting.find(b"\r\n")
            if end < 0:
                break
            if self._in_text:
                self._waiting, self._in_text = self._waiting[end + len(DOT):], False
                replies += TAKEN
                continue
            command, self._waiting = self._waiting[:4].upper(), self._waiting[end + 2:]
            self._in_text = command == b"DATA"
            replies += GO_ON if self._in_text else EHLO if command == b"EHLO" else BYE if command == b"QUIT" else OK
        if replies and DELAY:
            asyncio.get_running_loop().call_later(DELAY, self._transport.write, replies)
        elif replies:
            self._transport.write(replies)


async def main() -> None:
    """Serve until ended."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(f"listening {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
