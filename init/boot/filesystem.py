"""Which file system lies in the first bytes of a file, and what its super block says that a loop device has to know."""

from __future__ import annotations

import struct

from init.system.stdlib import NamedTuple

HEAD = 0x100D9  # bytes that `probe` wants to see: the last field read is btrfs's dev_item.total_bytes

_READ_ONLY = ("squashfs", "erofs")


class Filesystem(NamedTuple):
    """What a super block says."""

    fstype: str
    unit: int  # bytes: the largest sector of a device that it can be mounted from
    size: int  # bytes
    trouble: str = ""  # "journal": it was not unmounted; "errors": the kernel has found some (ext4 alone tells)


class Place(NamedTuple):
    """Where a file system lies in a file."""

    path: str
    fstype: str
    sector: int  # the loop device's logical block size, in bytes
    offset: int = 0  # bytes
    size: int = 0  # bytes; 0 for all that follows
    partition: int = 0  # its number, where the whole file is attached and the kernel reads its table; else 0
    trouble: str = ""  # as in Filesystem

    @property
    def read_only(self) -> bool:
        """Whether nothing can ever be written here."""
        return self.fstype in _READ_ONLY


def probe(head: bytes) -> Filesystem | None:
    """The file system that begins with `head` (its first HEAD bytes), None where none is known."""
    for read in (_ext4, _xfs, _squashfs, _erofs, _btrfs):
        try:
            filesystem = read(head)
        except struct.error:  # too short
            continue
        if filesystem and filesystem.unit >= 512:
            return filesystem
    return None


def sector(unit: int, size: int) -> int:
    """The sector size for a loop device of `size` bytes: as large as `unit` allows, a page (4096) at most.

    A device ends with its last whole sector, so the sector is made small enough for all of the file to count.
    """
    best = 512
    while best < min(unit, 4096) and size % (2 * best) == 0:
        best *= 2
    return best


def _ext4(head: bytes) -> Filesystem | None:
    """Kernel document filesystems/ext4, super block; one driver serves ext2 and ext3, too."""
    if head[0x438:0x43A] != b"\x53\xef":
        return None
    low, shift = struct.unpack_from("<I16xI", head, 0x404)[:2]
    state, incompatible = struct.unpack_from("<H36xI", head, 0x43A)
    if shift > 6:
        return None
    high = struct.unpack_from("<I", head, 0x550)[0] if incompatible & 0x80 else 0
    trouble = "errors" if state & 2 else "journal" if incompatible & 4 or not state & 1 else ""
    return Filesystem("ext4", 1024 << shift, (high << 32 | low) * (1024 << shift), trouble)


def _xfs(head: bytes) -> Filesystem | None:
    """XFS algorithms and data structures, xfs_sb: it cannot be mounted from sectors larger than sb_sectsize."""
    if head[:4] != b"XFSB":
        return None
    block, blocks = struct.unpack_from(">IQ", head, 4)
    return Filesystem("xfs", struct.unpack_from(">H", head, 102)[0], block * blocks)


def _squashfs(head: bytes) -> Filesystem | None:
    """fs/squashfs/squashfs_fs.h: read in blocks of 1 KiB where the device lets it."""
    if head[:4] != b"hsqs":
        return None
    return Filesystem("squashfs", 1024, struct.unpack_from("<Q", head, 40)[0])


def _erofs(head: bytes) -> Filesystem | None:
    """fs/erofs/erofs_fs.h, erofs_super_block."""
    if head[1024:1028] != b"\xe2\xe1\xf5\xe0":
        return None
    bits = struct.unpack_from("B", head, 1036)[0]
    return Filesystem("erofs", 1 << bits, struct.unpack_from("<I", head, 1060)[0] << bits) if bits <= 16 else None


def _btrfs(head: bytes) -> Filesystem | None:
    """btrfs's on-disk format, super block at 64 KiB: sectorsize, and the size of this one device."""
    if head[0x10040:0x10048] != b"_BHRfS_M":
        return None
    return Filesystem("btrfs", *struct.unpack_from("<I", head, 0x10090), *struct.unpack_from("<Q", head, 0x100D1))
