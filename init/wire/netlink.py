"""rtnetlink messages to and from bytes (man 7 rtnetlink, man 7 netlink). Nothing here touches a socket.

Every request is a whole message with its header; numbers are in host order, addresses in network order,
attributes are padded to four bytes, all as the kernel's uapi headers lay them out. What comes from the
kernel is cut at every length it claims: a message that claims more than there is raises NetlinkError.
"""

from __future__ import annotations

import struct

from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_REPLACE, NLM_F_CREATE = 0x100, 0x400
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 1, 0x10, 0x100
IFF_UP, IFF_BROADCAST, IFF_LOOPBACK, IFF_RUNNING, IFF_LOWER_UP = 0x1, 0x2, 0x8, 0x40, 0x10000
ARPHRD_ETHER = 1
AF_INET = 2
RT_TABLE_MAIN, RTPROT_BOOT, RTN_UNICAST = 254, 3, 1
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK = 0, 253
RTNH_F_ONLINK = 4
FOREVER = 0xFFFFFFFF  # linux/if_addr.h: INFINITY_LIFE_TIME, as iproute2 calls it

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER, _IFLA_OPERSTATE, _IFLA_LINKINFO = 1, 3, 4, 10, 16, 18
_IFLA_INFO_KIND, _IFLA_PERM_ADDRESS = 1, 54
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_CACHEINFO = 1, 2, 4, 6
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY = 1, 4, 5, 6
_OPERSTATES = ("unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up")

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
    """A network device: `mac` is lower case with colons ("" where there is none), `number` is its index,
    `master` that of its bridge or bond or 0, `kind` what rtnetlink calls a virtual device's type ("veth",
    "bridge", …; "" for hardware). `permanent` is the card's own address where the kernel knows it: in a bond, `mac`
    is the bond's.
    """

    number: int
    name: str
    mac: str
    type: int
    flags: int
    mtu: int
    operstate: str
    master: int
    kind: str
    permanent: str = ""

    @property
    def card(self) -> str:
        """What the card is known by, whatever it belongs to."""
        return self.permanent or self.mac

    @property
    def up(self) -> bool:
        """Whether somebody set it up."""
        return bool(self.flags & IFF_UP)

    @property
    def carrier(self) -> bool:
        """Whether it is up and has carrier."""
        return self.flags & (IFF_UP | IFF_LOWER_UP) == IFF_UP | IFF_LOWER_UP

    @property
    def running(self) -> bool:
        """Whether the kernel has acted on the carrier, which may take it a second (net/core/link_watch.c).

        Between the two a packet may leave or be lost without a word: its queues may not be attached yet.
        """
        return self.carrier and bool(self.flags & IFF_RUNNING)


class Address(NamedTuple):
    """An IPv4 address of a device; `valid` is the seconds that the kernel keeps it, FOREVER where it has no end."""

    link: int
    address: bytes
    prefix: int
    valid: int = FOREVER


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def request(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """A whole request."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags | NLM_F_REQUEST, sequence, 0) + body


def dump_links(sequence: int) -> bytes:
    """Ask for every device."""
    return request(RTM_GETLINK, NLM_F_DUMP, sequence, IFINFOMSG.pack(0, 0, 0, 0, 0))


def dump_addresses(sequence: int) -> bytes:
    """Ask for every IPv4 address."""
    return request(RTM_GETADDR, NLM_F_DUMP, sequence, IFADDRMSG.pack(AF_INET, 0, 0, 0, 0))


def set_link(sequence: int, index: int, *, up: bool | None = None, mtu: int = 0, mac: bytes = b"") -> bytes:
    """Set a device up or down (None: leave it) and give it an MTU (0: leave it) and an address (b"": leave it)."""
    body = IFINFOMSG.pack(0, 0, index, IFF_UP if up else 0, 0 if up is None else IFF_UP)
    if mtu:
        body += attribute(_IFLA_MTU, struct.pack("=I", mtu))
    if mac:
        body += attribute(_IFLA_ADDRESS, mac)
    return request(RTM_NEWLINK, NLM_F_ACK, sequence, body)


def replace_address(sequence: int, index: int, address: bytes, prefix: int) -> bytes:
    """Give a device an address with the broadcast address of its network; saying it twice is no error."""
    body = IFADDRMSG.pack(AF_INET, prefix, 0, RT_SCOPE_UNIVERSE, index)
    body += attribute(_IFA_LOCAL, address) + attribute(_IFA_ADDRESS, address)
    if prefix < 31:  # RFC 3021: a network of two has no broadcast address
        broadcast = int.from_bytes(address, "big") | (0xFFFFFFFF >> prefix)
        body += attribute(_IFA_BROADCAST, broadcast.to_bytes(4, "big"))
    return request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, sequence, body)


def remove_address(sequence: int, index: int, address: bytes, prefix: int) -> bytes:
    """Take an address from a device."""
    body = IFADDRMSG.pack(AF_INET, prefix, 0, RT_SCOPE_UNIVERSE, index) + attribute(_IFA_LOCAL, address)
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
    body = RTMSG.pack(AF_INET, prefix, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST, flags)
    if prefix:
        body += attribute(_RTA_DST, destination)
    if gateway:
        body += attribute(_RTA_GATEWAY, gateway)
    body += attribute(_RTA_OIF, struct.pack("=i", index))
    if metric:
        body += attribute(_RTA_PRIORITY, struct.pack("=I", metric))
    return request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, sequence, body)


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


def link(message: Message) -> Link:
    """Read RTM_NEWLINK or RTM_DELLINK. Raises NetlinkError."""
    if len(message.body) < IFINFOMSG.size:
        raise NetlinkError(f"a link message of {len(message.body)} bytes")
    _, kind, index, flags, _ = IFINFOMSG.unpack_from(message.body)
    found = attributes(message.body[IFINFOMSG.size :])
    state = found.get(_IFLA_OPERSTATE, b"\0")[:1] or b"\0"
    info = attributes(found.get(_IFLA_LINKINFO, b""))
    return Link(
        number=index,
        name=_text(found.get(_IFLA_IFNAME, b"")),
        mac=found.get(_IFLA_ADDRESS, b"").hex(":"),
        type=kind,
        flags=flags,
        mtu=_number(found.get(_IFLA_MTU, b"")),
        operstate=_OPERSTATES[state[0]] if state[0] < len(_OPERSTATES) else "unknown",
        master=_number(found.get(_IFLA_MASTER, b"")),
        kind=_text(info.get(_IFLA_INFO_KIND, b"")),
        permanent=found.get(_IFLA_PERM_ADDRESS, b"").hex(":"),
    )


def address(message: Message) -> Address:
    """Read RTM_NEWADDR or RTM_DELADDR. Raises NetlinkError."""
    if len(message.body) < IFADDRMSG.size:
        raise NetlinkError(f"an address message of {len(message.body)} bytes")
    _, prefix, _, _, index = IFADDRMSG.unpack_from(message.body)
    found = attributes(message.body[IFADDRMSG.size :])
    life = found.get(_IFA_CACHEINFO, b"")  # struct ifa_cacheinfo: preferred, valid, created, changed
    valid = _number(life[4:8]) if len(life) >= 8 else FOREVER
    return Address(index, found.get(_IFA_LOCAL, found.get(_IFA_ADDRESS, b"")), prefix, valid)


def attributes(data: bytes) -> dict[int, bytes]:
    """Read a run of attributes; the two top bits of a type are flags."""
    found = {}
    offset = 0
    while offset < len(data):
        if len(data) - offset < 4:
            raise NetlinkError(f"{len(data) - offset} bytes where an attribute should begin")
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not 4 <= length <= len(data) - offset:
            raise NetlinkError(f"an attribute of {length} bytes in {len(data) - offset}")
        found[kind & 0x3FFF] = data[offset + 4 : offset + length]
        offset += length + -length % 4
    return found


def _text(value: bytes) -> str:
    """A NUL-terminated name."""
    return value.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(value: bytes) -> int:
    """An unsigned 32-bit number, 0 where it is missing."""
    return int.from_bytes(value[:4], "little" if struct.pack("=H", 1) == b"\1\0" else "big")
