"""IPv6 on one device: router advertisements (auto6), DHCPv6 (dhcp6) or an address of the command line.

The kernel solicits routers, makes addresses of their prefixes and sees that nobody else has them (RFC 4862); what
is done here is to wait for it, to ask for what it does not (DHCPv6), and to say what came of it. The search for the
device is search.Search's, woken by rtnetlink's announcements of addresses; where there is news, the kernel is asked
for the whole state again, so that no lost announcement matters.
"""

from __future__ import annotations

import errno
import os
import time

from init.cmdline import ip_request
from init.network import sockets, state6
from init.network.candidate import Candidate
from init.network.rtnetlink import packed
from init.network.search import Search
from init.network.state import Interface
from init.system.cmodules import socket
from init.wire import dhcp6, ip6, netlink, netlink6
from init.wire.dhcp6_options import Lease6
from init.wire.ethernet import octets
from init.wire.exchange import FOREVER, INFINITE, Outcome
from init.wire.netlink import Address, Link

EXTRAS_WAIT = 3.0  # seconds for what is welcome but not needed: name servers by DHCPv6, a router beside it
SETTLING = 0.2  # seconds in which what a router has told becomes an address: the kernel notes that it was heard before
_ROUTER_SOLICITATION = bytes((133, 0, 0, 0, 0, 0, 0, 0))  # the kernel fills in the checksum
_ALL_ROUTERS = "ff02::2"


class Candidate6(Candidate):
    """A device that may be the one, and what its addresses, routers and servers have come to so far."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.address: Address | None = None
        self.asking: dhcp6.Client | None = None
        self.lease: Lease6 | None = None
        self.told: netlink6.RouterDns | None = None
        self.solicited = False
        self.extras_until = 0.0  # when what is welcome but not needed is no longer waited for, 0 while it is not yet
        self.router_until = 0.0  # when a router is no longer waited for (either6), 0 while it is not yet
        self.stateful = False  # and DHCPv6 is asked for an address instead

    def deadline(self) -> float:
        asking = self.asking.deadline() if self.asking else FOREVER
        router = self.router_until if self.router_until and not self.stateful else FOREVER
        return min(asking, self.extras_until or FOREVER, router)

    def ask(self, source: Address, *, stateless: bool, now: float) -> None:
        """Begin to ask by DHCPv6 on a socket of the device's own; the first question leaves at once. Raises OSError."""
        self.sockets.append(sockets.listen6(source.address, self.link.number, dhcp6.CLIENT_PORT))
        self.asking = dhcp6.Client(octets(self.link.mac), sockets.new_xid(), now, stateless=stateless)
        self.talk(self.asking, now)

    def stop(self, outcome: str) -> None:
        super().stop(outcome)
        self.asking = None
        self.extras_until = self.router_until = 0.0
        self.stateful = False

    def talk(self, client: dhcp6.Client, now: float) -> list[Outcome]:
        """Receive, let time pass, send; what cannot be sent counts as lost and is asked again."""
        outcomes = []
        for opened in self.sockets:
            while (payload := sockets.receive6(opened)) is not None:
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

    FAMILY = " (IPv6)"
    GROUPS = Search.GROUPS | netlink.RTMGRP_IPV6_IFADDR | netlink6.RTMGRP_ND_USEROPT
    HINT = "does a router announce itself (ip=auto6), or a DHCPv6 server answer (ip=dhcp6)? both are in the log"

    def begin(self) -> None:
        if not os.path.isdir("/proc/sys/net/ipv6"):
            raise OSError(errno.EAFNOSUPPORT, "this kernel has no IPv6 (ipv6.disable=1 on its command line?)")
        self._rtnetlink.others.append(self._hear_router)
        super().begin()

    def finish(self, used: set[str]) -> None:
        if self._hear_router in self._rtnetlink.others:
            self._rtnetlink.others.remove(self._hear_router)
        super().finish(used)

    def _assign(self, device: Candidate, metric: int) -> Interface:
        """Give the device, which has its address, what else the command line says, and take in what it has."""
        if not isinstance(device, Candidate6) or device.address is None:
            raise OSError(errno.EADDRNOTAVAIL, "no address")
        request, link, lease = self._request, device.link, device.lease
        if lease:
            lease = lease._replace(obtained=self._on_boottime(lease.obtained))
            self._ignored |= dict.fromkeys(lease.ignored)
        interface = state6.interface(request, link, device.address, lease, device.told, metric)
        refused = self._refused(device)
        if not self._rtnetlink.set_mtu(refused, link, request.mtu):
            interface = interface._replace(mtu=0)
        if request.gateway and self._rtnetlink.set_gateway(refused, link, request.gateway, metric):
            return interface
        return interface._replace(gateway=self._rtnetlink.gateway6(link.number))

    def _candidate(self, link: Link) -> Candidate6:
        return Candidate6(link)

    def _hear_router(self, message: netlink.Message) -> None:
        if message.kind == netlink6.RTM_NEWNDUSEROPT:
            told = netlink6.router_dns(message)
            device = self._devices.get(told.link) if told else None
            if told and isinstance(device, Candidate6) and (told.dns or told.search):
                before = device.told or told
                device.told = told._replace(dns=told.dns or before.dns, search=told.search or before.search)
            if told and device:
                self._ignored |= dict.fromkeys(told.ignored)

    def _serve(self, device: Candidate, now: float) -> bool:
        if not isinstance(device, Candidate6) or device.link.type != netlink.ARPHRD_ETHER:
            raise OSError(errno.EPROTONOSUPPORT, "not an Ethernet device")
        addresses = self._rtnetlink.addresses(device.link.number, netlink.AF_INET6)
        if device.asking:
            self._hear_servers(device, device.asking, now)
        if self._request.client:
            return self._give(device, addresses, packed(self._request.client), self._request.prefix)
        if self._request.autoconf == ip_request.LINK6:
            device.address = self._local(device, addresses)
            return device.address is not None
        if self._request.autoconf == ip_request.AUTO6:
            return self._automatic(device, addresses, now)
        if self._request.autoconf == ip_request.EITHER6 and not device.stateful:
            return self._either(device, addresses, now)
        return self._leased(device, addresses, now)

    def _router_flags(self, device: Candidate6) -> int:
        """What routers on the device's link said last (netlink6.router_flags)."""
        messages = self._rtnetlink.ask(netlink.dump_links)
        number = device.link.number
        return next((netlink6.router_flags(one) for one in messages if netlink.link(one).number == number), 0)

    def _either(self, device: Candidate6, addresses: list[Address], now: float) -> bool:
        """Take an address made of a router's prefix, or ask for one where the router has none to tell, or is silent."""
        if self._automatic(device, addresses, now):
            return True
        local = self._local(device, addresses)
        if local is None or device.asking or any(not address.link_local for address in addresses):
            device.router_until = 0.0
            return False
        device.router_until = device.router_until or now + EXTRAS_WAIT
        if self._router_flags(device) & netlink6.RECEIVED:
            device.router_until = min(device.router_until, now + SETTLING)
        if now >= device.router_until:
            device.stateful = True
            return self._leased(device, addresses, now)
        return False

    def _tell_once(self, device: Candidate6, outcome: str) -> None:
        """Log what is waited for or has happened, but not again and again."""
        if outcome != device.outcome:
            device.outcome = outcome
            self._tell(device, outcome)

    def _solicit(self, device: Candidate6, source: Address) -> None:
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
            self._tell(device, f"no router asked: {error.strerror}")
        finally:
            asking.close()

    def _local(self, device: Candidate6, addresses: list[Address]) -> Address | None:
        """The address to ask from, once it is there."""
        local = [address for address in addresses if address.link_local]
        usable = [address for address in local if address.usable]
        if not usable:
            self._tell_once(device, "carrier, waiting for its own address on the link")
            return None
        self._solicit(device, usable[0])
        return usable[0]

    def _automatic(self, device: Candidate6, addresses: list[Address], now: float) -> bool:
        """Wait for an address made of a router's prefix, then a little for name servers."""
        made = [one for one in addresses if not one.link_local and not one.flags & netlink.IFA_F_TEMPORARY]
        usable = [address for address in made if address.usable]
        local = self._local(device, addresses)
        if local is None:
            return False
        if not usable:
            flags = self._router_flags(device)
            if any(address.flags & netlink.IFA_F_DADFAILED for address in made):
                self._tell_once(device, "another machine on the link has its address")
            elif made:
                self._tell_once(device, f"has {ip6.text(made[0].address)}, seeing that nobody else has it")
            elif flags & netlink6.RECEIVED:
                asks = ", it has machines ask by DHCPv6 (ip=dhcp6)" if flags & netlink6.MANAGED else ""
                self._tell_once(device, f"a router, but no prefix to make an address of{asks}")
            else:
                self._tell_once(device, "carrier, waiting for a router's advertisement")
            return False
        device.address = usable[0]
        if self._request.dns or (device.told and device.told.dns) or device.lease:
            return True
        if not device.extras_until:
            more = self._router_flags(device) & (netlink6.OTHER | netlink6.MANAGED)
            if not more and not device.solicited:
                return True
            device.extras_until = now + EXTRAS_WAIT
            if more:
                self._tell_once(device, "the router has told of no name servers, asking by DHCPv6")
                device.ask(local, stateless=True, now=now)
        return now >= device.extras_until

    def _leased(self, device: Candidate6, addresses: list[Address], now: float) -> bool:
        """Ask by DHCPv6 for an address, give it to the device, and wait a little for a router."""
        if device.lease:
            if not self._give(device, addresses, packed(device.lease.address), 128):
                return False
            device.extras_until = device.extras_until or now + EXTRAS_WAIT
            router = self._router_flags(device) & netlink6.RECEIVED
            return bool(router) or now >= device.extras_until
        local = self._local(device, addresses)
        if local is not None and device.asking is None:
            self._tell_once(device, "carrier, asking for an address (dhcp6)")
            device.outcome = "no answer"
            device.ask(local, stateless=False, now=now)
        return False

    def _hear_servers(self, device: Candidate6, client: dhcp6.Client, now: float) -> None:
        """Let the client have what came, and note what it made of it."""
        for outcome in device.talk(client, now):
            if outcome.kind == "nak":
                self._tell_once(device, f"refused by the server: {outcome.reason}")
            elif outcome.kind == "dropped":
                self._tell_once(device, f"no good answer; dropped a packet: {outcome.reason}")
            elif outcome.kind == "offer":
                device.outcome = "an offer, but no reply to the request for it"
        device.lease = client.lease

    def _give(self, device: Candidate6, addresses: list[Address], wanted: bytes, prefix: int) -> bool:
        """Give the device an address; True when the kernel has seen that nobody else has it."""
        there = [one for one in addresses if one.address == wanted]
        if not there:
            life = device.lease.preferred if device.lease else None
            life = INFINITE if life is None else life
            self._rtnetlink.ask(netlink.replace_address, device.link.number, wanted, prefix, preferred=life)
            self._tell_once(device, f"has {ip6.text(wanted)}, seeing that nobody else has it")
            return False
        if there[0].flags & netlink.IFA_F_DADFAILED:
            self._rtnetlink.ask(netlink.remove_address, device.link.number, wanted, there[0].prefix)
            reason = f"another machine on the link has {ip6.text(wanted)}"
            if device.asking is None:
                raise OSError(errno.EADDRINUSE, reason)
            self._tell_once(device, reason)
            device.asking.taken(time.monotonic())
            device.talk(device.asking, time.monotonic())
            device.lease = None
            return False
        device.address = there[0]
        return there[0].usable
