"""A DHCPv6 lease given back: acknowledged, so that its answer is waited for."""

from __future__ import annotations

import select
import time

from init.keeper import holding6, line
from init.keeper.line6 import local
from init.network import sockets
from init.network.rtnetlink import Rtnetlink
from init.system import log
from init.system.log import NOTICE, WARNING
from init.system.stdlib import TYPE_CHECKING
from init.wire import dhcp6, ip6, netlink, netlink6

if TYPE_CHECKING:
    from init.network.state import Interface
    from init.wire.netlink import Link

PATIENCE = 3.0  # seconds for the address on the link, which a device that was set up again has only after one or two


def give_back(interface: Interface, say: log.Say) -> None:
    """Release a lease (RFC 8415, 18.2.7): the address goes first, then the server is told, twice where it is silent."""
    client = holding6.releasing(interface, line.random(), line.now())
    if client is None:
        return
    try:
        with Rtnetlink() as routes:
            link = routes.holder(interface.address)
            if link is None:
                return
            source = _await_local(routes, link)
            address = ip6.packed(interface.address) or b""
            routes.ask(netlink6.remove_address, link.number, address, interface.prefix)
        opened = sockets.listen6(source, link.number, dhcp6.CLIENT_PORT)
        try:
            heard = _converse(client, opened, link.number)
        finally:
            opened.close()
    except (OSError, netlink.NetlinkError) as error:
        say(WARNING, f"shutdown: {interface.device}: lease not given back: {error}")
        return
    silent = "" if heard else ", which does not say that it has heard"
    say(NOTICE, f"shutdown: {interface.device}: lease of {interface.address} given back to {interface.server}{silent}")


def _await_local(routes: Rtnetlink, link: Link) -> bytes:
    """Return the device's address on its link once the kernel has seen that it is free. Raises OSError."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return local(routes, link.number)
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
        poll.poll(max(0, int((client.deadline() - line.now()) * 1000) + 1))
        while (answer := sockets.receive6(opened, dhcp6.SERVER_PORT)) is not None:
            if client.receive(answer, line.now()).kind == "ack":
                return True
        client.tick(line.now())
    return False
