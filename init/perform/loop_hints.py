"""What it means when a container cannot be found, attached or mounted: the number, and the kernel's own words."""

from __future__ import annotations

import errno

_RIGHTS = "the share's user may not read it: the server's rights on the file and on the folders above it"
_SERVER = "the server does not give it out any more: its own log says why, and whether its disk is well"
_UNKNOWN = "the server's own log tells more, and so may dmesg"
_WHOLE = "is the container whole? On the server: {}"
_CHECKS = {"ext4": "e2fsck -f", "xfs": "xfs_repair", "btrfs": "btrfs check"}

_FIND = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EIO: _SERVER,
    errno.ESTALE: _SERVER,
    errno.ENAMETOOLONG: "a name in loop= is too long for the server",
    errno.ELOOP: "its links lead in a circle",
}
_ATTACH = {
    errno.EACCES: "the share's user may not write it: the server's rights, or loopflags=ro",
    errno.EPERM: "the share's user may not write it: the server's rights, or loopflags=ro",
    errno.EROFS: "the share is read-only: loopflags=ro",
    errno.ENOENT: "loop.ko is not in this image or does not fit the kernel",
    errno.ENODEV: "no loop device is left: loop.max_loop= on the command line says how many there are",
    errno.EBUSY: "something else has it or the loop device open",
    errno.EINVAL: "this kernel's loop driver does not take sector-size= or offset= of loopflags=",
    errno.ETXTBSY: "it is in use as a program or as swap on the server's side",
    errno.EIO: _SERVER,
    errno.ESTALE: _SERVER,
    errno.ENOMEM: "too little memory",
}
# The kernel's words, in the order in which they count; each file system has its own for one EINVAL.
_SAID = (
    ("duplicate UUID", "a copy of it is mounted already: loopflags=nouuid, or xfs_admin -U generate"),
    ("unsupported optional features", "made by newer tools than this kernel: a newer kernel, or tune2fs -O ^FEATURE"),
    ("unknown incompatible", "made by newer tools than this kernel: a newer kernel, or make it without that feature"),
    ("incompatible features", "made by newer tools than this kernel: a newer kernel, or make it without that feature"),
    ("nsupported compress", "this kernel's squashfs or erofs was built without the image's compression"),
    ("Unknown parameter", "the file system does not know an option in loopflags= or rootflags="),
    ("nrecognized mount option", "the file system does not know an option in loopflags= or rootflags="),
    ("bad block size", "its blocks are larger than this kernel takes, or than sector-size= in loopflags= allows"),
    ("device too small", "cut off: was it copied to the end? is there room on the server?"),
    ("exceeds size of device", "cut off: was it copied to the end? is there room on the server?"),
    ("subvol", "subvol= in loopflags= names none that is there: btrfs subvolume list"),
    ("an't find", "no such file system is in it: loopfstype= is left out best"),
    ("nvalid superblock magic", "no such file system is in it: loopfstype= is left out best"),
    ("I/O error, dev loop", _SERVER),
)  # fmt: skip
_MOUNT = {
    errno.EINVAL: "is the file whole, and of this type? loopfstype= and loopflags= are worth a look",
    errno.EBUSY: "it is mounted already, or its device is in use",
    errno.EROFS: "it cannot be written here, and wants to be: loopflags=ro, or rw on the command line",
    errno.ENOMEM: "too little memory",
    errno.EEXIST: "a copy of it with the same UUID is there already: btrfs wants each once (btrfstune -u)",
}


def find(number: int) -> str:
    """Where the file cannot be looked at."""
    return _FIND.get(number, "")


def attach(number: int) -> str:
    """Where the loop driver refuses it, or open(2) does."""
    return _ATTACH.get(number, _UNKNOWN)


def mount(fstype: str, number: int, said: tuple[str, ...]) -> str:
    """Where mount(2) refuses it; `said` are the kernel's words."""
    if number == errno.ENODEV:
        return f"not in this image: mkinitfs build --module {fstype}"
    text = "\n".join(said)
    for words, meaning in _SAID:
        if words in text:
            return meaning
    check = _CHECKS.get(fstype)
    return _MOUNT.get(number) or (_WHOLE.format(check) if check else "is the file whole? make it anew")
