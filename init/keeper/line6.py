"""keeper.py's part for DHCPv6: the socket is plain UDP from the device's own address on the link, since the kernel
gives every device one; a release is acknowledged, so that its answer is waited for.
"""

from __future__ import annotations

import errno

from init.keeper import line
from init.network import sockets
from init.network.rtnetlink import Rtnetlink
from init.system.stdlib import TYPE_CHECKING
from init.wire import dhcp6, ip6, netlink6

if TYPE_CHECKING:
    from init.network.state import Interface
    from init.wire.netlink import Link

ETH_P_IPV6 = 0x86DD


def local(routes: Rtnetlink, number: int) -> bytes:
    """Return the address that the device with this index has on its link. Raises OSError."""
    for found in routes.addresses6(number):
        if found.link_local and found.usable:
            return found.address
    raise OSError(errno.EADDRNOTAVAIL, "no address on the link")


class Line6(line.Line):
    """One lease of DHCPv6."""

    def _send(self, device: Link, payload: bytes) -> None:
        def build() -> sockets.Socket:
            with Rtnetlink() as routes:
                return sockets.listen6(local(routes, device.number), device.number, dhcp6.CLIENT_PORT)

        opened = self._open(ETH_P_IPV6, build)
        opened.sendto(payload, (dhcp6.SERVERS, dhcp6.SERVER_PORT, 0, device.number))

    def _receive(self, opened: sockets.Socket) -> bool:
        payload = sockets.receive6(opened, dhcp6.SERVER_PORT)
        if payload is not None:
            self.holding.receive(payload, line.now())
        return payload is not None

    def assign(self, routes: Rtnetlink, old: Interface) -> None:
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
