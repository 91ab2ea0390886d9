"""Archives put together record by record, which a manifest would not make."""

import stat

from mkinitfs.archive.cpio import Record, archive


def newc(*members: tuple[Record, bytes]) -> bytes:
    """The newc archive of `members`."""
    return b"".join(archive((record, [data]) for record, data in members))


def hard_linked(*names: str) -> list[tuple[Record, bytes]]:
    """Members that are one file; the last has its content, "data"."""
    contents = [b""] * (len(names) - 1) + [b"data"]
    return [
        (Record(name, stat.S_IFREG | 0o644, len(data), ino=7, nlink=2), data)
        for name, data in zip(names, contents, strict=True)
    ]
