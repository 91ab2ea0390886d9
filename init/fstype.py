"""Which file system lies on a device, by its magic number."""

# (type, offset in bytes, magic): ext4's disk layout document; XFS's, SquashFS's, EROFS's and Btrfs's super blocks.
_MAGIC = (
    ("ext4", 0x438, b"\x53\xef"),
    ("xfs", 0, b"XFSB"),
    ("squashfs", 0, b"hsqs"),
    ("erofs", 1024, b"\xe2\xe1\xf5\xe0"),
    ("btrfs", 0x10040, b"_BHRfS_M"),
)

HEAD = 0x10048  # bytes that `probe` wants to see


def probe(head: bytes) -> str:
    """The type of the file system that begins with `head` (its first HEAD bytes), "" where none is known."""
    for fstype, offset, magic in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return fstype
    return ""
