"""What boot loaders write on the command line by themselves, and what stands there where they had nothing to write.

A machine's hint that cannot be read is no person's mistake: it is left out, and the boot goes on as if it were not
there.
"""

from __future__ import annotations

_HEX = frozenset("0123456789abcdef")
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_MAC_LENGTH = 6
_INFINIBAND = 32  # ARP's number for its hardware; a loader knows the last 8 of a card's 20 bytes, which are its GUID


def boot_card(written: str) -> str:
    """Read BOOTIF=: the card's address in lower case with colons, "" where it names none.

    The type of the hardware (01, as ARP numbers it) stands before the address or is missing, dashes or colons
    between the bytes, or nothing. Whatever type stands before six bytes, they are a card's.
    """
    parts = written.lower().replace(":", "-").split("-")
    if len(parts) == 1:
        parts = [written[at : at + 2].lower() for at in range(0, len(written), 2)]
    if not parts or not all(len(part) == 2 and _HEX.issuperset(part) for part in parts):
        return ""
    infiniband = int(parts[0], 16) == _INFINIBAND and len(parts) in (9, 21)
    if infiniband or len(parts) == _MAC_LENGTH + 1:
        parts = parts[1:]
    known = infiniband or len(parts) == _MAC_LENGTH
    return ":".join(parts) if known and any(int(part, 16) for part in parts) else ""


def without_variables(value: str) -> str:
    """Return `value` without the fields that a loader did not fill in, as in `${net0/ip}::$net_default_gateway`."""
    text = ""
    while value:
        if value[0] == "$" and text[-1:] in ("", ":"):
            value = value.partition("}")[2] if value.startswith("${") else value[1:].lstrip(_NAME)
        else:
            text, value = text + value[0], value[1:]
    return text
