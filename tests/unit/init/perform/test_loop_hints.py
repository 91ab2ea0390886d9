"""What to try where a container cannot be had; the kernel's own words are looked at in tests/vm/test_hints.py."""

import errno

import pytest

from init.perform import loop_hints


@pytest.mark.parametrize(
    ("fstype", "number", "said", "hint"),
    [
        ("xfs", errno.EINVAL, "XFS (loop1): Filesystem has duplicate UUID 1 - can't mount", "loopflags=nouuid"),
        ("ext4", errno.EINVAL, "EXT4-fs (loop0): bad geometry: block count 9 exceeds size of device (8)", "copied to"),
        ("squashfs", errno.EINVAL, "SQUASHFS error: Unsupported compression algorithm zstd", "compression"),
        ("btrfs", errno.ENOENT, "BTRFS error: could not find root subvol=@", "subvolume list"),
        ("btrfs", errno.EEXIST, "", "each once"),
        ("ext4", errno.EIO, "blk_update_request: I/O error, dev loop0, sector 2", "the server does not give it out"),
        ("f2fs", errno.ENODEV, "", "--module f2fs"),
        ("ext4", errno.EUCLEAN, "", "e2fsck -f"),
        ("xfs", errno.EUCLEAN, "", "xfs_repair"),
        ("erofs", errno.EUCLEAN, "", "make it anew"),
        ("ext4", errno.EINVAL, "", "is the file whole"),
    ],
)
def test_mount(fstype: str, number: int, said: str, hint: str) -> None:
    assert hint in loop_hints.mount(fstype, number, ("first", said))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ELOOP])
def test_find(number: int) -> None:
    assert loop_hints.find(number)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENODEV, errno.EINVAL, errno.EBUSY, errno.EIO])
def test_attach(number: int) -> None:
    assert loop_hints.attach(number)
