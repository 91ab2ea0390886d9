"""Bytes written as two hexadecimal digits behind a mark: `%` in a URL (RFC 3986, 2.1), `\\x` in /dev/kmsg."""

from __future__ import annotations

_DIGITS = frozenset("0123456789abcdefABCDEF")


def undone(text: str, mark: str) -> str:
    """`text` with these bytes in their places; a mark without two digits, or with those of NUL, stands for itself."""
    head, *pieces = text.split(mark)
    data = head.encode("utf-8", "surrogateescape")
    for piece in pieces:
        digits = piece[:2]
        if len(digits) == 2 and _DIGITS.issuperset(digits) and digits != "00":
            data += bytes.fromhex(digits) + piece[2:].encode("utf-8", "surrogateescape")
        else:
            data += f"{mark}{piece}".encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "surrogateescape")
