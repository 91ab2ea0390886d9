"""A DHCPv6 lease given back: acknowledged, so that its answer is waited for."""

from __future__ import annotations

import select
import time

from init.keeper import holding6
from init.keeper.line import now
from init.keeper.line6 import link_local
from init.network import sockets
from init.network.rtnetlink import Rtnetlink, packed
from init.network.state import Interface
from init.wire import dhcp6, netlink

# Seconds for the address on the link, which a device that was set up again has only after one or two.
LINK_LOCAL_WAIT = 3.0


def release6(interface: Interface) -> str | None:
    """Release a lease (RFC 8415, 18.2.7): the address goes first, then the server is told, twice where it is silent.

    Answers what the log is to say of the server, None where there is nothing to be told. Raises OSError, NetlinkError.
    """
    client = holding6.releasing(interface, sockets.new_xid(), now())
    if client is None:
        return None
    with Rtnetlink() as rtnetlink:
        link = rtnetlink.link_with(interface.address)
        if link is None:
            return None
        source = _await_link_local(rtnetlink, link)
        rtnetlink.ask(netlink.remove_address, link.number, packed(interface.address), interface.prefix)
    opened = sockets.listen6(source, link.number, dhcp6.CLIENT_PORT)
    try:
        heard = _converse(client, opened, link.number)
    finally:
        opened.close()
    return "" if heard else ", which does not say that it has heard"


def _await_link_local(rtnetlink: Rtnetlink, link: netlink.Link) -> bytes:
    """Return the device's address on its link once the kernel has seen that it is free. Raises OSError."""
    until = time.monotonic() + LINK_LOCAL_WAIT
    while True:
        try:
            return link_local(rtnetlink, link.number)
        except OSError:
            if time.monotonic() >= until:
                raise
        time.sleep(0.05)


def _converse(client: dhcp6.Client, opened: sockets.Socket, number: int) -> bool:
    """Carry the release through; whether it was answered. Raises OSError."""
    poll = select.poll()
    poll.register(opened, select.POLLIN)
    while client.state != dhcp6.RELEASED:
        for payload in client.outgoing():
            opened.sendto(payload, (dhcp6.SERVERS, dhcp6.SERVER_PORT, 0, number))
        poll.poll(max(0, int((client.deadline() - now()) * 1000) + 1))
        while (answer := sockets.receive6(opened)) is not None:
            if client.receive(answer, now()).kind == "ack":
                return True
        client.tick(now())
    return False
