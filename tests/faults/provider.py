"""A plain provider on loopback with a ledger on disk: takes a message, dedupes by key where told to, can be read where
told to, and can lose answers. It outlives the daemon that is killed, and its ledger is the oracle."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Provider:
    """Serves POST /send and GET /find/<key>. Started, stopped and told of faults like the stand-ins."""

    path: Path
    keyed: bool
    faults: list[str] = field(default_factory=list)
    url: str = ""
    server: ThreadingHTTPServer | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, mode: str) -> None:
        """Meet the next send with "accept_then_drop" or "reset" (dropped without accepting)."""
        self.faults.append(mode)

    @property
    def ledger(self) -> list[dict[str, str]]:
        """Everything that was accepted, in order."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def accept(self, entry: dict[str, str]) -> None:
        """Write one accepted message down, durably."""
        if self.keyed and any(known["key"] == entry["key"] for known in self.ledger):
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def start(self) -> None:
        """Serve in a thread."""
        provider = self

        class Requests(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                entry = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with provider.lock:
                    lost = provider.faults.pop(0) if provider.faults else ""
                    if lost != "reset":
                        provider.accept(entry)
                if lost:
                    self.close_connection = True
                    return
                self._answer(200, entry["key"])

            def do_GET(self) -> None:
                key = self.path.removeprefix("/find/")
                found = any(entry["key"].replace("/", "_") == key for entry in provider.ledger)
                self._answer(200 if found else 404, key)

            def _answer(self, status: int, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        """End serving."""
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()
