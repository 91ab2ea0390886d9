"""Every path that early user space and the shutdown ramdisk have agreed on."""

from __future__ import annotations

# As the boot sees them.
RAMDISK = "/run/initramfs"  # INITRD_INTERFACE; the root of the processes that stay behind
SHARE_POINT = f"{RAMDISK}/share"  # the share or export, where the root is a container on it
LOWER = f"{RAMDISK}/lower"  # a root that is not written, where overlay= puts a layer on it
LAYER = f"{RAMDISK}/layer"  # that layer
SYSROOT = "/sysroot"  # the real root, for the supervisor, too
TIMELINE = f"{RAMDISK}/timeline"

# Seen from the ramdisk as root.
OLD_ROOT = "/oldroot"  # the real root where systemd hands over (INITRD_INTERFACE)
KEEPER = "/keeper"
HOLDER = "/container_lease"
NETWORK = "/net"  # the network's state
HOLDERS = "/leases"  # one note for each holder of a container's lease, named by its PID

# The same two for the boot.
NETWORK_AT_BOOT = RAMDISK + NETWORK
HOLDERS_AT_BOOT = RAMDISK + HOLDERS

# The image's own.
CREDENTIALS = "/etc/mkinitfs/credentials"
MODULES = "/usr/lib/mkinitfs/modules"  # to be loaded, in order; the builder writes it
MODPROBE_CONF = "/etc/modprobe.d"
RAMDISK_LIST = "/usr/lib/mkinitfs/ramdisk"  # what to copy, one image path a line; the builder's profile `shutdown`

# The kernel's.
PRODUCT_UUID = "/sys/class/dmi/id/product_uuid"  # of SMBIOS
BOOT_ID = "/proc/sys/kernel/random/boot_id"
MOUNT_TABLE = "/proc/self/mountinfo"


def shown(path: str) -> str:
    """A container's name for messages: as loop= has it."""
    return path.removeprefix(f"{SHARE_POINT}/")
