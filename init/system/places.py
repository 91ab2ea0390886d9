"""Where a boot mounts what it finds."""

from __future__ import annotations

RAMDISK = "/run/initramfs"
SHARE_POINT = f"{RAMDISK}/share"  # the share or export, where the root is a container on it
LOWER = f"{RAMDISK}/lower"  # a root that is not written, where overlay= puts a layer on it
LAYER = f"{RAMDISK}/layer"  # that layer
SYSROOT = "/sysroot"


def shown(path: str) -> str:
    """A container's name for messages: as loop= has it."""
    return path.removeprefix(f"{SHARE_POINT}/")


BOOT_ID = "/proc/sys/kernel/random/boot_id"


NET_FOLDER = "/net"  # /run/initramfs/net, seen from the ramdisk as root


STATE_FOLDER = "/run/initramfs/net"


KEEPER = "/keeper"  # seen from the ramdisk as root
CLAIMANT = "/claimant"
