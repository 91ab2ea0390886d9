"""The message that BOOTP and DHCP share (RFC 951; RFC 2131, 2), to and from bytes."""

from __future__ import annotations

import struct

from init.system.stdlib import NamedTuple
from init.wire import dhcp_options
from init.wire.ethernet import NotForUsError, PacketError
from init.wire.ip4 import packed

SERVER_PORT, CLIENT_PORT = 67, 68
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = 1, 2, 3, 4, 5, 6, 7

_FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_COOKIE = b"\x63\x82\x53\x63"
_BOOTREQUEST, _BOOTREPLY = 1, 2
_ETHERNET = (1, 6)  # the kind of hardware, and the length of its addresses
_SHORTEST = 300  # bytes; relays and old servers drop less (RFC 1542, 2.1)


class Reply(NamedTuple):
    """A checked BOOTREPLY."""

    kind: int  # DHCP's message type, 0 for plain BOOTP
    address: bytes  # ours
    next_server: bytes  # 0.0.0.0 where it names none
    options: dict[int, bytes]


def parse_reply(payload: bytes, mac: bytes, xid: int) -> Reply:
    """Read the payload of a UDP datagram sent to us. Raises PacketError."""
    if len(payload) < _FIXED.size:
        raise PacketError(f"{len(payload)} bytes are no BOOTP message")
    operation, hardware, length, _, number, _, _, _, address, next_server, _, owner, sname, file = _FIXED.unpack_from(
        payload
    )
    if operation != _BOOTREPLY:
        raise NotForUsError("not a reply")
    if number != xid:
        raise NotForUsError("answers another question (xid)")
    if (hardware, length) != _ETHERNET or owner[:6] != mac:
        raise NotForUsError("answers another machine (chaddr)")
    options: dict[int, bytes] = {}
    if payload[_FIXED.size : _FIXED.size + 4] == _COOKIE:
        options = dhcp_options.split(payload[_FIXED.size + 4 :], file, sname)
    kind = options.get(dhcp_options.MESSAGE_TYPE, b"\0")
    if len(kind) != 1:
        raise PacketError("message type (option 53) is not one byte")
    return Reply(kind[0], address, next_server, options)


def build(kind: int, mac: bytes, xid: int, seconds: int, address: str, options: dict[int, bytes]) -> bytes:
    """Build a BOOTREQUEST of DHCP's type `kind`, 0 for plain BOOTP.

    `address` is the one that we already have, `seconds` how long we have been asking; options without a value are
    left out.
    """
    ours, none = packed(address) or bytes(4), bytes(4)
    fixed = _FIXED.pack(
        _BOOTREQUEST, *_ETHERNET, 0, xid, min(seconds, 0xFFFF), 0, ours, none, none, none, mac, b"", b""
    )  # fmt: skip
    body = fixed + _COOKIE + dhcp_options.encode(kind, {code: value for code, value in options.items() if value})
    return body + bytes(max(0, _SHORTEST - len(body)))
