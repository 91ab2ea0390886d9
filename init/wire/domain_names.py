"""Domain names in DNS's wire format."""

from __future__ import annotations

_LABEL = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def names(value: bytes) -> tuple[str, ...]:
    """Return the domains of a list in DNS's wire format without pointers (RFC 8415, 10; RFC 8106, 5.2).

    Zeros at the end are padding. A list that cannot be right gives none.
    """
    found = []
    labels: list[bytes] = []
    offset = 0
    while offset < len(value):
        length = value[offset]
        label = value[offset + 1 : offset + 1 + length]
        offset += 1 + length
        if length > 63 or len(label) < length or (length and not _LABEL.issuperset(label)) or label[:1] == b"-":
            return ()
        if length:
            labels.append(label)
        elif labels:
            found.append(b".".join(labels).decode("ascii"))
            labels = []
    return () if labels else tuple(dict.fromkeys(name for name in found if len(name) <= 253))
