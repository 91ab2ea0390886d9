"""IPv6 addresses as text and bytes: inet_pton(3) and inet_ntop(3), which lie in the module of sockets."""

from __future__ import annotations

import struct

from init.wire import ip4

_HEX = frozenset("0123456789abcdefABCDEF")
_GROUPS = struct.Struct("!8H")


def packed(text: str) -> bytes | None:
    """Return sixteen bytes, None where the text is no IPv6 address (a zone behind % included)."""
    head, gap, tail = text.partition("::")
    front, back = _groups(head, last=not gap), _groups(tail, last=True)
    if front is None or back is None:
        return None
    missing = 8 - len(front) - len(back)
    if missing < 1 if gap else missing:
        return None
    return _GROUPS.pack(*front, *([0] * missing), *back)


def _groups(text: str, *, last: bool) -> list[int] | None:
    """The groups between colons, None for what is none; an IPv4 address may stand as the `last` two (RFC 4291, 2.2)."""
    pieces = text.split(":") if text else []
    found: list[int] = []
    if last and pieces and "." in pieces[-1]:
        dotted = pieces.pop()
        four = ip4.packed(dotted)
        if four is None or ip4.dotted(four) != dotted:  # inet_pton(3) takes no leading zeros
            return None
        found = list(struct.unpack("!2H", four))
    if not all(0 < len(piece) <= 4 and _HEX.issuperset(piece) for piece in pieces):
        return None
    return [int(piece, 16) for piece in pieces] + found


def text(address: bytes) -> str:
    """Return the text of sixteen bytes in RFC 5952's one spelling."""
    words = [f"{group:x}" for group in _GROUPS.unpack(address)]
    runs = [(_zeros(words, start), -start) for start in range(8)]
    length, start = max(runs)[0], -max(runs)[1]
    if length < 2:
        return ":".join(words)
    if start == 0 and (length == 6 or (length == 5 and words[5] == "ffff")):
        words[6:] = [ip4.dotted(address[12:])]
    return f"{':'.join(words[:start])}::{':'.join(words[start + length :])}"


def _zeros(words: list[str], start: int) -> int:
    """How many groups of zero there are from `start` on."""
    return next((number for number, word in enumerate(words[start:]) if word != "0"), 8 - start)


def is_host(address: bytes) -> bool:
    """Whether a machine can have it: not ::, ::1, multicast, or an IPv4 address written as IPv6."""
    return address[0] != 0xFF and address[:12] not in (bytes(12), bytes(10) + b"\xff\xff")


def is_link_local(address: bytes) -> bool:
    """Whether it is one of fe80::/10, which mean something on one link only."""
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80
