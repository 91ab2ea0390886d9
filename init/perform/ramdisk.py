"""The shutdown ramdisk: the part of the image that stays in memory, and the tmpfs it stays on."""

from __future__ import annotations

import os

from init.system import syscalls
from init.system.places import RAMDISK, RAMDISK_LIST

SHUTDOWN = "shutdown"


def mount_tmpfs() -> None:
    """Give /run/initramfs a file system of its own, so that it survives whatever happens to /run."""
    os.makedirs(RAMDISK, exist_ok=True)
    syscalls.mount("mkinitfs", RAMDISK, "tmpfs", syscalls.MS_NODEV | syscalls.MS_NOSUID, "mode=755")


def stage() -> int:
    """Copy the ramdisk; answers its size in bytes.

    systemd looks for an executable `shutdown` and needs nothing else to go ahead (INITRD_INTERFACE), so that
    name appears last and whole.
    """
    with open(RAMDISK_LIST, errors="surrogateescape") as file:
        paths = [line for line in file.read().splitlines() if line and line != SHUTDOWN]
    size = sum(_copy("/" + path, f"{RAMDISK}/{path}") for path in paths)
    size += _copy("/" + SHUTDOWN, f"{RAMDISK}/.{SHUTDOWN}")
    os.rename(f"{RAMDISK}/.{SHUTDOWN}", f"{RAMDISK}/{SHUTDOWN}")
    return size


def staged() -> bool:
    """Whether there is a ramdisk to come back to."""
    return os.path.exists(f"{RAMDISK}/{SHUTDOWN}")


def _copy(source: str, target: str) -> int:
    """Copy a file with its mode, a link as it stands, or make a folder; answers the bytes of content."""
    if os.path.islink(source):
        if not os.path.lexists(target):
            os.symlink(os.readlink(source), target)
        return 0
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
        return 0
    if os.path.isfile(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        return _copy_content(source, target)
    return 0  # device nodes: devtmpfs is mounted there


def _copy_content(source: str, target: str) -> int:
    with open(source, "rb", buffering=0) as reader, open(target, "wb", buffering=0) as writer:
        while chunk := reader.read(1 << 20):
            writer.write(chunk)
        os.fchmod(writer.fileno(), os.fstat(reader.fileno()).st_mode & 0o777)
        return writer.tell()
