"""rtnetlink messages to and from bytes (man 7 rtnetlink, man 7 netlink). Nothing here touches a socket.

Every request is a whole message with its header; numbers are in host order, addresses in network order,
attributes are padded to four bytes, all as the kernel's uapi headers lay them out. What comes from the
kernel is cut at every length that it names: a message that is longer than what there is raises NetlinkError.
"""

from __future__ import annotations

import struct

from init.system.stdlib import Iterator, NamedTuple
from init.wire.exchange import INFINITE

NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_REPLACE, NLM_F_CREATE = 0x100, 0x400
REPLACE = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE  # saying it twice is no error
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 1, 0x10, 0x100
IFF_UP, IFF_BROADCAST, IFF_LOOPBACK, IFF_RUNNING, IFF_LOWER_UP = 0x1, 0x2, 0x8, 0x40, 0x10000
ARPHRD_ETHER = 1
AF_INET, AF_INET6 = 2, 10
RT_TABLE_MAIN, RTPROT_BOOT, RTN_UNICAST = 254, 3, 1
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK = 0, 253
RTNH_F_ONLINK = 4
_METRIC6 = 1024  # of routes that nobody gave one (IP6_RT_PRIO_USER)

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_LINKINFO = 1, 3, 4, 10, 18
IFLA_INFO_KIND, IFLA_CARRIER_CHANGES, IFLA_PERM_ADDRESS = 1, 35, 54
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 4, 6, 8
IFA_F_TEMPORARY, IFA_F_NODAD, IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x01, 0x02, 0x08, 0x40
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY = 1, 4, 5, 6

_HEADER = struct.Struct("=IHHII")
IFINFOMSG = struct.Struct("=BxHiII")
IFADDRMSG = struct.Struct("=BBBBI")
RTMSG = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")


class NetlinkError(ValueError):
    """Bytes that are not what the kernel writes."""


class Message(NamedTuple):
    """One netlink message without its header."""

    kind: int
    flags: int
    sequence: int
    body: bytes


class Link(NamedTuple):
    """A network device as the kernel describes it."""

    number: int  # its index
    name: str
    mac: str  # lower case with colons, "" where there is none; in a bond the bond's
    type: int  # ARPHRD_ETHER, ...
    flags: int  # IFF_UP, ...
    mtu: int
    master: int = 0  # the index of its bridge or bond
    kind: str = ""  # what rtnetlink calls a virtual device's type ("veth", "bridge"), "" for hardware
    permanent: str = ""  # the card's own address, where the kernel knows it
    carrier_changes: int = 0  # how often it came or went: who listens hears only once of what was cut for a second

    @property
    def card(self) -> str:
        """What the card is known by, whatever it belongs to."""
        return self.permanent or self.mac

    @property
    def up(self) -> bool:
        """Whether it was set up (`ip link set up`)."""
        return bool(self.flags & IFF_UP)

    @property
    def carrier(self) -> bool:
        return self.flags & (IFF_UP | IFF_LOWER_UP) == IFF_UP | IFF_LOWER_UP

    @property
    def running(self) -> bool:
        """Whether the kernel has acted on the carrier, which may take it a second (net/core/link_watch.c).

        Between the two a packet may leave or be lost without a word: its queues may not be attached yet.
        """
        return self.carrier and bool(self.flags & IFF_RUNNING)


class Address(NamedTuple):
    """An address of a device."""

    link: int  # the device's index
    address: bytes
    prefix: int
    scope: int = RT_SCOPE_UNIVERSE
    flags: int = 0  # IFA_F_*
    valid: int = INFINITE  # seconds that the kernel keeps it

    @property
    def usable(self) -> bool:
        """Whether the kernel has seen that nobody else on the link has it; of IPv4's it asks of none."""
        return not self.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)

    @property
    def link_local(self) -> bool:
        """Whether it means something on its own link only."""
        return self.scope >= RT_SCOPE_LINK


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def request(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """A whole request."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags | NLM_F_REQUEST, sequence, 0) + body


def dump_links(sequence: int) -> bytes:
    """Ask for every device."""
    return request(RTM_GETLINK, NLM_F_DUMP, sequence, IFINFOMSG.pack(0, 0, 0, 0, 0))


def dump_addresses(sequence: int, family: int) -> bytes:
    """Ask for every address of AF_INET or AF_INET6."""
    return request(RTM_GETADDR, NLM_F_DUMP, sequence, IFADDRMSG.pack(family, 0, 0, 0, 0))


def set_link(sequence: int, index: int, *, up: bool | None = None, mtu: int = 0, mac: bytes = b"") -> bytes:
    """Set a device up or down (None: leave it) and give it an MTU (0: leave it) and an address (b"": leave it)."""
    body = IFINFOMSG.pack(0, 0, index, IFF_UP if up else 0, 0 if up is None else IFF_UP)
    if mtu:
        body += attribute(IFLA_MTU, struct.pack("=I", mtu))
    if mac:
        body += attribute(IFLA_ADDRESS, mac)
    return request(RTM_NEWLINK, NLM_F_ACK, sequence, body)


def _family(address: bytes) -> int:
    return AF_INET if len(address) == 4 else AF_INET6


def replace_address(
    sequence: int, index: int, address: bytes, prefix: int, *, flags: int = 0, preferred: int = INFINITE
) -> bytes:
    """Give a device an address without end, one of IPv4 with its network's broadcast address; twice is no error.

    After `preferred` seconds the kernel prefers other addresses for what begins anew (RFC 4862, 5.5.4), at once
    where that is 0.
    """
    body = IFADDRMSG.pack(_family(address), prefix, flags, RT_SCOPE_UNIVERSE, index)
    body += attribute(IFA_LOCAL, address) + attribute(IFA_ADDRESS, address)
    if len(address) == 4 and prefix < 31:  # RFC 3021: a network of two has no broadcast address
        broadcast = int.from_bytes(address, "big") | (0xFFFFFFFF >> prefix)
        body += attribute(IFA_BROADCAST, broadcast.to_bytes(4, "big"))
    if preferred != INFINITE:
        body += attribute(IFA_CACHEINFO, struct.pack("=IIII", preferred, INFINITE, 0, 0))
    return request(RTM_NEWADDR, REPLACE, sequence, body)


def remove_address(sequence: int, index: int, address: bytes, prefix: int) -> bytes:
    """Take an address from a device."""
    body = IFADDRMSG.pack(_family(address), prefix, 0, RT_SCOPE_UNIVERSE, index) + attribute(IFA_LOCAL, address)
    return request(RTM_DELADDR, NLM_F_ACK, sequence, body)


def replace_route(
    sequence: int, index: int, destination: bytes, prefix: int, gateway: bytes = b"", metric: int = 0
) -> bytes:
    """Add a route by `gateway`, or to neighbours on the link where it is empty; saying it twice is no error.

    A gateway is taken to be on the link whatever its address (RTNH_F_ONLINK): some providers hand out
    gateways outside of the address's own network. Of two default routes the one with the lower `metric`
    counts.
    """
    scope, flags = (RT_SCOPE_UNIVERSE, RTNH_F_ONLINK) if gateway else (RT_SCOPE_LINK, 0)
    body = RTMSG.pack(_family(destination), prefix, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST, flags)
    if prefix:
        body += attribute(RTA_DST, destination)
    if gateway:
        body += attribute(RTA_GATEWAY, gateway)
    body += attribute(RTA_OIF, struct.pack("=i", index))
    if metric:
        body += attribute(RTA_PRIORITY, struct.pack("=I", metric))
    return request(RTM_NEWROUTE, REPLACE, sequence, body)


def default_route(sequence: int, index: int, gateway: bytes, metric: int = 0) -> bytes:
    """Add a default route as replace_route() does; IPv6's metrics begin where the kernel's own is."""
    metric += 0 if len(gateway) == 4 else _METRIC6
    return replace_route(sequence, index, bytes(len(gateway)), 0, gateway, metric)


def messages(data: bytes) -> Iterator[Message]:
    """Split what one recv() returned into messages. Raises NetlinkError."""
    offset = 0
    while offset < len(data):
        if len(data) - offset < _HEADER.size:
            raise NetlinkError(f"{len(data) - offset} bytes where a header of {_HEADER.size} should be")
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        if not _HEADER.size <= length <= len(data) - offset:
            raise NetlinkError(f"a message of {length} bytes in {len(data) - offset}")
        yield Message(kind, flags, sequence, data[offset + _HEADER.size : offset + length])
        offset += length + -length % 4


def error_number(message: Message) -> int:
    """Return the errno of an NLMSG_ERROR message, 0 where it acknowledges."""
    if len(message.body) < 4:
        raise NetlinkError(f"an error message of {len(message.body)} bytes")
    number: int = struct.unpack_from("=i", message.body)[0]
    return -number


def parts(message: Message, head: struct.Struct, what: str) -> tuple[tuple[int, ...], dict[int, bytes]]:
    """Take a message apart: the fields of its `head`, and its attributes. Raises NetlinkError."""
    if len(message.body) < head.size:
        raise NetlinkError(f"{what} of {len(message.body)} bytes")
    return head.unpack_from(message.body), attributes(message.body[head.size :])


def link(message: Message) -> Link:
    """Read RTM_NEWLINK or RTM_DELLINK. Raises NetlinkError."""
    (_, kind, index, flags, _), values = parts(message, IFINFOMSG, "a link message")
    info = attributes(values.get(IFLA_LINKINFO, b""))
    return Link(
        number=index,
        name=_text(values.get(IFLA_IFNAME, b"")),
        mac=values.get(IFLA_ADDRESS, b"").hex(":"),
        type=kind,
        flags=flags,
        mtu=_number(values.get(IFLA_MTU, b"")),
        master=_number(values.get(IFLA_MASTER, b"")),
        kind=_text(info.get(IFLA_INFO_KIND, b"")),
        permanent=values.get(IFLA_PERM_ADDRESS, b"").hex(":"),
        carrier_changes=_number(values.get(IFLA_CARRIER_CHANGES, b"")),
    )


def address(message: Message) -> Address:
    """Read RTM_NEWADDR or RTM_DELADDR. Raises NetlinkError."""
    (_, prefix, flags, scope, index), values = parts(message, IFADDRMSG, "an address message")
    local = values.get(IFA_LOCAL, values.get(IFA_ADDRESS, b""))
    all_flags = values.get(IFA_FLAGS, b"")  # the header has room for eight of them
    life = values.get(IFA_CACHEINFO, b"")  # struct ifa_cacheinfo: preferred, valid, created, changed
    valid = _number(life[4:8]) if len(life) >= 8 else INFINITE
    return Address(index, local, prefix, scope, _number(all_flags) if len(all_flags) == 4 else flags, valid)


def attributes(data: bytes) -> dict[int, bytes]:
    """Read a run of attributes; the two top bits of a type are flags."""
    values = {}
    offset = 0
    while offset < len(data):
        if len(data) - offset < 4:
            raise NetlinkError(f"{len(data) - offset} bytes where an attribute should begin")
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not 4 <= length <= len(data) - offset:
            raise NetlinkError(f"an attribute of {length} bytes in {len(data) - offset}")
        values[kind & 0x3FFF] = data[offset + 4 : offset + length]
        offset += length + -length % 4
    return values


def _text(value: bytes) -> str:
    """A NUL-terminated name."""
    return value.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(value: bytes) -> int:
    """An unsigned 32-bit number, 0 where it is missing."""
    return int.from_bytes(value[:4], "little" if struct.pack("=H", 1) == b"\1\0" else "big")
