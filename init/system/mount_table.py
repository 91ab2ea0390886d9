"""The mount table and the loop table as values."""

from __future__ import annotations

import os

from init.system.files import read_text
from init.system.places import MOUNT_TABLE
from init.system.stdlib import Iterable, NamedTuple


class MountPoint(NamedTuple):
    """One line of /proc/self/mountinfo (proc(5)), the kernel's escapes undone."""

    number: int
    parent: int  # the number of the mount that this one lies on
    device: str  # the file system's number, "major:minor"
    root: str  # what of the file system is mounted
    point: str  # where it is mounted
    fstype: str
    source: str
    options: tuple[str, ...] = ()  # the mount's own: rw, nosuid, noatime
    super_options: tuple[str, ...] = ()  # the file system's, which all its mounts share

    @property
    def layers(self) -> tuple[str, ...]:
        """The folders that an overlay stands on (overlayfs.rst), as they were called when it was mounted."""
        if self.fstype != "overlay":
            return ()
        pairs = [word.partition("=") for word in self.super_options]
        folders = [value for key, _, value in pairs if key in ("lowerdir", "lowerdir+", "upperdir")]
        return tuple(folder for value in folders for folder in value.split(":") if folder)


class LoopDevice(NamedTuple):
    """An attached loop device."""

    path: str
    device: str  # its number, "major:minor"
    backing_device: str  # the number of the file system that its file lies on
    backing_file: str


def mount_of(path: str, mounts: Iterable[MountPoint]) -> MountPoint | None:
    """The mount that `path` lies in, by names alone: of those above it the deepest, and of these the newest."""
    over = [mount for mount in mounts if path.startswith(mount.point.rstrip("/") + "/")]
    return max(enumerate(over), key=lambda one: (len(one[1].point), one[0]))[1] if over else None


def mounted_as(device: str, mounts: Iterable[MountPoint]) -> MountPoint | None:
    """A mount of the file system `device` ("major:minor"), None where there is none."""
    return next((mount for mount in mounts if mount.device == device), None)


def server_of(mount: MountPoint | None) -> str:
    """The address of the server that a file system comes from, "" where its options have none."""
    options = mount.super_options if mount else ()
    return next((word[5:] for word in options if word.startswith("addr=")), "")


def parse_mountinfo(text: str) -> tuple[MountPoint, ...]:
    """All of /proc/self/mountinfo, in the kernel's order."""
    mounts = []
    for line in text.split("\n")[:-1]:  # not splitlines(): a name may hold what that takes for a line's end
        fields, _, tail = line.partition(" - ")
        number, parent, device, root, point, options = fields.split(" ")[:6]
        fstype, source, *more = tail.split(" ")
        mounts.append(
            MountPoint(
                int(number), int(parent), device, unescape(root), unescape(point), fstype, unescape(source),
                tuple(options.split(",")),
                tuple(unescape(word) for word in more[0].split(",")) if more else (),
            )
        )  # fmt: skip
    return tuple(mounts)


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

    LOOP_GET_STATUS64 would say it, but asks the file's server for attributes, and the server may be gone.
    """
    loops = []
    for name in sorted(os.listdir("/sys/block")):
        backing_file = read_text(f"/sys/block/{name}/loop/backing_file").strip()
        if backing_file:
            own = read_text(f"/sys/block/{name}/dev").strip()
            mount = mount_of(backing_file, mounts)
            loops.append(LoopDevice(f"/dev/{name}", own, mount.device if mount else "0:0", backing_file))
    return tuple(loops)
