"""What rtnetlink tells of IPv6's routers; netlink.py has what both families share.

Sources: rtnetlink(7), the kernel's uapi headers (if_link.h, rtnetlink.h), RFC 8106 for what routers tell of name
servers.
"""

from __future__ import annotations

import struct

from init.system.stdlib import NamedTuple
from init.wire import dhcp6_options, netlink
from init.wire.entries import kept
from init.wire.netlink import AF_INET6, IFINFOMSG, RTMSG, Message, NetlinkError, attributes, parts

RTMGRP_ND_USEROPT = 1 << 19  # RTNLGRP_ND_USEROPT is group 20
RTM_NEWNDUSEROPT = 68
OTHER, MANAGED, RECEIVED = 0x80, 0x40, 0x20  # IF_RA_OTHERCONF, IF_RA_MANAGED, IF_RA_RCVD (net/if_inet6.h)

_IFLA_AF_SPEC, _IFLA_INET6_FLAGS = 26, 1
_LISTS = {25: dhcp6_options.LISTS[dhcp6_options.DNS], 31: dhcp6_options.LISTS[dhcp6_options.DOMAINS]}  # RDNSS, DNSSL
_USEROPT = struct.Struct("=BxHiBBHI")  # struct nduseroptmsg
_ROUTER_ADVERTISEMENT = 134


class RouterDns(NamedTuple):
    """What a router tells of DNS (RFC 8106)."""

    link: int  # the index of the device that heard it
    dns: tuple[str, ...]
    search: tuple[str, ...]
    ignored: tuple[str, ...] = ()  # what was left out, and why


def dump_routes(sequence: int) -> bytes:
    """Ask for every IPv6 route."""
    body = RTMSG.pack(AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0)
    return netlink.request(netlink.RTM_GETROUTE, netlink.NLM_F_DUMP, sequence, body)


def gateway(message: Message) -> tuple[int, bytes]:
    """Read RTM_NEWROUTE: index and gateway of a default route, (0, b"") for another. Raises NetlinkError."""
    (family, prefix, _, _, table, _, _, kind, _), values = parts(message, RTMSG, "a route message")
    index, router = values.get(netlink.RTA_OIF, b""), values.get(netlink.RTA_GATEWAY, b"")
    if (family, prefix, table, kind) != (AF_INET6, 0, netlink.RT_TABLE_MAIN, netlink.RTN_UNICAST):
        return 0, b""
    return (int(struct.unpack("=i", index)[0]), router) if len(index) == 4 and len(router) == 16 else (0, b"")


def router_flags(message: Message) -> int:
    """Read RTM_NEWLINK: what the last router advertisement said. Raises NetlinkError."""
    _, values = parts(message, IFINFOMSG, "a link message")
    families = attributes(values.get(_IFLA_AF_SPEC, b""))
    flags = attributes(families.get(AF_INET6, b"")).get(_IFLA_INET6_FLAGS, b"")
    return int(struct.unpack("=I", flags)[0]) if len(flags) == 4 else 0


def router_dns(message: Message) -> RouterDns | None:
    """Read RTM_NEWNDUSEROPT; None where it is about something else. Raises NetlinkError."""
    if len(message.body) < _USEROPT.size:
        raise NetlinkError(f"a router's option in {len(message.body)} bytes")
    family, length, index, kind, _, _, _ = _USEROPT.unpack_from(message.body)
    area = message.body[_USEROPT.size : _USEROPT.size + length]
    if family != AF_INET6 or kind != _ROUTER_ADVERTISEMENT:
        return None
    values: dict[str, tuple[str, ...]] = {"dns": (), "search": ()}
    wrong: list[str] = []
    offset = 0
    while offset + 8 <= len(area):
        option = area[offset : offset + 8 * area[offset + 1]]
        if len(option) < 8 or len(option) != 8 * area[offset + 1]:
            break  # what does not end where it says
        offset += len(option)
        if any(option[4:8]) and option[0] in _LISTS:  # a lifetime of 0: no longer there
            name, entries = _LISTS[option[0]]
            good, reason = kept(entries(option[8:]))
            values[name] = tuple(dict.fromkeys((*values[name], *good)))
            wrong += [f"{name} of the router: {reason}"] if reason else []
    return RouterDns(index, values["dns"], values["search"], tuple(wrong))
