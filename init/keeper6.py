"""keeper.py's part for DHCPv6: the socket is plain UDP from the device's own address on the link, since the kernel
gives every device one; a release is acknowledged, so that its answer is waited for.
"""

from __future__ import annotations

import errno
import select
import time

from . import dhcp6, ip6, keeper, lease6, netlink, netlink6, packets
from .cheap import TYPE_CHECKING
from .rtnl import Kernel

if TYPE_CHECKING:
    from .netlink import Link
    from .netstate import Interface

ETH_P_IPV6 = 0x86DD
PATIENCE = 3.0  # seconds for the address on the link, which a device that was set up again has only after one or two


def local(routes: Kernel, number: int) -> bytes:
    """Return the address that the device with this index has on its link. Raises OSError."""
    for found in routes.addresses6(number):
        if found.link_local and found.usable:
            return found.address
    raise OSError(errno.EADDRNOTAVAIL, "no address on the link")


class Line6(keeper.Line):
    """One lease of DHCPv6."""

    def _send(self, device: Link, payload: bytes) -> None:
        def build() -> packets.Socket:
            with Kernel() as routes:
                return packets.listen6(local(routes, device.number), device.number, dhcp6.CLIENT_PORT)

        opened = self._open(ETH_P_IPV6, build)
        opened.sendto(payload, (dhcp6.SERVERS, dhcp6.SERVER_PORT, 0, device.number))

    def _receive(self, opened: packets.Socket) -> bool:
        payload = packets.receive6(opened, dhcp6.SERVER_PORT)
        if payload is not None:
            self.holding.receive(payload, keeper.now())
        return payload is not None

    def assign(self, routes: Kernel, old: Interface) -> None:
        """Tell the kernel how long the address is preferred from now on.

        One that was given instead is seen to be free by the kernel before it is used (RFC 4862, 5.4), and the old one
        stays for the connections over it, but is preferred no longer.
        """
        new = self.holding.interface
        link = routes.holder(old.address)
        if link is None:
            return
        if new.address == old.address:
            routes.assign(link, new)
            return
        for interface, life in ((new, new.preferred), (old, 0)):
            address = ip6.packed(interface.address) or b""
            routes.ask(netlink6.replace_address, link.number, address, interface.prefix, preferred=life)


def give_back(interface: Interface, say: keeper.Say) -> None:
    """Release a lease (RFC 8415, 18.2.7): the address goes first, then the server is told, twice where it is silent."""
    client = lease6.releasing(interface, keeper.random(), keeper.now())
    if client is None:
        return
    try:
        with Kernel() as routes:
            link = routes.holder(interface.address)
            if link is None:
                return
            source = _await_local(routes, link)
            address = ip6.packed(interface.address) or b""
            routes.ask(netlink6.remove_address, link.number, address, interface.prefix)
        opened = packets.listen6(source, link.number, dhcp6.CLIENT_PORT)
        try:
            heard = _converse(client, opened, link.number)
        finally:
            opened.close()
    except (OSError, netlink.NetlinkError) as error:
        say(4, f"shutdown: {interface.device}: lease not given back: {error}")
        return
    silent = "" if heard else ", which does not say that it has heard"
    say(5, f"shutdown: {interface.device}: lease of {interface.address} given back to {interface.server}{silent}")


def _await_local(routes: Kernel, link: Link) -> bytes:
    """Return the device's address on its link once the kernel has seen that it is free. Raises OSError."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return local(routes, link.number)
        except OSError:
            if time.monotonic() >= until:
                raise
        time.sleep(0.05)


def _converse(client: dhcp6.Client, opened: packets.Socket, number: int) -> bool:
    """Carry the release through; whether it was answered. Raises OSError."""
    poll = select.poll()
    poll.register(opened, select.POLLIN)
    while client.state != dhcp6.RELEASED:
        for payload in client.outgoing():
            opened.sendto(payload, (dhcp6.SERVERS, dhcp6.SERVER_PORT, 0, number))
        poll.poll(max(0, int((client.deadline() - keeper.now()) * 1000) + 1))
        while (answer := packets.receive6(opened, dhcp6.SERVER_PORT)) is not None:
            if client.receive(answer, keeper.now()).kind == "ack":
                return True
        client.tick(keeper.now())
    return False
