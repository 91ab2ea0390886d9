"""rtnetlink's sockets: what netlink.py encodes, asked of the kernel and followed as it changes."""

from __future__ import annotations

import errno
import os

from init.system.cmodules import socket
from init.system.stdlib import TYPE_CHECKING
from init.wire import netlink
from init.wire.ip4 import packed

if TYPE_CHECKING:
    from collections.abc import Callable

    from init.network.state import Interface
    from init.wire.netlink import Link
    from init.wire.netlink6 import Address6

_LARGEST = 65536


class Rtnetlink:
    """rtnetlink: one socket for requests and their answers, one for what happens meanwhile."""

    def __init__(self, groups: int = netlink.RTMGRP_LINK) -> None:
        """`groups` are the kinds of change that `events` announces."""
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._requests = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        self._requests.bind((0, 0))
        self.events = socket.socket(socket.AF_NETLINK, kind | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self.events.bind((0, groups))
        self.other: Callable[[netlink.Message], None] | None = None  # what changes() hands on
        self._sequence = 0

    def __enter__(self) -> Rtnetlink:
        return self

    def __exit__(self, *exception: object) -> None:
        self._requests.close()
        self.events.close()

    def ask(self, build: Callable[..., bytes], *values: object, **named: object) -> list[netlink.Message]:
        """Send the request that `build(sequence, …)` makes; return what a dump answers. Raises OSError."""
        self._sequence += 1
        self._requests.send(build(self._sequence, *values, **named))
        answer: list[netlink.Message] = []
        while True:
            for message in netlink.messages(self._requests.recv(_LARGEST)):
                if message.sequence != self._sequence:
                    continue
                if message.kind == netlink.NLMSG_DONE:
                    return answer
                if message.kind == netlink.NLMSG_ERROR:
                    number = netlink.error_number(message)
                    if number:
                        raise OSError(number, os.strerror(number))
                    return answer
                answer.append(message)

    def links(self) -> dict[int, Link]:
        """Return every device by its index."""
        found = map(netlink.link, self.ask(netlink.dump_links))
        return {link.number: link for link in found}

    def addresses(self, number: int) -> list[netlink.Address]:
        """Return the IPv4 addresses of the device with this index."""
        found = map(netlink.address, self.ask(netlink.dump_addresses))
        return [address for address in found if address.link == number]

    def holder(self, address: str) -> Link | None:
        """Return the device that has this address without end, as assign() gives it.

        An address that is there for a time only is some DHCP client's of the real system, which has taken it over.
        """
        if ":" in address:
            return self._holder6(address)
        wanted = packed(address)
        for found in map(netlink.address, self.ask(netlink.dump_addresses)):
            if found.address == wanted and found.valid == netlink.FOREVER:
                return self.links().get(found.link)
        return None

    def _holder6(self, address: str) -> Link | None:
        from init.wire import (
            ip6,
            netlink6,  # as everywhere: only where there is IPv6 to do
        )

        wanted = ip6.packed(address)
        for found in map(netlink6.address, self.ask(netlink6.dump_addresses)):
            if found.address == wanted and found.usable and found.valid == netlink.FOREVER:
                return self.links().get(found.link)
        return None

    def changes(self, links: dict[int, Link]) -> None:
        """Bring `links` up to date with what was announced since; never waits."""
        try:
            while True:
                for message in netlink.messages(self.events.recv(_LARGEST)):
                    if message.kind in (netlink.RTM_NEWLINK, netlink.RTM_DELLINK):
                        link = netlink.link(message)
                        links.pop(link.number, None)
                        if message.kind == netlink.RTM_NEWLINK:
                            links[link.number] = link
                    elif self.other:
                        self.other(message)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # more was announced than the socket could hold: look again
                raise
            links.clear()
            links.update(self.links())

    def set_up_loopback(self) -> None:
        """Bring lo up; the kernel gives it its address by itself."""
        for link in self.links().values():
            if link.flags & netlink.IFF_LOOPBACK and not link.up:
                self.ask(netlink.set_link, link.number, up=True)

    def addresses6(self, number: int) -> list[Address6]:
        """Return the IPv6 addresses of the device with this index."""
        from init.wire import netlink6

        found = map(netlink6.address, self.ask(netlink6.dump_addresses))
        return [address for address in found if address.link == number]

    def gateway6(self, number: int) -> str:
        """Return the router that IPv6's default route by this device goes to, "" where there is none."""
        from init.wire import ip6, netlink6

        found = map(netlink6.gateway, self.ask(netlink6.dump_routes))
        return next((ip6.text(gateway) for index, gateway in found if index == number), "")

    def router_flags(self, number: int) -> int:
        """Return what routers on this device said last (netlink6.router_flags)."""
        from init.wire import netlink6

        messages = self.ask(netlink.dump_links)
        return next((netlink6.router_flags(one) for one in messages if netlink.link(one).number == number), 0)

    def assign(self, link: Link, interface: Interface) -> None:
        """Give a device its MTU, address and routes; doing it twice changes nothing. Raises OSError."""
        mtu = interface.mtu if interface.mtu != link.mtu else 0
        self.ask(netlink.set_link, link.number, up=True, mtu=mtu)
        if interface.six:
            self._assign6(link, interface)
            return
        self.ask(netlink.replace_address, link.number, packed(interface.address), interface.prefix)
        # Routes to neighbours first: the others may need them to reach their gateway.
        for route in sorted(interface.routes, key=lambda route: bool(route.gateway)):
            gateway = packed(route.gateway) or b""
            self.ask(netlink.replace_route, link.number, packed(route.destination), route.prefix, gateway)
        if interface.gateway:
            gateway = packed(interface.gateway) or b""
            self.ask(netlink.replace_route, link.number, bytes(4), 0, gateway, interface.metric)

    def _assign6(self, link: Link, interface: Interface) -> None:
        """Give a device the IPv6 address that it has, or had a moment ago, and its default route."""
        from init.wire import ip6, netlink6

        address, flags = ip6.packed(interface.address) or b"", netlink6.IFA_F_NODAD
        self.ask(
            netlink6.replace_address, link.number, address, interface.prefix,
            flags=flags, preferred=interface.preferred,
        )  # fmt: skip
        if interface.gateway and not self.gateway6(link.number):
            gateway = ip6.packed(interface.gateway) or b""
            self.ask(netlink6.default_route, link.number, gateway, interface.metric)
