"""A wire that leads outward only: the address that is connected to is checked, not the name it was found under.

A receiver's address is ours to configure, but what its name answers is not: a name that comes to answer with an address
inside our own network would have us post there, past every firewall.
"""

from __future__ import annotations

import socket
from typing import Any

from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from notifier.net.guard import AddressRefused, checked_socket

from .wire import Wire, caused_by


class _Checked(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        host = self.host.strip("[]")
        timeout = self.timeout if isinstance(self.timeout, int | float) else None
        try:
            made = checked_socket(host, int(self.port or 443), timeout, allow_private=False)
            for option in self.socket_options or ():
                made.setsockopt(*option)
            return made
        except PermissionError as error:
            raise AddressRefused(self, "the name leads inside our own network") from error
        except socket.gaierror as error:
            raise NameResolutionError(host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "connecting took too long") from error
        except OSError as error:
            raise NewConnectionError(self, f"connecting failed: {error.strerror or type(error).__name__}") from error


class _CheckedPool(HTTPSConnectionPool):
    ConnectionCls = _Checked


class OutwardWire(Wire):
    """A wire whose HTTPS connections lead to public addresses only, checked anew at every connection; plain HTTP, which
    settings allow to this very machine alone, is carried as it is."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As HTTPAdapter.init_poolmanager."""
        super().init_poolmanager(*args, **kwargs)
        schemes = self.poolmanager.pool_classes_by_scheme
        self.poolmanager.pool_classes_by_scheme = {**schemes, "https": _CheckedPool}


def leads_inside(error: BaseException) -> bool:
    """Whether a request failed because its name led inside."""
    return caused_by(error, AddressRefused)
