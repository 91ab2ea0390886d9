"""Whoever stays behind keeps the root's leases: lease.py's effects, and the process that systemd is told to spare.

In the supervisor a Keeper is one more descriptor to wait for. Where systemd gets the ramdisk, the image's entry
point /keeper runs one by itself: started before the root is switched (switch.leave_keeper), on the staged ramdisk
alone, so that it holds neither the initramfs nor the root, with an argv[0] that begins with '@'
(ROOT_STORAGE_DAEMONS); the shutdown ramdisk ends it. It also puts back what the real system takes down of the network
(netwatch.py). No socket for packets is open while no answer is due.
"""

from __future__ import annotations

import fcntl
import os
import select
import time

from . import frames, kernel, lease, log, netfiles, netlink, netstate, netwatch, packets
from .bootp import CLIENT_PORT
from .cheap import TYPE_CHECKING, signal
from .rtnl import Kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from .netlink import Link
    from .netstate import Interface, Network

    Say = Callable[[int, str], None]

FOLDER = "/net"  # /run/initramfs/net, seen from the ramdisk as root
_SIOCOUTQ = 0x5411
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
        self.holding = lease.Holding(interface, random(), now())
        self.device: Link | None = None  # which has the address
        self._poll = poll
        self._sockets: dict[int, packets.Socket] = {}  # by the Ethernet type of what they are for

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
                    self.holding.news.append((6, f"{self.device.name}: {error}"))

    def _open(self, kind: int, build: Callable[[], packets.Socket]) -> packets.Socket:
        """Return the socket for this kind of message, made by `build` where there is none yet. Raises OSError."""
        if kind not in self._sockets:
            self._sockets[kind] = build()
            self._poll.register(self._sockets[kind], select.EPOLLIN)
        return self._sockets[kind]

    def _send(self, device: Link, frame: bytes) -> None:
        """Send one message. Raises OSError."""
        kind = frames.ethertype(frame)
        port = CLIENT_PORT if kind == frames.ETH_P_IP else 0
        self._open(kind, lambda: packets.listen(device.name, kind, port)).send(frame)

    def receive(self) -> None:
        """Hand on what has arrived."""
        try:
            for opened in tuple(self._sockets.values()):
                while self.holding.asking and self._receive(opened):
                    self.send()
        except OSError:
            self.close()  # the device is down or gone: the next question opens another

    def _receive(self, opened: packets.Socket) -> bool:
        """Hand on one message, where there is one. Raises OSError."""
        packet = packets.receive(opened)
        if packet:
            self.holding.receive(packet.frame, now(), checksummed=packet.checksummed)
        return packet is not None

    def assign(self, routes: Kernel, old: Interface) -> None:
        """Add what a new lease has changed about address and routes to what is there. Raises OSError."""
        new = self.holding.interface
        if any(getattr(old, name) != getattr(new, name) for name in _ASSIGNED):
            link = routes.holder(old.address)
            if link:
                routes.assign(link, new)


def _line(interface: Interface, poll: select.epoll) -> Line:
    """Begin to keep an interface's lease."""
    if interface.six:
        from . import keeper6  # only machines with IPv6 on their command line pay for it

        return keeper6.Line6(interface, poll)
    return Line(interface, poll)


class Keeper:
    """Keeps every lease of `network` that can end; poll its fileno() for reading, then call serve().

    `network` is what became of it, recorded in `folder` as well.
    """

    def __init__(self, network: Network, folder: str, say: Say) -> None:
        self.network = network
        self._folder = folder
        self._say = say
        self._timer = kernel.timerfd_create()
        self._poll = select.epoll()
        self._lines = [_line(interface, self._poll) for interface in network.interfaces if interface.renewable]
        self._poll.register(self._timer, select.EPOLLIN)
        self.serve()

    def fileno(self) -> int:
        return self._poll.fileno()

    def serve(self) -> None:
        """Do what is due, without waiting."""
        try:
            os.read(self._timer, 8)
        except BlockingIOError:
            pass
        for line in self._lines:
            before = line.holding.interface
            line.receive()
            if now() >= line.holding.deadline():
                self._tick(line)
            if line.holding.interface != before:
                self._take_over(line, before)
            if not line.holding.asking:
                line.close()
            for level, text in line.holding.news:
                self._say(level, f"lease: {text}")
            line.holding.news.clear()
        due = min((line.holding.deadline() for line in self._lines), default=float("inf"))
        kernel.timerfd_settime(self._timer, due)

    def _tick(self, line: Line) -> None:
        """Let time pass for one lease, and ask on the device that has its address by now."""
        link = self._holder(line.holding.interface)
        if link is None or line.device is None or link.number != line.device.number:
            line.close()  # the device is another than last time
        line.device = link
        line.holding.tick(now(), ours=link is not None)
        line.send()

    def _holder(self, interface: Interface) -> Link | None:
        """The device that has the interface's address: it may have been renamed, or become a bridge's."""
        try:
            with Kernel() as routes:
                return routes.holder(interface.address)
        except (OSError, netlink.NetlinkError) as error:
            self._say(4, f"lease: {error}")
            return None

    def _take_over(self, line: Line, old: Interface) -> None:
        """Record a new lease and go by it."""
        new = line.holding.interface
        interfaces = (new if interface == old else interface for interface in self.network.interfaces)
        self.network = self.network._replace(interfaces=tuple(interfaces))
        try:
            with Kernel() as routes:
                line.assign(routes, old)
            netfiles.leave_files(self.network, self._folder, run="")
        except (OSError, netlink.NetlinkError) as error:
            self._say(3, f"lease: {new.device}: {error}")


def give_back(state: Network, say: Say) -> None:
    """Release every lease (RFC 2131, 4.4.6): the last thing that goes out, as nothing comes back."""
    for interface in state.interfaces:
        if interface.six:
            from . import keeper6

            keeper6.give_back(interface, say)
            continue
        frame = lease.release(interface, random(), now())
        if not frame:
            continue
        try:
            with Kernel() as routes:
                link = routes.holder(interface.address)
            if link is None:
                continue
            opened = packets.listen(link.name, frames.ETH_P_IP, CLIENT_PORT)
            try:
                opened.send(frame)
                _await_sent(opened)
            finally:
                opened.close()
            say(5, f"shutdown: {interface.device}: lease of {interface.address} given back to {interface.server}")
        except (OSError, netlink.NetlinkError) as error:
            say(4, f"shutdown: {interface.device}: lease not given back: {error}")


def _await_sent(opened: packets.Socket, patience: float = 1.0) -> None:
    """Wait until the card has taken the frame, and a moment for the wire: the machine's end comes next."""
    until = time.monotonic() + patience
    while any(fcntl.ioctl(opened, _SIOCOUTQ, bytes(4))) and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(0.02)


def main() -> None:
    """Keep the network and its leases until SIGTERM. Standard output is the kernel's log."""
    kernel.mark_root_storage_daemon()

    def say(level: int, text: str) -> None:
        try:
            os.write(1, log.record(level, text))
        except OSError:
            pass

    with open(f"{FOLDER}/state", encoding="utf-8", errors="surrogateescape") as file:
        keeper = Keeper(netstate.decode(file.read()), FOLDER, say)
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    watch = netwatch.Watch(say)
    poll = select.poll()
    poll.register(keeper, select.POLLIN)
    poll.register(watch, select.POLLIN)
    while True:
        poll.poll(max(0.0, watch.look_at - time.monotonic()) * 1000 + 1 if watch.look_at else None)
        keeper.serve()
        watch.serve(keeper.network)
