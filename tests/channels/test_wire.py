"""What all channels over HTTP share, seen at the socket: what a far side answers in broken HTTP once it has the message
is never taken for its not having it, and what nobody confirms is given up by the system too."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import requests

from notifier.channels.outward import OutwardWire
from notifier.channels.wire import Wire, failed, mounted
from notifier.model.delivery import OutcomeKind, Reason
from notifier.ports import Channel
from tests.channels.far_sides import message, now, sms_channel, webhook_channel, x_channel

FIRST = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"


class Scripted:
    """Takes each request whole, notes its body and answers with the bytes given."""

    def __init__(self, reply: bytes) -> None:
        self.taken: list[bytes] = []
        self._reply = reply
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                connection.settimeout(5)
                data = connection.recv(65_536)
                if not data:
                    return  # stopped
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65_536)
                head, _, body = data.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                while length is not None and len(body) < int(length[1]):
                    body += connection.recv(65_536)
                self.taken.append(body)
                connection.sendall(self._reply)

    def stop(self) -> None:
        with socket.create_connection(self._socket.getsockname()):
            pass
        self._thread.join()
        self._socket.close()


@pytest.fixture
def scripted() -> Iterator[Callable[[bytes], Scripted]]:
    made: list[Scripted] = []

    def make(reply: bytes) -> Scripted:
        made.append(Scripted(reply))
        return made[-1]

    yield make
    for far in made:
        far.stop()


BROKEN = [
    pytest.param(FIRST + b"Content-Length: 2\r\nContent-Length: 30\r\n\r\n{}", id="two lengths, as a broken proxy's"),
    pytest.param(FIRST + b"Content-Length: 2, 3\r\n\r\n{}", id="two lengths in one header"),
    pytest.param(FIRST + b"Content-Length: 99\r\n\r\n{}", id="shorter than it says"),
    pytest.param(FIRST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", id="a chunk without a size"),
    pytest.param(FIRST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", id="not packed as it says"),
    pytest.param(b"HTTP/1.1 abc\r\n\r\n", id="no status"),
    pytest.param(b"\x16\x03\x01", id="no HTTP"),
    pytest.param(b"", id="nothing"),
    pytest.param(FIRST + b"X: y\r\n" * 200 + b"\r\n", id="too many headers"),
]
CHANNELS = [
    pytest.param(lambda url: sms_channel(url), "+18025550123", id="sms"),
    pytest.param(lambda url: webhook_channel(url), "", id="webhook"),
    pytest.param(lambda url: x_channel(url), "", id="x"),
]


# http.client leaves a socket whose headers it gave up to the collector of garbage
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("reply", BROKEN)
@pytest.mark.parametrize(("channel", "address"), CHANNELS)
def test_a_broken_answer_leaves_it_unknown(
        scripted: Callable[[bytes], Scripted], channel: Callable[[str], Channel], address: str, reply: bytes,
        secrets: None) -> None:
    far = scripted(reply)
    outcome = channel(far.url).send(message(address), now())
    assert len(far.taken) == 1
    assert (outcome.kind, outcome.reason) == (OutcomeKind.UNKNOWN, Reason.LOST_ANSWER), outcome.detail


def test_a_header_of_ours_that_cannot_be_sent_leaves_it_unsent(scripted: Callable[[bytes], Scripted]) -> None:
    far = scripted(b"")
    wire = Wire()
    session = mounted(requests.Session(), wire)
    with pytest.raises(requests.RequestException) as caught:
        wire.ask(lambda: session.post(far.url, headers={"X": "a\nb"}))
    assert (failed(caught.value).kind, far.taken) == (OutcomeKind.RETRY, [])


def test_an_error_of_a_library_over_an_answer_it_cannot_read_leaves_it_unknown(
        scripted: Callable[[bytes], Scripted], monkeypatch: pytest.MonkeyPatch) -> None:
    """As a cookie might be that Python's jar stumbles over."""
    far = scripted(FIRST + b"Content-Length: 2\r\n\r\n{}")
    wire = Wire()
    session = mounted(requests.Session(), wire)

    def stumbles(*_: object) -> requests.Response:
        raise ValueError

    monkeypatch.setattr(wire, "build_response", stumbles)
    with pytest.raises(requests.RequestException) as caught:
        wire.ask(lambda: session.post(far.url, data=b"x"))
    assert (failed(caught.value).kind, far.taken) == (OutcomeKind.UNKNOWN, [b"x"])


@pytest.mark.parametrize("wire", [Wire, OutwardWire])
def test_what_nobody_confirms_is_not_repeated_by_the_system_once_we_gave_up(wire: type[Wire]) -> None:
    """Else it arrives when a cut network is mended, and the far side has already been read in vain."""
    with socket.create_server(("127.0.0.1", 0)) as far:
        request = requests.Request("GET", f"http://127.0.0.1:{far.getsockname()[1]}/").prepare()
        pool = wire(timeout=(1.0, 2.5)).get_connection_with_tls_context(request, verify=True)
        connection = pool._get_conn()
        connection.connect()
        assert connection.sock is not None
        assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 2500
        connection.close()
