"""IPv6 on one device: router advertisements (auto6), DHCPv6 (dhcp6) or an address of the command line.

The kernel solicits routers, makes addresses of their prefixes and sees that nobody else has them (RFC 4862); what
is done here is to wait for it, to ask for what it does not (DHCPv6), and to say what came of it. The search for the
device is network.Search's, woken by rtnetlink's announcements of addresses; where there is news, the kernel is asked
for the whole state again, so that no lost announcement matters. What is recorded of it is lease6.py's.
"""

from __future__ import annotations

import errno
import os
import time

from init.cmdline import ip_request
from init.network import sockets, state6
from init.network.search import Device, Search
from init.system.cmodules import socket
from init.system.stdlib import TYPE_CHECKING
from init.wire import dhcp6, ip6, netlink, netlink6
from init.wire.exchange import FOREVER

if TYPE_CHECKING:
    from init.cmdline.ip_request import Request
    from init.network.state import Interface
    from init.wire.dhcp6_options import Lease6
    from init.wire.exchange import Outcome
    from init.wire.netlink import Link
    from init.wire.netlink6 import Address6, Told

GROUPS = netlink.RTMGRP_IPV6_IFADDR | netlink6.RTMGRP_ND_USEROPT
PATIENCE = 3.0  # seconds for what is welcome but not needed: name servers by DHCPv6, a router beside it
SETTLING = 0.2  # seconds in which what a router has told becomes an address: the kernel notes that it was heard before
_ROUTER_SOLICITATION = bytes((133, 0, 0, 0, 0, 0, 0, 0))  # the kernel fills in the checksum
_ALL_ROUTERS = "ff02::2"


class Device6(Device):
    """A device that may be the one: what its addresses, routers and servers have come to."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.found: Address6 | None = None
        self.asking: dhcp6.Client | None = None
        self.lease: Lease6 | None = None
        self.told: Told | None = None
        self.solicited = False
        self.until = 0.0  # when what is welcome but not needed is no longer waited for
        self.no_router = 0.0  # when a router is no longer waited for (either6)
        self.stateful = False  # and DHCPv6 is asked for an address instead
        self.outcome = "no carrier"

    def deadline(self) -> float:
        asking = self.asking.deadline() if self.asking else FOREVER
        waiting = self.no_router if self.no_router and not self.stateful else FOREVER
        return min(asking, self.until or FOREVER, waiting)

    def ask(self, source: Address6, *, stateless: bool, now: float) -> dhcp6.Client:
        """Open a socket on the device for a client of DHCPv6. Raises OSError."""
        self.sockets.append(sockets.listen6(source.address, self.link.number, dhcp6.CLIENT_PORT))
        xid = int.from_bytes(os.urandom(4), "big")
        mac = bytes.fromhex(self.link.mac.replace(":", ""))
        return dhcp6.Client(mac, xid, now, stateless=stateless)

    def stop(self, outcome: str) -> None:
        super().stop(outcome)
        self.asking = None
        self.until = self.no_router = 0.0
        self.stateful = False

    def talk(self, client: dhcp6.Client, now: float) -> list[Outcome]:
        """Receive, let time pass, send; what cannot be sent counts as lost and is asked again."""
        outcomes = []
        for opened in self.sockets:
            while (payload := sockets.receive6(opened, dhcp6.SERVER_PORT)) is not None:
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
        addresses = self.kernel.addresses6(device.link.number)
        if device.asking:
            self._hear_servers(device, device.asking, now)
        if self._request.client:
            return self._give(device, addresses, ip6.packed(self._request.client) or b"", int(self._request.netmask))
        if self._request.autoconf == ip_request.LINK:
            device.found = self._local(device, addresses)
            return device.found is not None
        if self._request.autoconf == ip_request.AUTO:
            return self._automatic(device, addresses, now)
        if self._request.autoconf == ip_request.EITHER and not device.stateful:
            return self._either(device, addresses, now)
        return self._leased(device, addresses, now)

    def _either(self, device: Device6, addresses: list[Address6], now: float) -> bool:
        """Take an address made of a router's prefix, or ask for one where the router has none to tell, or is silent."""
        if self._automatic(device, addresses, now):
            return True
        local = self._local(device, addresses)
        if local is None or device.asking or any(not address.link_local for address in addresses):
            device.no_router = 0.0
            return False
        device.no_router = device.no_router or now + PATIENCE
        if self.kernel.router_flags(device.link.number) & netlink6.RECEIVED:
            device.no_router = min(device.no_router, now + SETTLING)
        if now >= device.no_router:
            device.stateful = True
            return self._leased(device, addresses, now)
        return False

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
            flags = self.kernel.router_flags(device.link.number)
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
            more = self.kernel.router_flags(device.link.number) & (netlink6.OTHER | netlink6.MANAGED)
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
            router = self.kernel.router_flags(device.link.number) & netlink6.RECEIVED
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
            life = device.lease.preferred if device.lease else None
            life = netlink.FOREVER if life is None else life
            self.kernel.ask(netlink6.replace_address, device.link.number, wanted, prefix, preferred=life)
            self._say(device, f"has {ip6.text(wanted)}, seeing that nobody else has it")
            return False
        if there[0].flags & netlink6.IFA_F_DADFAILED:
            self.kernel.ask(netlink6.remove_address, device.link.number, wanted, there[0].prefix)
            reason = f"another machine on the link has {ip6.text(wanted)}"
            if device.asking is None:
                raise OSError(errno.EADDRINUSE, reason)
            self._say(device, reason)
            device.asking.taken(self.now())
            device.talk(device.asking, self.now())
            device.lease = None
            return False
        device.found = there[0]
        return there[0].usable


def configure(search: Search6, request: Request, metric: int, deadline: float) -> Interface | None:
    """Find the device of `request` and wait for its address. Raises NetworkError, OSError, NetlinkError.

    None where another request means the same device.
    """
    if search.superseded:
        return None
    if not os.path.isdir("/proc/sys/net/ipv6"):
        raise OSError(errno.EAFNOSUPPORT, "this kernel has no IPv6 (ipv6.disable=1 on its command line?)")
    kernel = search.kernel
    kernel.other = search.hear
    try:
        device = search.run(deadline)
        if not isinstance(device, Device6) or device.found is None:
            raise OSError(errno.EADDRNOTAVAIL, "no address")
        lease = device.lease
        if lease:  # leases are kept by a clock that goes on while the machine sleeps
            ahead = time.clock_gettime(time.CLOCK_BOOTTIME) - search.now()
            lease = lease._replace(obtained=lease.obtained + ahead)
        interface = state6.interface(request, device.link, device.found, lease, device.told, metric)
        if request.mtu and request.mtu != device.link.mtu:
            kernel.ask(netlink.set_link, device.link.number, mtu=request.mtu)
        if request.gateway:
            gateway = ip6.packed(request.gateway) or b""
            kernel.ask(netlink6.default_route, device.link.number, gateway, metric)
        else:
            interface = interface._replace(gateway=kernel.gateway6(device.link.number))
        return interface
    finally:
        kernel.other = None
        search.finish()
