"""Whether another machine has a static address: asked by ARP on a device that is about to get it."""

from __future__ import annotations

import select
import time

from init.network import sockets
from init.network.rtnetlink import Rtnetlink, packed
from init.wire import arp, ethernet, netlink

_IFF_NOARP = 0x80
RUNNING_WAIT = 1.0  # seconds until a carrier counts though the kernel has not acted on it (netlink.Link.running)


def who_has(rtnetlink: Rtnetlink, link: netlink.Link, address: str) -> str:
    """Return what is the matter with `address`, "" where no other machine says that it has it.

    That nobody can be asked (a kernel without packet sockets, a device that goes down just now) is said, no more.
    """
    if link.type != netlink.ARPHRD_ETHER or link.flags & _IFF_NOARP:
        return ""
    try:
        _await_running(rtnetlink, link)
        opened = sockets.listen(link.name, ethernet.ETH_P_ARP)
        try:
            other = _ask(opened, arp.Probe(ethernet.octets(link.mac), packed(address), time.monotonic()))
        finally:
            opened.close()
    except OSError as error:
        return f"may be in use by another machine, which cannot be asked: {error.strerror}"
    return f"is in use by {other.hex(':')}" if other else ""


def _await_running(rtnetlink: Rtnetlink, link: netlink.Link) -> None:
    """Wait until what is sent leaves the machine: a question that is lost finds nobody."""
    links = {link.number: link}
    until = time.monotonic() + RUNNING_WAIT
    while link.number in links and not links[link.number].running and time.monotonic() < until:
        rtnetlink.await_changes(links, until - time.monotonic())


def _ask(opened: sockets.Socket, probe: arp.Probe) -> bytes:
    """Carry a probe through; the hardware address of the machine that answers, b"" for none. Raises OSError."""
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
    return probe.owner
