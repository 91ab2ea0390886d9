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
    if missing < 0 or bool(missing) != bool(gap):
        return None
    return _GROUPS.pack(*front, *([0] * missing), *back)


def _groups(text: str, *, last: bool) -> list[int] | None:
    """The groups between colons, None for what is none; an IPv4 address may stand as the `last` two (RFC 4291, 2.2)."""
    words = text.split(":") if text else []
    embedded: tuple[int, ...] = ()
    if last and words and "." in words[-1]:
        dotted = words.pop()
        four = ip4.packed(dotted)
        if four is None or ip4.dotted(four) != dotted:  # inet_pton(3) takes no leading zeros
            return None
        embedded = struct.unpack("!2H", four)
    if not all(0 < len(word) <= 4 and _HEX.issuperset(word) for word in words):
        return None
    return [*(int(word, 16) for word in words), *embedded]


def text(address: bytes) -> str:
    """Return the text of sixteen bytes in RFC 5952's one spelling."""
    groups = _GROUPS.unpack(address)
    words = [f"{group:x}" for group in groups]
    spans = ((start, start + length) for length in range(8, 1, -1) for start in range(9 - length))
    # The longest run of zeros, and the first of equals; one zero alone is written out.
    start, end = next((span for span in spans if not any(groups[slice(*span)])), (8, 8))
    if start == 8:
        return ":".join(words)
    if start == 0 and (end == 6 or (end == 5 and groups[5] == 0xFFFF)):
        words[6:] = [ip4.dotted(address[12:])]
    return f"{':'.join(words[:start])}::{':'.join(words[end:])}"


def is_host(address: bytes) -> bool:
    """Whether a machine can have it: not ::, ::1, multicast, or an IPv4 address written as IPv6."""
    return address[0] != 0xFF and address[:12] not in (bytes(12), bytes(10) + b"\xff\xff")


def is_link_local(address: bytes) -> bool:
    """Whether it is one of fe80::/10, which mean something on one link only."""
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80
