"""The guarded GET against a real server on loopback."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from notifier.net import guard
from notifier.net.fetch import ETAG, MODIFIED, Request, Rules, get, judge, retry_at, validators
from notifier.net.guard import is_public
from notifier.ports import Answer, Failure

from .certificate import self_signed

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
RULES = Rules(connect=10, read=10, total=20, max_bytes=100_000, allow_private=True)
BOMB = gzip.compress(bytes(20_000_000))
Serve = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(respond: Serve, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that answers every GET with `respond`; gives its address."""

    class One(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client gave up: what is tested
                respond(self)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that refuses our certificate is what is tested."""

    server = Quiet(("127.0.0.1", 0), One)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """A whole answer; header names with underscores for dashes."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def fetched(respond: Serve, rules: Rules = RULES, memory: dict[str, str] | None = None) -> Answer | Failure:
    """What `get` makes of it."""
    with serving(respond) as url:
        return get(Request(url + "/status", rules=rules), memory or {}, NOW)


def test_an_answer_has_status_headers_in_lower_case_and_the_body() -> None:
    seen: dict[str, str] = {}

    def respond(handler: BaseHTTPRequestHandler) -> None:
        seen.update({name.lower(): value for name, value in handler.headers.items()})
        reply(handler, b'{"ok":1}', X_Thing="Yes")

    got = fetched(respond)
    assert isinstance(got, Answer)
    assert (got.status, got.body, got.headers["x-thing"], got.fetched_at) == (200, b'{"ok":1}', "Yes", NOW)
    assert "outage-notifier" in seen["user-agent"]
    assert "if-none-match" not in seen


def test_validators_are_sent_and_a_304_is_an_empty_answer() -> None:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        if handler.headers["If-None-Match"] == '"v1"' and handler.headers["If-Modified-Since"] == "yesterday":
            handler.send_response(304)
            handler.end_headers()
        else:
            reply(handler, b"new", ETag='"v1"', Last_Modified="yesterday")

    first = fetched(respond)
    assert isinstance(first, Answer)
    kept = validators(first)
    assert kept == {ETAG: '"v1"', MODIFIED: "yesterday"}
    second = fetched(respond, memory=kept)
    assert isinstance(second, Answer)
    assert (second.status, second.body) == (304, b"")


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        pytest.param("gzip", gzip.compress, id="gzip is unpacked"),
        pytest.param("deflate", zlib.compress, id="deflate is unpacked"),
        pytest.param("deflate", lambda b: zlib.compress(b)[2:-4], id="deflate without its wrapper is unpacked"),
    ],
)
def test_compressed_bodies(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    got = fetched(lambda handler: reply(handler, pack(b"status" * 100), Content_Encoding=encoding))
    assert isinstance(got, Answer)
    assert got.body == b"status" * 100


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        pytest.param(lambda h: reply(h, b"x" * 100_001), "too_large", id="one byte over the cap is refused"),
        pytest.param(
            lambda h: reply(h, BOMB, Content_Encoding="gzip"),
            "too_large",
            id="a bomb of 20 kB that holds 20 MB is given up at the cap",
        ),
        pytest.param(
            lambda h: reply(h, gzip.compress(b"status" * 99)[:-12], Content_Encoding="gzip"),
            "bad_encoding",
            id="a cut gzip body is not half an answer",
        ),
        pytest.param(lambda h: reply(h, b"plain", Content_Encoding="gzip"), "bad_encoding", id="gzip that is not"),
        pytest.param(
            lambda h: reply(h, b"zz", Content_Encoding="br"), "bad_encoding", id="an encoding nobody asked for"
        ),
        pytest.param(lambda h: reply(h, b"", 302, Location="http://localhost/"), "redirected", id="to another host"),
        pytest.param(lambda h: reply(h, b"", 302, Location="ftp://127.0.0.1/"), "redirected", id="to another scheme"),
        pytest.param(lambda h: reply(h, b"", 302, Location=h.path), "redirected", id="in circles"),
        pytest.param(lambda h: reply(h, b"<html>", 503), "http_status", id="503 is a failure"),
        pytest.param(lambda h: reply(h, b"", 429, Retry_After="60"), "rate_limited", id="429 asks for patience"),
    ],
)
def test_answers_that_are_no_use(respond: Serve, reason: str) -> None:
    got = fetched(respond)
    assert isinstance(got, Failure)
    assert got.reason == reason


def test_a_redirect_on_the_same_host_is_followed() -> None:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/status":
            reply(handler, b"", 301, Location="/there?page=1")
        else:
            reply(handler, handler.path.encode())

    got = fetched(respond)
    assert isinstance(got, Answer)
    assert got.body == b"/there?page=1"


def test_a_body_cut_before_its_length_is_a_failure() -> None:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"page":')

    got = fetched(respond)
    assert isinstance(got, Failure)
    assert got.reason == "unreachable"


@pytest.mark.parametrize("part", ["headers", "body", "body without length"])
def test_a_drip_ends_at_the_total_time_though_every_byte_came_in_time(part: str) -> None:
    done = threading.Event()

    def respond(handler: BaseHTTPRequestHandler) -> None:
        if part != "headers":
            handler.send_response(200)
            if part == "body":
                handler.send_header("Content-Length", "1000")
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not done.wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    began = time.monotonic()
    got = fetched(respond, rules=replace(RULES, total=0.5))
    done.set()
    assert isinstance(got, Failure)
    assert got.reason == "timed_out"
    assert time.monotonic() - began < 10


def test_silence_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        got = get(Request(url, rules=replace(RULES, read=0.2)), {}, NOW)
    assert isinstance(got, Failure)
    assert got.reason == "timed_out"


def test_nobody_listening_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    got = get(Request(f"http://127.0.0.1:{port}/", rules=RULES), {}, NOW)
    assert isinstance(got, Failure)
    assert got.reason == "unreachable"


@pytest.mark.parametrize(
    ("host", "trusted", "good"),
    [
        pytest.param("localhost", True, True, id="the right name by a trusted certificate"),
        pytest.param("localhost", False, False, id="a certificate nobody trusts"),
        pytest.param("127.0.0.1", True, False, id="a certificate for another name"),
    ],
)
def test_tls_is_verified_for_the_name_though_the_address_was_checked(
    tmp_path: Path, host: str, trusted: bool, good: bool
) -> None:
    certificate, context = self_signed(tmp_path)
    names: list[str | None] = []
    context.sni_callback = lambda sock, name, _: names.append(name)
    rules = replace(RULES, ca_file=str(certificate) if trusted else None)
    with serving(lambda handler: reply(handler, b"ok"), context) as url:
        port = url.rpartition(":")[2]
        ends: list[datetime] = []
        got = get(Request(f"https://{host}:{port}/", rules=rules, expiry=ends.append), {}, NOW)
    assert isinstance(got, Answer) is good
    assert len(ends) == good, "only of a certificate found good is it told when it ends"
    if isinstance(got, Failure):
        assert "certificate" in got.detail
    assert names == ["localhost" if host == "localhost" else None]


def test_a_private_address_is_refused_unless_allowed_and_nothing_is_sent() -> None:
    asked: list[str] = []

    def respond(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        reply(handler, b"secret")

    got = fetched(respond, rules=replace(RULES, allow_private=False))
    assert isinstance(got, Failure)
    assert got.reason == "refused"
    assert asked == []


def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a name that is public when asked first and private when asked again gains nothing, because it is
    asked once."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[tuple[int, str]]:
        asked.append(host)
        return [(socket.AF_INET, "93.184.216.34" if len(asked) > 1 else "127.0.0.1")]

    monkeypatch.setattr(guard, "addresses_of", resolve)
    with serving(lambda handler: reply(handler, handler.headers["Host"].encode())) as url:
        port = url.rpartition(":")[2]
        got = get(Request(f"http://status.example:{port}/", rules=RULES), {}, NOW)
    assert isinstance(got, Answer)
    assert got.body == f"status.example:{port}".encode()
    assert asked == ["status.example"]


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("file:///etc/passwd", id="no files"),
        pytest.param("http://user:word@127.0.0.1/", id="no passwords in URLs"),
        pytest.param("http://[::1", id="not a URL"),
        pytest.param("http://127.0.0.1:port/", id="not a port"),
        pytest.param("", id="nothing"),
    ],
)
def test_unfit_urls_are_refused(url: str) -> None:
    got = get(Request(url, rules=RULES), {}, NOW)
    assert isinstance(got, Failure)
    assert got.reason == "refused"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("::ffff:8.8.8.8", True),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("120", timedelta(seconds=120), id="seconds"),
        pytest.param("Thu, 15 Jan 2026 12:05:00 GMT", timedelta(minutes=5), id="a date"),
        pytest.param("Thu, 15 Jan 2026 11:00:00 GMT", timedelta(0), id="a date gone by means now"),
        pytest.param("99999999999999999999", timedelta(hours=6), id="an absurd number is capped"),
        pytest.param("-5", None, id="a negative number is no date"),
        pytest.param("soon", None, id="a word is no date"),
        pytest.param("", None, id="nothing"),
        pytest.param("٣", None, id="digits of other scripts"),
    ],
)
def test_retry_after(value: str, expected: timedelta | None) -> None:
    assert retry_at({"retry-after": value}, NOW) == (None if expected is None else NOW + expected)


def test_503_with_retry_after_is_a_request_for_patience() -> None:
    failure = judge(503, {"retry-after": "30"}, NOW)
    assert failure is not None
    assert (failure.reason, failure.retry_at) == ("rate_limited", NOW + timedelta(seconds=30))
