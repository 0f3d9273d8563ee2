"""Local status pages for benchmarks: `python -m benchmarks.pages PORT PAGES`.

Every answer is a Statuspage summary that differs from the last one, so that nothing can be skipped; one page in
five hundred has an incident every other two minutes, so that there is something to decide. It answers on every
address of 127/8: many hosts, as in the world.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

TROUBLED = 500
COMPONENTS = 12


def body(page: int, now: float) -> bytes:
    """What a page says at `now` (seconds since 1970)."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    bad = page % TROUBLED == 0 and int(now // 120) % 2 == 0
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - now % 120))
    components = [{"id": f"c{n}", "name": f"Component {n}", "status": "operational", "group": False, "group_id": None,
                   "updated_at": "2026-01-01T00:00:00Z", "position": n, "description": "Something a vendor sells"}
                  for n in range(COMPONENTS)]
    incident = {"id": f"i{page}-{int(now // 240)}", "name": "Errors", "status": "investigating", "impact": "major",
                "created_at": began, "started_at": began, "components": [components[0]],
                "incident_updates": [{"id": "u", "status": "investigating", "body": "We look.", "display_at": began}]}
    return json.dumps({
        "page": {"id": f"p{page}", "name": "Vendor", "url": "https://status.example.net", "updated_at": stamp},
        "status": {"indicator": "major" if bad else "none", "description": f"at {now:.3f}"},
        "components": components, "incidents": [incident] if bad else [], "scheduled_maintenances": [],
    }).encode()


class Page(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.held = b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        while b"\r\n\r\n" in self.held:
            head, _, self.held = self.held.partition(b"\r\n\r\n")
            number = int(head.split(b"/p", 1)[1].split(b"/", 1)[0])
            said = body(number, time.time())
            self.transport.write(  # type: ignore[attr-defined]
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(said) + said)


async def serve(port: int) -> None:
    """Answer until killed."""
    server = await asyncio.get_running_loop().create_server(Page, "0.0.0.0", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
