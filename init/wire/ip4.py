"""IPv4 addresses as text and bytes."""

from __future__ import annotations


def packed(address: str) -> bytes | None:
    """Return four bytes for dotted decimal text, None where it is no IPv4 address."""
    parts = address.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        return None
    numbers = [int(part) for part in parts]
    return bytes(numbers) if max(numbers) < 256 else None


def dotted(address: bytes) -> str:
    """Return dotted text for four bytes."""
    return ".".join(str(number) for number in address)


def prefix_length(netmask: bytes) -> int | None:
    """Return the number of leading one bits, None where the mask has a hole."""
    number = int.from_bytes(netmask, "big")
    length = number.bit_count()
    return length if number == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF else None


def netmask_of(prefix: int) -> str:
    """Return the dotted netmask of a prefix length from 0 to 32."""
    return dotted(((0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF).to_bytes(4, "big"))


def classful_prefix(address: bytes) -> int:
    """Return the prefix length of class A, B or C (RFC 791), the default where no netmask is given."""
    if address[0] < 128:
        return 8
    return 16 if address[0] < 192 else 24


def is_host(address: bytes) -> bool:
    """Whether a machine can have it: not this network, loopback, multicast, reserved or broadcast."""
    return address[0] not in (0, 127) and address[0] < 224
