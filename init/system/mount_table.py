"""The mount table and the loop table as values."""

from __future__ import annotations

import os

from init.system.files import read_text
from init.system.places import MOUNT_TABLE
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class MountPoint(NamedTuple):
    """One line of /proc/self/mountinfo (proc(5)); `device` is "major:minor".

    `options` are the mount's, `super_options` its file system's. `layers` are the folders that an overlay stands on, as
    they were called when it was mounted.
    """

    number: int
    parent: int
    device: str
    root: str
    point: str
    fstype: str
    source: str
    options: str
    layers: tuple[str, ...] = ()
    super_options: tuple[str, ...] = ()


class LoopDevice(NamedTuple):
    """An attached loop device: its node, its own number, and the file system its file lies on, by number."""

    path: str
    device: str
    backing_device: str
    backing_file: str


def mount_of(path: str, mounts: Iterable[MountPoint]) -> MountPoint | None:
    """Where `path` lies, told by names alone: of the mounts above it the deepest, and of those the newest."""
    over = [mount for mount in mounts if path.startswith(mount.point.rstrip("/") + "/")]
    return max(enumerate(over), key=lambda one: (len(one[1].point), one[0]))[1] if over else None


def mounted_as(device: str, mounts: Iterable[MountPoint]) -> MountPoint | None:
    """A mount of the file system `device` ("major:minor"), None where there is none."""
    return next((mount for mount in mounts if mount.device == device), None)


def parse_mountinfo(text: str) -> tuple[MountPoint, ...]:
    """All of /proc/self/mountinfo, in the kernel's order."""
    mounts = []
    for line in text.split("\n")[:-1]:  # not splitlines(): a name may hold what that takes for a line's end
        fields, _, tail = line.partition(" - ")
        number, parent, device, root, point, options = fields.split(" ")[:6]
        fstype, source, *more = tail.split(" ")
        super_options = tuple(more[0].split(",")) if more else ()
        mounts.append(
            MountPoint(
                int(number),
                int(parent),
                device,
                unescape(root),
                unescape(point),
                fstype,
                unescape(source),
                options,
                _layers(super_options) if fstype == "overlay" else (),
                tuple(unescape(word) for word in super_options),
            )
        )
    return tuple(mounts)


def _layers(super_options: tuple[str, ...]) -> tuple[str, ...]:
    """The folders in an overlay's own options (overlayfs.rst)."""
    found: list[str] = []
    for word in super_options:
        key, _, value = word.partition("=")
        if key in ("lowerdir", "lowerdir+", "upperdir"):
            found += [unescape(part) for part in value.split(":") if part]
    return tuple(found)


def unescape(text: str) -> str:
    """Undo the kernel's octal escapes for blank, tab, newline and backslash."""
    head, *parts = text.split("\\")
    for part in parts:
        head += chr(int(part[:3], 8)) + part[3:] if part[:3].isdigit() else "\\" + part
    return head


def read_mounts() -> tuple[MountPoint, ...]:
    """The mount table as it is now."""
    return parse_mountinfo(read_text(MOUNT_TABLE))


def read_loops(mounts: tuple[MountPoint, ...]) -> tuple[LoopDevice, ...]:
    """The attached loop devices; where their files lie is told by their names.

    The device itself would ask the file's server (LOOP_GET_STATUS64 looks at the file's attributes), which may be gone.
    """
    found = []
    for name in sorted(os.listdir("/sys/block")):
        backing_file = read_text(f"/sys/block/{name}/loop/backing_file").strip()
        if backing_file:
            own = read_text(f"/sys/block/{name}/dev").strip()
            mount = mount_of(backing_file, mounts)
            found.append(LoopDevice(f"/dev/{name}", own, mount.device if mount else "0:0", backing_file))
    return tuple(found)
