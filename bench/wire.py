"""A wire of 100 Mbit/s between the guest and its server, where both are one machine: a port that passes data on.

The kernels of shared machines have no netem; what is sent is held back here for as long as it would be on its way.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType

RATE = 12.5e6  # bytes in a second, in either direction
PIECE = 16384  # bytes; what is passed on at once


class Wire:
    """Context: a port of this machine that leads to another one of it; `port` is its number."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                guest, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                return  # closed
            for one, other in ((guest, server), (server, guest)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Copy until either end has gone."""
    free = 0.0  # when the wire is
    try:
        while data := one.recv(PIECE):
            free = max(free, time.monotonic()) + len(data) / RATE
            time.sleep(max(0.0, free - time.monotonic()))
            other.sendall(data)
    except OSError:
        pass
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)  # the other direction's thread may be reading: it is to end, too
