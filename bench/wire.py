"""A wire between the guest and its server, where both are one machine: a port that passes data on.

The kernels of shared machines have no netem; what is sent is held back here for as long as it would be on its way. A
guest whose processor is emulated is N times slower than the machine it stands for, so the wire has to be that, too:
otherwise the processor's work is weighed against a wire that takes no time beside it.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType

RATE = 125e6  # bytes in a second, in either direction: 1 Gbit/s
ROUND_TRIP = 0.2e-3  # seconds; what ping says of two machines at one switch
PIECE = 16384  # bytes; what is passed on at once
_WAITING = 64  # pieces: a window of TCP's, so that a sender is held back as well


class Wire:
    """Context: a port of this machine that leads to another one of it; `port` is its number."""

    def __init__(self, server_port: int, slowness: float) -> None:
        """`slowness` is how many times slower than a gigabit's the wire is."""
        self._server_port = server_port
        self._slowness = slowness
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
                _Direction(one, other, self._slowness)


class _Direction:
    """Copies what comes from `one` to `other` until either has gone."""

    def __init__(self, one: socket.socket, other: socket.socket, slowness: float) -> None:
        self._one, self._other = one, other
        self._rate, self._delay = RATE / slowness, ROUND_TRIP / 2 * slowness
        self._under_way: queue.Queue[tuple[float, bytes]] = queue.Queue(_WAITING)
        for target in (self._take, self._give):
            threading.Thread(target=target, daemon=True).start()

    def _take(self) -> None:
        free = 0.0  # when the wire is
        with suppress(OSError):
            while data := self._one.recv(PIECE):
                free = max(free, time.monotonic()) + len(data) / self._rate
                self._under_way.put((free + self._delay, data))
        self._under_way.put((0.0, b""))

    def _give(self) -> None:
        """Hand on each piece when it is due; an empty one is the end."""
        while (piece := self._under_way.get())[1]:
            time.sleep(max(0.0, piece[0] - time.monotonic()))
            with suppress(OSError):  # where it is not taken any more, the other direction comes to its end
                self._other.sendall(piece[1])
        for end in (self._one, self._other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # the other direction's thread may be reading: it is to end, too
        self._one.close()  # the other direction closes the other end
