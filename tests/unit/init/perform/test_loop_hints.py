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


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EACCES, "the share's user may not read it"),
        (errno.EPERM, "the share's user may not read it"),
        (errno.EIO, "the server does not give it out"),
        (errno.ESTALE, "the server does not give it out"),
        (errno.ELOOP, "in a circle"),
        (errno.ENAMETOOLONG, "too long"),
    ],
)
def test_find(number: int, hint: str) -> None:
    assert hint in loop_hints.find(number)


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EACCES, "the share's user may not write it"),
        (errno.EROFS, "loopflags=ro"),
        (errno.ENODEV, "loop.max_loop="),
        (errno.EINVAL, "sector-size="),
        (errno.EBUSY, "something else has it"),
        (errno.EIO, "the server does not give it out"),
    ],
)
def test_attach(number: int, hint: str) -> None:
    assert hint in loop_hints.attach(number)


def test_no_number_is_without_a_hint() -> None:
    for number, name in errno.errorcode.items():
        assert loop_hints.attach(number), name
        assert loop_hints.mount("ext4", number, ()) and loop_hints.mount("vfat", number, ()), name
