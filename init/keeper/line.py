"""One lease and the sockets it is talked about on."""

from __future__ import annotations

import os
import select
import time

from init.keeper import holding
from init.network import sockets
from init.network.rtnetlink import Rtnetlink
from init.system.log import INFO
from init.system.stdlib import TYPE_CHECKING
from init.wire import ethernet, netlink
from init.wire.bootp import CLIENT_PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from init.network.state import Interface
    from init.wire.netlink import Link

_ASSIGNED = ("address", "prefix", "gateway", "routes", "mtu")


def now() -> float:
    """The leases' clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def random() -> int:
    """32 bits."""
    return int.from_bytes(os.urandom(4), "big")


class Line:
    """One lease and the sockets it is talked about on, which are open only while an answer may come."""

    def __init__(self, interface: Interface, poll: select.epoll) -> None:
        self.holding = holding.Holding(interface, random(), now())
        self.device: Link | None = None  # which has the address
        self._poll = poll
        self._sockets: dict[int, sockets.Socket] = {}  # by the Ethernet type of what they are for

    def close(self) -> None:
        for opened in self._sockets.values():
            opened.close()
        self._sockets.clear()

    def send(self) -> None:
        """Send what is ready; what cannot be sent counts as lost and is asked again."""
        for message in self.holding.outgoing():
            if self.device:
                try:
                    self._send(self.device, message)
                except (OSError, netlink.NetlinkError) as error:
                    self.holding.news.append((INFO, f"{self.device.name}: {error}"))

    def _open(self, kind: int, build: Callable[[], sockets.Socket]) -> sockets.Socket:
        """Return the socket for this kind of message, made by `build` where there is none yet. Raises OSError."""
        if kind not in self._sockets:
            self._sockets[kind] = build()
            self._poll.register(self._sockets[kind], select.EPOLLIN)
        return self._sockets[kind]

    def _send(self, device: Link, frame: bytes) -> None:
        """Send one message. Raises OSError."""
        kind = ethernet.ethertype(frame)
        port = CLIENT_PORT if kind == ethernet.ETH_P_IP else 0
        self._open(kind, lambda: sockets.listen(device.name, kind, port)).send(frame)

    def receive(self) -> None:
        """Hand on what has arrived."""
        try:
            for opened in tuple(self._sockets.values()):
                while self.holding.asking and self._receive(opened):
                    self.send()
        except OSError:
            self.close()  # the device is down or gone: the next question opens another

    def _receive(self, opened: sockets.Socket) -> bool:
        """Hand on one message, where there is one. Raises OSError."""
        packet = sockets.receive(opened)
        if packet:
            self.holding.receive(packet.frame, now(), checksummed=packet.checksummed)
        return packet is not None

    def assign(self, routes: Rtnetlink, old: Interface) -> None:
        """Add what a new lease has changed about address and routes to what is there. Raises OSError."""
        new = self.holding.interface
        if any(getattr(old, name) != getattr(new, name) for name in _ASSIGNED):
            link = routes.holder(old.address)
            if link:
                routes.assign(link, new)
