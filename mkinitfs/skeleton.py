"""What every image has whatever its profile: folders, device nodes, the few settings that libraries read."""

from collections.abc import Iterator

from mkinitfs.manifest import Bytes, Device, Directory, Entry, File, Symlink
from mkinitfs.sysroot import Sysroot

_REASON = "every image"
DEFAULT = "every image, unless a profile or --add brings another"
_MOUNT_POINTS = ("dev", "proc", "run", "sys", "sysroot")
_FOLDERS = (("etc", 0o755), ("root", 0o700), ("tmp", 0o1777), ("var", 0o755))
# The links that a merged-/usr system has at its top. Where they are real folders, they are not needed empty.
_TOP_LINKS = ("bin", "sbin", "lib", "lib64")

# Minor numbers from Documentation/admin-guide/devices.txt. They are there before /init mounts devtmpfs. Python
# reads the random ones before its first line where the kernel's generator is not seeded yet: without RDRAND it is not.
_DEVICES = (
    ("console", 5, 1, 0o600), ("kmsg", 1, 11, 0o644), ("null", 1, 3, 0o666),
    ("random", 1, 8, 0o666), ("urandom", 1, 9, 0o666),
)  # fmt: skip

_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    # The target's own file may name services (systemd, sss) whose libraries and daemons are not here.
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
}


def entries(sysroot: Sysroot) -> Iterator[tuple[str, Entry]]:
    """The fixed part of an image for a target with `sysroot`'s layout."""
    for name in _MOUNT_POINTS:
        yield name, Directory(0o755, "mount point of early user space")
    for name, mode in _FOLDERS:
        yield name, Directory(mode, _REASON)
    for name, major, minor, mode in _DEVICES:
        yield f"dev/{name}", Device("c", major, minor, mode, "there before devtmpfs is")
    for path, text in _FILES.items():
        yield path, File(Bytes(text.encode()), 0o644, DEFAULT)
    yield "etc/mtab", Symlink("../proc/self/mounts", _REASON)
    for name in _TOP_LINKS:
        if folder := sysroot.find(f"/{name}"):
            for link, target in folder.links:
                yield link[1:], Symlink(target, "as the sysroot has it")
