"""Where a boot mounts what it finds."""

SHARE_POINT = "/run/initramfs/share"  # the share or export, where the root is a container on it
SYSROOT = "/sysroot"
