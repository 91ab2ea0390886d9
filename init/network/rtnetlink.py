"""rtnetlink's sockets: what wire/netlink.py encodes, asked of the kernel and followed as it changes."""

from __future__ import annotations

import errno
import os
import select

from init.network.state import Interface
from init.system.cmodules import socket
from init.system.stdlib import Callable, Iterator
from init.wire import ip4, netlink
from init.wire.exchange import INFINITE

Refused = Callable[[str], None]  # is told what the kernel did not take, and why
_LARGEST = 65536  # bytes that one recv() may return; the kernel's own answers are at most 32 kB (netlink_recvmsg)


def packed(address: str) -> bytes:
    """Return the bytes of an address of either family, b"" where the text is none."""
    if ":" not in address:
        return ip4.packed(address) or b""
    from init.wire import ip6  # late: few boots need it

    return ip6.packed(address) or b""


class Rtnetlink:
    """One socket for requests and their answers, `events` for what happens meanwhile."""

    def __init__(self, groups: int = netlink.RTMGRP_LINK) -> None:
        """`groups` are the kinds of change that `events` announces (RTMGRP_*)."""
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._requests = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        self._requests.bind((0, 0))
        self.events = socket.socket(socket.AF_NETLINK, kind | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self.events.bind((0, groups))
        self.others: list[Callable[[netlink.Message], None]] = []  # are given what changes() has no use for
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

    def links(self) -> dict[int, netlink.Link]:
        return {link.number: link for link in map(netlink.link, self.ask(netlink.dump_links))}

    def addresses(self, number: int, family: int = netlink.AF_INET) -> list[netlink.Address]:
        addresses = map(netlink.address, self.ask(netlink.dump_addresses, family))
        return [address for address in addresses if address.link == number]

    def link_with(self, address: str) -> netlink.Link | None:
        """Return the device that has this address without end, as assign() gives it.

        An address that is there for a time only is some DHCP client's of the real system, which has taken it over.
        """
        family = netlink.AF_INET6 if ":" in address else netlink.AF_INET
        wanted = packed(address)
        for one in map(netlink.address, self.ask(netlink.dump_addresses, family)):
            if one.address == wanted and one.usable and one.valid == INFINITE:
                return self.links().get(one.link)
        return None

    def announced(self) -> Iterator[netlink.Message]:
        """Yield what was announced since; never waits. Raises OSError: ENOBUFS for more than the socket could hold."""
        try:
            while True:
                yield from netlink.messages(self.events.recv(_LARGEST))
        except BlockingIOError:
            return

    def changes(self, links: dict[int, netlink.Link]) -> None:
        """Bring `links` up to date with what was announced since; never waits."""
        try:
            for message in self.announced():
                if message.kind in (netlink.RTM_NEWLINK, netlink.RTM_DELLINK):
                    link = netlink.link(message)
                    links.pop(link.number, None)
                    if message.kind == netlink.RTM_NEWLINK:
                        links[link.number] = link
                else:
                    for other in self.others:
                        other(message)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            links.clear()
            links.update(self.links())

    def await_changes(self, links: dict[int, netlink.Link], seconds: float) -> None:
        """Wait until something is announced, so long at most, and bring `links` up to date."""
        poll = select.poll()
        poll.register(self.events, select.POLLIN)
        poll.poll(max(0, int(seconds * 1000)) + 1)
        self.changes(links)

    def set_up_loopback(self) -> None:
        """Bring lo up; the kernel gives it its address by itself."""
        for link in self.links().values():
            if link.flags & netlink.IFF_LOOPBACK and not link.up:
                self.ask(netlink.set_link, link.number, up=True)

    def gateway6(self, number: int) -> str:
        """Return the router that IPv6's default route by this device goes to, "" where there is none."""
        from init.wire import ip6, netlink6  # late: few boots need it

        gateways = map(netlink6.gateway, self.ask(netlink6.dump_routes))
        return next((ip6.text(gateway) for index, gateway in gateways if index == number), "")

    def attempt(
        self, refused: Refused, what: str, build: Callable[..., bytes], *values: object, **named: object
    ) -> bool:
        """Ask for something that is welcome but not needed; a refusal is told. Whether it is there by now."""
        try:
            self.ask(build, *values, **named)
        except OSError as error:
            refused(f"{what} is not set: {error.strerror}")
            return False
        return True

    def assign(self, link: netlink.Link, interface: Interface, refused: Refused) -> Interface:
        """Give a device its MTU, address and routes; doing it twice changes nothing. Raises OSError.

        MTU and routes that the kernel or the driver refuses are told, and missing in what comes back: the address
        is worth more than they are.
        """
        self.ask(netlink.set_link, link.number, up=True)
        mtu = interface.mtu if self.set_mtu(refused, link, interface.mtu) else 0
        # IPv6's it has, or had a moment ago: the kernel need not look again whether another machine has it.
        flags, preferred = netlink.IFA_F_NODAD if interface.six else 0, interface.preferred
        address = packed(interface.address)
        self.ask(netlink.replace_address, link.number, address, interface.prefix, flags=flags, preferred=preferred)
        routes, gateway = [], interface.gateway
        # Routes to neighbours first: the others may need them to reach their gateway.
        for route in sorted(interface.routes, key=lambda route: bool(route.gateway)):
            what = f"the route to {route.destination}/{route.prefix}" + (
                f" by {route.gateway}" if route.gateway else ""
            )
            destination, by = packed(route.destination), packed(route.gateway)
            if self.attempt(refused, what, netlink.replace_route, link.number, destination, route.prefix, by):
                routes.append(route)
        if gateway and not (interface.six and self.gateway6(link.number)):
            gateway = gateway if self.set_gateway(refused, link, gateway, interface.metric) else ""
        return interface._replace(mtu=mtu, routes=tuple(routes), gateway=gateway)

    def set_mtu(self, refused: Refused, link: netlink.Link, mtu: int) -> bool:
        """Set the MTU where one is asked for that the device has not; whether it was not refused."""
        asked_for = mtu not in (0, link.mtu)
        return not asked_for or self.attempt(refused, f"the MTU {mtu}", netlink.set_link, link.number, mtu=mtu)

    def set_gateway(self, refused: Refused, link: netlink.Link, gateway: str, metric: int) -> bool:
        """Set the default route; whether it was not refused."""
        what = f"the gateway {gateway}"
        return self.attempt(refused, what, netlink.default_route, link.number, packed(gateway), metric)
