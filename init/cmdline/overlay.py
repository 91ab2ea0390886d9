"""The grammar of `overlay=`: where the layer lies that is written to.

    overlay=tmpfs[:SIZE]    in memory, forgotten at the end; SIZE as tmpfs(5) has it: 512M, 50%
    overlay=PATH[:SIZE]     in a container of the machine's own beside the root, made when it is not there

In PATH stand the machine's own names (placeholders.py); SIZE is that of a container to be made, in bytes or with K, M,
G, T.
"""

from __future__ import annotations

from init.cmdline import placeholders, size
from init.system.stdlib import NamedTuple

DEFAULT_SIZE = 8 << 30  # bytes of a new container: sparse, so it takes what is written
_SMALLEST = 4 << 20  # mke2fs leaves out the journal of anything smaller


class Overlay(NamedTuple):
    """What overlay= asks for."""

    path: str  # of the container, below the share or export; "" for tmpfs
    size: str  # tmpfs(5)'s own word, "" for its default; else the bytes of a container to be made


def parse(value: str) -> Overlay:
    """Read the value of overlay=. Raises ValueError, which says what is wrong."""
    head, colon, word = value.rpartition(":")
    if not colon:
        head, word = value, ""
    if head == "tmpfs":
        percent = int(word[:-1]) if word.endswith("%") and word[:-1].isdecimal() else 0
        if colon and not size.tmpfs(word) and not 0 < percent <= 100:
            raise ValueError(f"overlay={value}: a size is 512M, 2G or 50%")
        return Overlay("", word)
    parts = [part for part in head.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or head.endswith("/"):
        raise ValueError(f"overlay={value}: tmpfs[:SIZE] or a path beside the root is meant")
    if mistake := placeholders.mistake(head):
        raise ValueError(f"overlay={value}: {mistake}")
    number = size.tmpfs(word) or 0 if colon else DEFAULT_SIZE
    if number < _SMALLEST:
        raise ValueError(f"overlay={value}: a container's size is 8G or 500M, at least 4M")
    return Overlay("/".join(parts), str(number))
