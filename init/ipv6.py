"""IPv6 on one device: router advertisements (auto6), DHCPv6 (dhcp6) or an address of the command line.

The kernel solicits routers, makes addresses of their prefixes and sees that nobody else has them (RFC 4862); what
is done here is to wait for it, to ask for what it does not (DHCPv6), and to say what came of it. The search for the
device is network.Search's, woken by rtnetlink's announcements of addresses; where there is news, the kernel is asked
for the whole state again, so that no lost announcement matters.
"""

from __future__ import annotations

import errno
import os

from . import dhcp6, ip6, netlink, netlink6
from .cheap import TYPE_CHECKING, socket
from .netstate import Interface
from .network import Device, Search

if TYPE_CHECKING:
    from collections.abc import Callable

    from .dhcp import Outcome
    from .ipconfig import Request
    from .netlink import Link
    from .netlink6 import Address6, Told
    from .rtnl import Kernel

GROUPS = netlink.RTMGRP_IPV6_IFADDR | netlink6.RTMGRP_ND_USEROPT
PATIENCE = 3.0  # seconds for what is welcome but not needed: name servers by DHCPv6, a router beside it
_LARGEST = 65536
_ROUTER_SOLICITATION = bytes((133, 0, 0, 0, 0, 0, 0, 0))  # the kernel fills in the checksum
_ALL_ROUTERS = "ff02::2"


class Device6(Device):
    """A device that may be the one: what its addresses, routers and servers have come to."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.found: Address6 | None = None
        self.asking: dhcp6.Client | None = None
        self.lease: dhcp6.Lease6 | None = None
        self.told: Told | None = None
        self.solicited = False
        self.until = 0.0  # when what is welcome but not needed is no longer waited for
        self.outcome = "no carrier"

    def deadline(self) -> float:
        return min(self.asking.deadline() if self.asking else dhcp6.FOREVER, self.until or dhcp6.FOREVER)

    def ask(self, source: Address6, *, stateless: bool, now: float) -> dhcp6.Client:
        """Open a socket on the device for a client of DHCPv6. Raises OSError."""
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        opened = socket.socket(socket.AF_INET6, kind, 0)
        self.sockets.append(opened)
        opened.bind((ip6.text(source.address), dhcp6.CLIENT_PORT, 0, self.link.number))
        xid = int.from_bytes(os.urandom(4), "big")
        mac = bytes.fromhex(self.link.mac.replace(":", ""))
        return dhcp6.Client(mac, xid, now, stateless=stateless)

    def stop(self, outcome: str) -> None:
        super().stop(outcome)
        self.asking = None
        self.until = 0.0

    def talk(self, client: dhcp6.Client, now: float) -> list[Outcome]:
        """Receive, let time pass, send; what cannot be sent counts as lost and is asked again."""
        outcomes = []
        for opened in self.sockets:
            while True:
                try:
                    payload, sender = opened.recvfrom(_LARGEST)
                except BlockingIOError:
                    break
                if sender[1] == dhcp6.SERVER_PORT:
                    outcomes.append(client.receive(payload, now))
        client.tick(now)
        for payload in client.outgoing():
            try:
                self.sockets[0].sendto(payload, (dhcp6.SERVERS, dhcp6.SERVER_PORT, 0, self.link.number))
            except OSError as error:
                self.outcome = f"cannot send: {error.strerror}"
        return outcomes


class Search6(Search):
    """The search for the device of one IPv6 request, until it has its address."""

    HINT = "does a router announce itself (ip=auto6), or a DHCPv6 server answer (ip=dhcp6)? both are in the log"

    def _device(self, link: Link) -> Device6:
        return Device6(link)

    def hear(self, message: netlink.Message) -> None:
        """Take in what a router told; Kernel.changes() hands it on."""
        if message.kind == netlink6.RTM_NEWNDUSEROPT:
            told = netlink6.told(message)
            device = self._devices.get(told.link) if told else None
            if told and isinstance(device, Device6) and (told.dns or told.search):
                before = device.told or told
                device.told = told._replace(dns=told.dns or before.dns, search=told.search or before.search)

    def _serve(self, device: Device, now: float) -> bool:
        if not isinstance(device, Device6) or device.link.type != netlink.ARPHRD_ETHER:
            raise OSError(errno.EPROTONOSUPPORT, "not an Ethernet device")
        addresses = self._kernel.addresses6(device.link.number)
        if device.asking:
            self._hear_servers(device, device.asking, now)
        if self._request.client:
            return self._give(device, addresses, ip6.packed(self._request.client) or b"", int(self._request.netmask))
        if self._request.autoconf == ip6.AUTO:
            return self._automatic(device, addresses, now)
        return self._leased(device, addresses, now)

    def _say(self, device: Device6, outcome: str) -> None:
        """Log what is waited for or has happened, once."""
        if outcome != device.outcome:
            device.outcome = outcome
            self._log(f"{device.link.name}: {outcome}")

    def _solicit(self, device: Device6, source: Address6) -> None:
        """Ask routers where the kernel will not: it did so when the device was set up, maybe long before us."""
        if device.solicited or device.set_up_by_us:
            return
        device.solicited = True
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        asking = socket.socket(socket.AF_INET6, kind, socket.IPPROTO_ICMPV6)
        try:
            asking.bind((ip6.text(source.address), 0, 0, device.link.number))
            asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)  # RFC 4861, 6.1.1
            asking.sendto(_ROUTER_SOLICITATION, (_ALL_ROUTERS, 0, 0, device.link.number))
        except OSError as error:
            self._log(f"{device.link.name}: no router asked: {error.strerror}")
        finally:
            asking.close()

    def _local(self, device: Device6, addresses: list[Address6]) -> Address6 | None:
        """The address to ask from, once it is there."""
        local = [address for address in addresses if address.link_local]
        usable = [address for address in local if address.usable]
        if not usable:
            self._say(device, "carrier, waiting for its own address on the link")
            return None
        self._solicit(device, usable[0])
        return usable[0]

    def _automatic(self, device: Device6, addresses: list[Address6], now: float) -> bool:
        """Wait for an address made of a router's prefix, then a little for name servers."""
        made = [one for one in addresses if not one.link_local and not one.flags & netlink6.IFA_F_TEMPORARY]
        usable = [address for address in made if address.usable]
        local = self._local(device, addresses)
        if local is None:
            return False
        if not usable:
            flags = self._kernel.router_flags(device.link.number)
            if any(address.flags & netlink6.IFA_F_DADFAILED for address in made):
                self._say(device, "another machine on the link has its address")
            elif made:
                self._say(device, f"has {ip6.text(made[0].address)}, seeing that nobody else has it")
            elif flags & netlink6.RECEIVED:
                asks = ", it has machines ask by DHCPv6 (ip=dhcp6)" if flags & netlink6.MANAGED else ""
                self._say(device, f"a router, but no prefix to make an address of{asks}")
            else:
                self._say(device, "carrier, waiting for a router's advertisement")
            return False
        device.found = usable[0]
        if self._request.dns or (device.told and device.told.dns) or device.lease:
            return True
        if not device.until:
            more = self._kernel.router_flags(device.link.number) & (netlink6.OTHER | netlink6.MANAGED)
            if not more and not device.solicited:
                return True
            device.until = now + PATIENCE
            if more:
                self._say(device, "the router has told of no name servers, asking by DHCPv6")
                self._ask(device, local, stateless=True, now=now)
        return now >= device.until

    def _leased(self, device: Device6, addresses: list[Address6], now: float) -> bool:
        """Ask by DHCPv6 for an address, give it to the device, and wait a little for a router."""
        if device.lease:
            if not self._give(device, addresses, ip6.packed(device.lease.address) or b"", 128):
                return False
            device.until = device.until or now + PATIENCE
            router = self._kernel.router_flags(device.link.number) & netlink6.RECEIVED
            return bool(router) or now >= device.until
        local = self._local(device, addresses)
        if local is not None and device.asking is None:
            self._say(device, "carrier, asking for an address (dhcp6)")
            device.outcome = "no answer"
            self._ask(device, local, stateless=False, now=now)
        return False

    @staticmethod
    def _ask(device: Device6, source: Address6, *, stateless: bool, now: float) -> None:
        """Begin to ask by DHCPv6; the first question leaves at once."""
        device.asking = device.ask(source, stateless=stateless, now=now)
        device.talk(device.asking, now)

    def _hear_servers(self, device: Device6, client: dhcp6.Client, now: float) -> None:
        """Let the client have what came, and note what it made of it."""
        for outcome in device.talk(client, now):
            if outcome.kind == "nak":
                self._say(device, f"refused by the server: {outcome.reason}")
            elif outcome.kind == "dropped":
                self._say(device, f"no good answer; dropped a packet: {outcome.reason}")
            elif outcome.kind == "offer":
                device.outcome = "an offer, but no reply to the request for it"
        device.lease = client.lease

    def _give(self, device: Device6, addresses: list[Address6], wanted: bytes, prefix: int) -> bool:
        """Give the device an address; True when the kernel has seen that nobody else has it."""
        there = [one for one in addresses if one.address == wanted]
        if not there:
            self._kernel.ask(netlink6.replace_address, device.link.number, wanted, prefix)
            self._say(device, f"has {ip6.text(wanted)}, seeing that nobody else has it")
            return False
        if there[0].flags & netlink6.IFA_F_DADFAILED:
            self._kernel.ask(netlink6.remove_address, device.link.number, wanted, there[0].prefix)
            reason = f"another machine on the link has {ip6.text(wanted)}"
            if device.asking is None:
                raise OSError(errno.EADDRINUSE, reason)
            self._say(device, reason)
            device.asking.taken(self._now())
            device.talk(device.asking, self._now())
            device.lease = None
            return False
        device.found = there[0]
        return there[0].usable


def configure(
    kernel: Kernel, request: Request, taken: set[str], metric: int, deadline: float,
    log: Callable[[str], None], now: Callable[[], float],
) -> Interface:  # fmt: skip
    """Find the device of `request` and wait for its address. Raises NetworkError, OSError, NetlinkError."""
    if not os.path.isdir("/proc/sys/net/ipv6"):
        raise OSError(errno.EAFNOSUPPORT, "this kernel has no IPv6 (ipv6.disable=1 on its command line?)")
    search = Search6(kernel, request, taken, log, now)
    kernel.other = search.hear
    try:
        device = search.run(deadline)
        if not isinstance(device, Device6) or device.found is None:
            raise OSError(errno.EADDRNOTAVAIL, "no address")
        interface = _interface(request, device, device.found, metric)
        if request.gateway:
            gateway = ip6.packed(request.gateway) or b""
            kernel.ask(netlink6.default_route, device.link.number, gateway, metric)
        else:
            interface = interface._replace(gateway=kernel.gateway6(device.link.number))
        return interface
    finally:
        kernel.other = None
        search.finish()


def _interface(request: Request, device: Device6, found: Address6, metric: int) -> Interface:
    """What came of it; the command line wins."""
    link, lease, told = device.link, device.lease, device.told
    dns = request.dns or (told.dns if told else ()) or (lease.dns if lease else ())
    # A link-local address means a machine only together with its link (RFC 4007, 11.2).
    dns = tuple(f"{one}%{link.name}" if ip6.is_link_local(ip6.packed(one) or b"\0\0") else one for one in dns)
    search = tuple(dict.fromkeys((*(told.search if told else ()), *(lease.search if lease else ()))))
    return Interface(
        device=link.name,
        mac=link.mac,
        protocol="static" if request.client else request.autoconf,
        address=ip6.text(found.address),
        prefix=found.prefix,
        gateway=request.gateway,
        metric=metric,
        dns=dns,
        search=search,
        hostname=request.hostname,
        nis_domain=request.domain,
        bootserver=request.server,
        ntp=request.ntp or (lease.ntp if lease else ()),
        lease_seconds=(lease.seconds or 0) if lease and lease.address else 0,
        kind=link.kind,
    )
