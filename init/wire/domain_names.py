"""Domain names: their labels, and lists of them in DNS's wire format (RFC 1035, 3.1)."""

from __future__ import annotations

from init.system.stdlib import Iterator

LABEL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")  # what may stand in a label
LONGEST = 253  # characters of a name, which are 255 bytes on the wire


def is_label(label: bytes) -> bool:
    """Whether a part of a name is letters, digits, dash, underscore, and does not begin with a dash."""
    return 0 < len(label) < 64 and LABEL.issuperset(label.decode("latin-1")) and not label.startswith(b"-")


def split(value: bytes, *, pointers: bool) -> Iterator[list[bytes]]:
    """Read a list of names, each as its labels, which are not checked; a name without any is the root's.

    With `pointers` a name may end with the end of an earlier one (RFC 1035, 4.1.4). Raises ValueError.
    """
    offset = 0
    while offset < len(value):
        labels, offset = _name(value, offset, pointers)
        yield labels


def _name(value: bytes, start: int, pointers: bool) -> tuple[list[bytes], int]:
    """Read one name: its labels, and where the next begins."""
    labels: list[bytes] = []
    after = 0  # where the first pointer ends
    barrier = at = start
    while at < len(value):
        length = value[at]
        if pointers and length >= 0xC0:
            target = int.from_bytes(value[at : at + 2], "big") & 0x3FFF
            if at + 2 > len(value) or target >= barrier:  # so that none can loop
                raise ValueError("a pointer that does not go back")
            after = after or at + 2
            barrier = at = target
        elif length > 63:
            raise ValueError("a label of unknown kind")
        elif length:
            labels.append(value[at + 1 : at + 1 + length])
            at += 1 + length
        else:
            return labels, after or at + 1
    raise ValueError("a name without end")


def domain(name: bytes) -> str:
    """A host name or domain as text; no final dot or NUL. Raises ValueError."""
    name = name.rstrip(b"\0").removesuffix(b".")
    if not all(is_label(label) for label in name.split(b".")):
        raise ValueError("not a host or domain name")
    if len(name) > LONGEST:
        raise ValueError("longer than a domain name can be")
    return name.decode("ascii")


def domains(value: bytes, *, pointers: bool) -> Iterator[str | ValueError]:
    """Read a list of domains, a ValueError in the place of one that is none (entries.kept).

    Zeros in one without pointers (RFC 8415, 10; RFC 8106, 5.2) are padding. Raises ValueError.
    """
    for labels in split(value, pointers=pointers):
        try:
            if labels or pointers:
                yield domain(b".".join(labels))
        except ValueError as error:
            yield error
