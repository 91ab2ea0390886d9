"""rtnetlink's messages for IPv6, to and from bytes; netlink.py has what both families share.

Sources: rtnetlink(7), the kernel's uapi headers (if_addr.h, if_link.h, rtnetlink.h), RFC 8106 for what routers tell
of name servers.
"""

from __future__ import annotations

import struct

from init.system.stdlib import NamedTuple
from init.wire import domain_names, ip6, netlink
from init.wire.netlink import IFADDRMSG, IFINFOMSG, RTMSG, Message, NetlinkError, attribute, attributes

AF_INET6 = 10
RTMGRP_ND_USEROPT = 1 << 19  # RTNLGRP_ND_USEROPT is group 20
RTM_NEWNDUSEROPT = 68
IFA_F_TEMPORARY, IFA_F_NODAD, IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x01, 0x02, 0x08, 0x40
OTHER, MANAGED, RECEIVED = 0x80, 0x40, 0x20  # IF_RA_OTHERCONF, IF_RA_MANAGED, IF_RA_RCVD (net/if_inet6.h)
METRIC = 1024  # the kernel's own for routes that nobody gave one (IP6_RT_PRIO_USER)

_IFA_ADDRESS, _IFA_LOCAL, _IFA_CACHEINFO, _IFA_FLAGS = 1, 2, 6, 8
_IFLA_AF_SPEC, _IFLA_INET6_FLAGS = 26, 1
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY = 1, 4, 5, 6
_RDNSS, _DNSSL = 25, 31
_USEROPT = struct.Struct("=BxHiBBHI")  # struct nduseroptmsg
_ROUTER_ADVERTISEMENT = 134


class Address6(NamedTuple):
    """An IPv6 address of a device; `scope` and `flags` as in rtnetlink(7), `valid` as in netlink.Address."""

    link: int
    address: bytes
    prefix: int
    scope: int
    flags: int
    valid: int = netlink.FOREVER

    @property
    def usable(self) -> bool:
        """Whether the kernel has seen that nobody else on the link has it."""
        return not self.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)

    @property
    def link_local(self) -> bool:
        """Whether it means something on its own link only."""
        return self.scope >= netlink.RT_SCOPE_LINK


class Told(NamedTuple):
    """What a router tells beside prefixes: name servers and search domains."""

    link: int
    dns: tuple[str, ...]
    search: tuple[str, ...]


def dump_addresses(sequence: int) -> bytes:
    """Ask for every IPv6 address."""
    return netlink.request(netlink.RTM_GETADDR, netlink.NLM_F_DUMP, sequence, IFADDRMSG.pack(AF_INET6, 0, 0, 0, 0))


def dump_routes(sequence: int) -> bytes:
    """Ask for every IPv6 route."""
    body = RTMSG.pack(AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0)
    return netlink.request(netlink.RTM_GETROUTE, netlink.NLM_F_DUMP, sequence, body)


def replace_address(
    sequence: int, index: int, address: bytes, prefix: int, *, flags: int = 0, preferred: int = netlink.FOREVER
) -> bytes:
    """Give a device an address without end; saying it twice is no error.

    After `preferred` seconds the kernel prefers other addresses for what begins anew (RFC 4862, 5.5.4), at once
    where that is 0.
    """
    body = IFADDRMSG.pack(AF_INET6, prefix, flags, netlink.RT_SCOPE_UNIVERSE, index)
    body += attribute(_IFA_LOCAL, address) + attribute(_IFA_ADDRESS, address)
    if preferred != netlink.FOREVER:
        body += attribute(_IFA_CACHEINFO, struct.pack("=IIII", preferred, netlink.FOREVER, 0, 0))
    order = netlink.NLM_F_ACK | netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE
    return netlink.request(netlink.RTM_NEWADDR, order, sequence, body)


def remove_address(sequence: int, index: int, address: bytes, prefix: int) -> bytes:
    """Take an address from a device."""
    body = IFADDRMSG.pack(AF_INET6, prefix, 0, 0, index) + attribute(_IFA_LOCAL, address)
    return netlink.request(netlink.RTM_DELADDR, netlink.NLM_F_ACK, sequence, body)


def default_route(sequence: int, index: int, gateway: bytes, metric: int = 0) -> bytes:
    """Add a default route; a gateway is taken to be on the link, and saying it twice is no error."""
    body = RTMSG.pack(
        AF_INET6, 0, 0, 0, netlink.RT_TABLE_MAIN, netlink.RTPROT_BOOT, netlink.RT_SCOPE_UNIVERSE,
        netlink.RTN_UNICAST, netlink.RTNH_F_ONLINK,
    )  # fmt: skip
    body += attribute(_RTA_GATEWAY, gateway) + attribute(_RTA_OIF, struct.pack("=i", index))
    body += attribute(_RTA_PRIORITY, struct.pack("=I", METRIC + metric))
    order = netlink.NLM_F_ACK | netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE
    return netlink.request(netlink.RTM_NEWROUTE, order, sequence, body)


def address(message: Message) -> Address6:
    """Read RTM_NEWADDR. Raises NetlinkError."""
    if len(message.body) < IFADDRMSG.size:
        raise NetlinkError(f"an address message of {len(message.body)} bytes")
    _, prefix, flags, scope, index = IFADDRMSG.unpack_from(message.body)
    found = attributes(message.body[IFADDRMSG.size :])
    if len(found.get(_IFA_FLAGS, b"")) == 4:
        (flags,) = struct.unpack("=I", found[_IFA_FLAGS])
    life = found.get(_IFA_CACHEINFO, b"")  # struct ifa_cacheinfo: preferred, valid, created, changed
    valid = struct.unpack_from("=I", life, 4)[0] if len(life) >= 8 else netlink.FOREVER
    return Address6(index, found.get(_IFA_LOCAL, found.get(_IFA_ADDRESS, b"")), prefix, scope, flags, valid)


def gateway(message: Message) -> tuple[int, bytes]:
    """Read RTM_NEWROUTE: index and gateway of a default route, (0, b"") for another. Raises NetlinkError."""
    if len(message.body) < RTMSG.size:
        raise NetlinkError(f"a route message of {len(message.body)} bytes")
    family, prefix, _, _, table, _, _, kind, _ = RTMSG.unpack_from(message.body)
    found = attributes(message.body[RTMSG.size :])
    index, by = found.get(_RTA_OIF, b""), found.get(_RTA_GATEWAY, b"")
    if (family, prefix, table, kind) != (AF_INET6, 0, netlink.RT_TABLE_MAIN, netlink.RTN_UNICAST):
        return 0, b""
    return (int(struct.unpack("=i", index)[0]), by) if len(index) == 4 and len(by) == 16 else (0, b"")


def router_flags(message: Message) -> int:
    """Read RTM_NEWLINK: what the last router advertisement said. Raises NetlinkError."""
    if len(message.body) < IFINFOMSG.size:
        raise NetlinkError(f"a link message of {len(message.body)} bytes")
    families = attributes(attributes(message.body[IFINFOMSG.size :]).get(_IFLA_AF_SPEC, b""))
    flags = attributes(families.get(AF_INET6, b"")).get(_IFLA_INET6_FLAGS, b"")
    return int(struct.unpack("=I", flags)[0]) if len(flags) == 4 else 0


def told(message: Message) -> Told | None:
    """Read RTM_NEWNDUSEROPT; None where it is about something else. Raises NetlinkError."""
    if len(message.body) < _USEROPT.size:
        raise NetlinkError(f"a router's option in {len(message.body)} bytes")
    family, length, index, kind, _, _, _ = _USEROPT.unpack_from(message.body)
    area = message.body[_USEROPT.size : _USEROPT.size + length]
    if family != AF_INET6 or kind != _ROUTER_ADVERTISEMENT:
        return None
    dns: list[str] = []
    search: list[str] = []
    offset = 0
    while offset + 8 <= len(area):
        option = area[offset : offset + 8 * area[offset + 1]]
        if len(option) < 8 or len(option) != 8 * area[offset + 1]:
            break  # what does not end where it says
        offset += len(option)
        if not any(option[4:8]):
            continue  # a lifetime of 0: no longer there
        if option[0] == _RDNSS:
            servers = (option[at : at + 16] for at in range(8, len(option) - 15, 16))
            dns += [ip6.text(server) for server in servers if ip6.is_host(server)]
        elif option[0] == _DNSSL:
            search += domain_names.names(option[8:])
    return Told(index, tuple(dict.fromkeys(dns)), tuple(dict.fromkeys(search)))
