"""What all channels over HTTP share, seen at the socket."""

from __future__ import annotations

import socket

import pytest
import requests

from notifier.channels.outward import OutwardWire
from notifier.channels.wire import Wire


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
