"""One lease of DHCPv6 and the socket it is talked about on: plain UDP from the device's own address on the link, since
the kernel gives every device one.
"""

from __future__ import annotations

import errno

from init.keeper import line
from init.network import sockets
from init.network.rtnetlink import Rtnetlink, packed
from init.network.state import Interface
from init.wire import dhcp6, netlink

_ETH_P_IPV6 = 0x86DD


def link_local(rtnetlink: Rtnetlink, number: int) -> bytes:
    """Return the address that the device with this index has on its link. Raises OSError."""
    for one in rtnetlink.addresses(number, netlink.AF_INET6):
        if one.link_local and one.usable:
            return one.address
    raise OSError(errno.EADDRNOTAVAIL, "no address on the link")


class Line6(line.Line):
    """One lease of DHCPv6."""

    def _send(self, device: netlink.Link, payload: bytes) -> None:
        def build() -> sockets.Socket:
            with Rtnetlink() as rtnetlink:
                return sockets.listen6(link_local(rtnetlink, device.number), device.number, dhcp6.CLIENT_PORT)

        opened = self._open(_ETH_P_IPV6, build)
        opened.sendto(payload, (dhcp6.SERVERS, dhcp6.SERVER_PORT, 0, device.number))

    def _receive(self, opened: sockets.Socket) -> bool:
        payload = sockets.receive6(opened)
        if payload is not None:
            self.holding.receive(payload, line.now())
        return payload is not None

    def assign(self, rtnetlink: Rtnetlink, old: Interface) -> None:
        """Tell the kernel how long the address is preferred from now on.

        One that was given instead is seen to be free by the kernel before it is used (RFC 4862, 5.4), and the old one
        stays for the connections over it, but is preferred no longer.
        """
        new = self.holding.interface
        link = rtnetlink.link_with(old.address)
        if link is None:
            return
        if new.address == old.address:
            rtnetlink.assign(link, new, self.refused)
            return
        for interface, life in ((new, new.preferred), (old, 0)):
            address = packed(interface.address)
            rtnetlink.ask(netlink.replace_address, link.number, address, interface.prefix, preferred=life)
