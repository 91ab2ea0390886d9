"""One lease and the sockets it is talked about on."""

from __future__ import annotations

import select
import time

from init.keeper.holding import Holding
from init.network import sockets
from init.network.rtnetlink import Rtnetlink
from init.network.state import Interface
from init.system.log import INFO, NOTICE
from init.system.stdlib import Callable
from init.wire import ethernet, netlink
from init.wire.bootp import CLIENT_PORT

_ASSIGNED = ("address", "prefix", "gateway", "routes", "mtu")  # the fields that the kernel is told


def now() -> float:
    """The leases' clock, in seconds: it goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Line:
    """One lease; its sockets are open only while an answer may come."""

    def __init__(self, interface: Interface, poll: select.epoll) -> None:
        self.holding = Holding(interface, sockets.new_xid(), now())
        self.device: netlink.Link | None = None  # which has the address
        self._poll = poll
        self._sockets: dict[int, sockets.Socket] = {}  # by Ethernet type
        self._refused: set[str] = set()  # by the kernel, as it was logged

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
        """Return the socket for this Ethernet type, made by `build` where there is none yet. Raises OSError."""
        if kind not in self._sockets:
            self._sockets[kind] = build()
            self._poll.register(self._sockets[kind], select.EPOLLIN)
        return self._sockets[kind]

    def _send(self, device: netlink.Link, frame: bytes) -> None:
        kind = ethernet.ethertype(frame)
        port = CLIENT_PORT if kind == ethernet.ETH_P_IP else 0
        self._open(kind, lambda: sockets.listen(device.name, kind, port)).send(frame)

    def receive(self) -> None:
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

    def assign(self, rtnetlink: Rtnetlink, old: Interface) -> None:
        """Add what a new lease has changed about address and routes to what is there. Raises OSError."""
        new = self.holding.interface
        if any(getattr(old, name) != getattr(new, name) for name in _ASSIGNED):
            link = rtnetlink.link_with(old.address)
            if link:
                rtnetlink.assign(link, new, self.refused)

    def refused(self, reason: str) -> None:
        """Log what the kernel did not take, but not after every renewal again."""
        if reason not in self._refused:
            self._refused.add(reason)
            self.holding.news.append((NOTICE, f"{self.holding.interface.device}: {reason}"))
