"""Whether another machine has a static address: arp.py's effects, for a device that is about to get it."""

from __future__ import annotations

import select
import time

from init.network import sockets
from init.system.stdlib import TYPE_CHECKING
from init.wire import arp, ethernet, netlink
from init.wire.ip4 import packed

if TYPE_CHECKING:
    from init.network.rtnetlink import Rtnetlink
    from init.wire.netlink import Link

_IFF_NOARP = 0x80
PATIENCE = 1.0  # seconds until a carrier counts though the kernel has not acted on it (netlink.Link.running)


def found(kernel: Rtnetlink, link: Link, address: str) -> str:
    """Return what is the matter with `address`, "" where no other machine says that it has it.

    That nobody can be asked (a kernel without packet sockets, a device that goes down just now) is said, no more.
    """
    if link.type != netlink.ARPHRD_ETHER or link.flags & _IFF_NOARP:
        return ""
    try:
        _await_running(kernel, link)
        opened = sockets.listen(link.name, ethernet.ETH_P_ARP)
        try:
            mac = bytes.fromhex(link.mac.replace(":", ""))
            holder = _ask(opened, arp.Probe(mac, packed(address) or b"", time.monotonic()))
        finally:
            opened.close()
    except OSError as error:
        return f"may be in use by another machine, which cannot be asked: {error.strerror}"
    return f"is in use by {holder.hex(':')}" if holder else ""


def _await_running(kernel: Rtnetlink, link: Link) -> None:
    """Wait until what is sent leaves the machine: a question that is lost finds nobody."""
    links = {link.number: link}
    until = time.monotonic() + PATIENCE
    while link.number in links and not links[link.number].running and time.monotonic() < until:
        select.select([kernel.events], [], [], max(0.0, until - time.monotonic()))
        kernel.changes(links)


def _ask(opened: sockets.Socket, probe: arp.Probe) -> bytes:
    """Carry a probe through."""
    while not probe.over:
        for frame in probe.outgoing():
            opened.send(frame)
        select.select([opened], [], [], max(0.0, probe.deadline() - time.monotonic()))
        while not probe.over and (packet := sockets.receive(opened)):
            try:
                probe.receive(packet.frame)
            except ethernet.PacketError:
                pass
        probe.tick(time.monotonic())
    return probe.holder
