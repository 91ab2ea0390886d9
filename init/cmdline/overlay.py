"""`overlay=`: where what is written goes."""

from __future__ import annotations

from init.system.stdlib import NamedTuple

DEFAULT_SIZE = 8 << 30  # bytes of a new container: sparse, so it takes what is written
_SMALLEST = 4 << 20  # mke2fs leaves out the journal of anything smaller
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Overlay(NamedTuple):
    """`path` is "" for tmpfs, whose `size` is tmpfs(5)'s word; else `size` is the bytes of a container to be made."""

    path: str
    size: str


def parse(value: str) -> Overlay:
    """Read the value of overlay=. Raises ValueError, which says what is wrong."""
    head, colon, size = value.rpartition(":")
    if not colon:
        head, size = value, ""
    if head == "tmpfs":
        percent = int(size[:-1]) if size.endswith("%") and size[:-1].isdecimal() else 0
        if colon and not _bytes(size) and not 0 < percent <= 100:
            raise ValueError(f"overlay={value}: a size is 512M, 2G or 50%")
        return Overlay("", size)
    parts = [part for part in head.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or head.endswith("/"):
        raise ValueError(f"overlay={value}: tmpfs[:SIZE] or a path beside the root is meant")
    for after in "/".join(parts).replace("%%", "").split("%")[1:]:
        if after[:1] not in ("m", "h", "i"):
            raise ValueError(f"overlay={value}: %{after[:1]} is none of %m (MAC), %h (host name), %i (IP address), %%")
    found = _bytes(size) if colon else DEFAULT_SIZE
    if found < _SMALLEST:
        raise ValueError(f"overlay={value}: a container's size is 8G or 500M, at least 4M")
    return Overlay("/".join(parts), str(found))


def _bytes(text: str) -> int:
    """The size in bytes, 0 for none that is understood."""
    unit = text[-1:].upper() if text[-1:].isalpha() else ""
    number = text.removesuffix(text[-1:]) if unit else text
    return int(number) * _UNITS.get(unit, 0) if number.isascii() and number.isdecimal() else 0
