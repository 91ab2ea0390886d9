"""Whoever stays behind keeps the root's leases: lease.py's effects, and the process that systemd is told to spare.

In the supervisor a Keeper is one more descriptor to wait for. Where systemd gets the ramdisk, the image's entry
point /keeper runs one by itself: started before the root is switched (switch.leave_keeper), on the staged ramdisk
alone, so that it holds neither the initramfs nor the root, with an argv[0] that begins with '@'
(ROOT_STORAGE_DAEMONS); the shutdown ramdisk ends it. It also keeps no socket open while no answer is due.
"""

from __future__ import annotations

import fcntl
import os
import select
import time

from . import frames, kernel, lease, log, netlink, netstate, network, packets
from .cheap import TYPE_CHECKING, signal
from .dhcp import CLIENT_PORT
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


def _random() -> int:
    return int.from_bytes(os.urandom(4), "big")


class _Line:
    """One lease and the socket it is talked about on, which is open only while an answer may come."""

    def __init__(self, interface: Interface) -> None:
        self.holding = lease.Holding(interface, _random(), now())
        self.socket: packets.Socket | None = None

    def close(self) -> None:
        if self.socket:
            self.socket.close()
            self.socket = None

    def send(self) -> None:
        """Send what is ready; what cannot be sent counts as lost and is asked again."""
        for frame in self.holding.outgoing():
            if self.socket:
                try:
                    self.socket.send(frame)
                except OSError:
                    pass

    def receive(self) -> bool:
        """Hand on what has arrived; whether there is a new lease."""
        fresh = False
        try:
            while self.socket and self.holding.asking and (packet := packets.receive(self.socket)):
                fresh |= self.holding.receive(packet.frame, now(), checksummed=packet.checksummed)
                self.send()
        except OSError:
            self.close()  # the device is down or gone: the next question opens another
        return fresh


class Keeper:
    """Keeps every lease of `network` that can end; poll its fileno() for reading, then call serve().

    `network` is what became of it, recorded in `folder` as well.
    """

    def __init__(self, network: Network, folder: str, say: Say) -> None:
        self.network = network
        self._folder = folder
        self._say = say
        self._lines = [_Line(interface) for interface in network.interfaces if interface.renewable]
        self._timer = kernel.timerfd_create()
        self._poll = select.epoll()
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
            if line.receive():
                self._take_over(before, line.holding.interface)
            if now() >= line.holding.deadline():
                self._tick(line)
            if not line.holding.asking:
                line.close()
            for level, text in line.holding.news:
                self._say(level, f"lease: {text}")
            line.holding.news.clear()
        due = min((line.holding.deadline() for line in self._lines), default=float("inf"))
        kernel.timerfd_settime(self._timer, due)

    def _tick(self, line: _Line) -> None:
        """Let time pass for one lease, and ask on the device that has its address by now."""
        link = self._holder(line.holding.interface)
        line.holding.tick(now(), ours=link is not None)
        line.close()  # the device may be another than last time
        if link and line.holding.asking:
            try:
                line.socket = packets.listen(link.name, frames.ETH_P_IP, CLIENT_PORT)
                self._poll.register(line.socket, select.EPOLLIN)
            except OSError as error:
                self._say(6, f"lease: {link.name}: {error.strerror}")
        line.send()

    def _holder(self, interface: Interface) -> Link | None:
        """The device that has the interface's address: it may have been renamed, or become a bridge's."""
        try:
            with Kernel() as routes:
                return routes.holder(interface.address)
        except (OSError, netlink.NetlinkError) as error:
            self._say(4, f"lease: {error}")
            return None

    def _take_over(self, old: Interface, new: Interface) -> None:
        """Record a new lease; what it changed about addresses and routes is added to what is there."""
        interfaces = (new if interface == old else interface for interface in self.network.interfaces)
        self.network = self.network._replace(interfaces=tuple(interfaces))
        try:
            if any(getattr(old, name) != getattr(new, name) for name in _ASSIGNED):
                with Kernel() as routes:
                    link = routes.holder(old.address)
                    if link:
                        routes.assign(link, new)
            network.leave_files(self.network, self._folder, run="")
        except (OSError, netlink.NetlinkError) as error:
            self._say(3, f"lease: {new.device}: {error}")


def give_back(state: Network, say: Say) -> None:
    """Release every lease (RFC 2131, 4.4.6): the last thing that goes out, as nothing comes back."""
    for interface in state.interfaces:
        frame = lease.release(interface, _random(), now())
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
    """Keep the leases until SIGTERM. Standard output is the kernel's log."""
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
    poll = select.poll()
    poll.register(keeper, select.POLLIN)
    while True:
        poll.poll()
        keeper.serve()
