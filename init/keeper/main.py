"""The keeper: whatever stays behind keeps the root's leases, and here is the process that systemd is told to spare.

In the supervisor a Keeper is one more descriptor to wait for. Where systemd gets the ramdisk, the image's entry
point /keeper runs one by itself: started before the root is switched (perform/switch.py), on the staged ramdisk
alone, so that it holds neither the initramfs nor the root, with an argv[0] that begins with '@'
(ROOT_STORAGE_DAEMONS); the shutdown ramdisk ends it. It also puts back what the real system takes down of the network
(watch.py). No socket for packets is open while no answer is due.
"""

from __future__ import annotations

import os
import select
import time

from init.keeper.line import Line, now
from init.keeper.watch import Watch
from init.network.files import leave_files, read_state
from init.network.rtnetlink import Rtnetlink
from init.network.state import Interface, Network
from init.system import log, syscalls
from init.system.cmodules import signal
from init.system.log import ERROR, WARNING, Say
from init.system.places import NETWORK
from init.wire import netlink


def _line(interface: Interface, poll: select.epoll) -> Line:
    if interface.six:
        from init.keeper.line6 import Line6  # late: few boots need it

        return Line6(interface, poll)
    return Line(interface, poll)


class Keeper:
    """Keeps every lease that can end; poll its fileno() for reading, then call serve()."""

    def __init__(self, network: Network, folder: str, say: Say) -> None:
        self.network = network  # with the leases that there are by now, as recorded in `folder`
        self._folder = folder
        self._say = say
        self._timer = syscalls.timerfd_create()
        self._poll = select.epoll()
        self._lines = [_line(interface, self._poll) for interface in network.interfaces if interface.renewable]
        self._poll.register(self._timer, select.EPOLLIN)
        self._rtnetlink = Rtnetlink()
        self._poll.register(self._rtnetlink.events, select.EPOLLIN)
        self._carriers = {link.number: link.carrier_changes for link in self._rtnetlink.links().values()}
        self.serve()

    def fileno(self) -> int:
        return self._poll.fileno()

    def serve(self) -> None:
        """Do what is due, without waiting."""
        try:
            os.read(self._timer, 8)
        except BlockingIOError:
            pass
        back = self._back()
        for line in self._lines:
            before = line.holding.interface
            line.receive()
            if back:
                self._moved(line, back)
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
        syscalls.timerfd_settime(self._timer, due)

    def _back(self) -> set[int]:
        """The devices, by index, whose carrier has gone and come back since."""
        try:
            changed = [netlink.link(one) for one in self._rtnetlink.announced() if one.kind == netlink.RTM_NEWLINK]
        except OSError:  # more was announced than the socket could hold
            changed = list(self._rtnetlink.links().values())
        with_carrier = {link.number: link.carrier_changes for link in changed if link.carrier}
        back = {number for number, changes in with_carrier.items() if changes != self._carriers.get(number)}
        self._carriers |= with_carrier
        return back

    def _moved(self, line: Line, back: set[int]) -> None:
        """Ask anew for a lease whose device is among those that are `back`."""
        link = self._on(line)
        if link is not None and link.number in back:
            line.holding.moved(now())
            line.send()

    def _on(self, line: Line) -> netlink.Link | None:
        """The device that has the lease's address by now, which is the one to ask on."""
        link = self._link_of(line.holding.interface)
        if link is None or line.device is None or link.number != line.device.number:
            line.close()  # the device is another than last time
        line.device = link
        return link

    def _tick(self, line: Line) -> None:
        """Let time pass for one lease."""
        link = self._on(line)
        line.holding.tick(now(), ours=link is not None)
        line.send()

    def _link_of(self, interface: Interface) -> netlink.Link | None:
        """The device that has the interface's address: it may have been renamed, or become a bridge's."""
        try:
            with Rtnetlink() as rtnetlink:
                return rtnetlink.link_with(interface.address)
        except (OSError, netlink.NetlinkError) as error:
            self._say(WARNING, f"lease: {error}")
            return None

    def _take_over(self, line: Line, old: Interface) -> None:
        """Record a new lease and go by it."""
        new = line.holding.interface
        interfaces = (new if interface == old else interface for interface in self.network.interfaces)
        self.network = self.network._replace(interfaces=tuple(interfaces))
        try:
            with Rtnetlink() as rtnetlink:
                line.assign(rtnetlink, old)
            leave_files(self.network, self._folder, run="")
        except (OSError, netlink.NetlinkError) as error:
            self._say(ERROR, f"lease: {new.device}: {error}")


def main() -> None:
    """Keep the network and its leases until SIGTERM. Standard output is the kernel's log."""
    syscalls.mark_root_storage_daemon()

    def say(level: int, text: str) -> None:
        try:
            os.write(1, log.record(level, text))
        except OSError:
            pass

    keeper = Keeper(read_state(NETWORK), NETWORK, say)
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    watch = Watch(say)
    poll = select.poll()
    poll.register(keeper, select.POLLIN)
    poll.register(watch, select.POLLIN)
    while True:
        poll.poll(max(0.0, watch.look_at - time.monotonic()) * 1000 + 1 if watch.look_at else None)
        keeper.serve()
        watch.serve(keeper.network)
