"""What is to be released when the real system has ended, and in which order: a pure function of the kernel's tables.

A mount goes after everything mounted on it, and after every loop device whose file lies on it. A loop device
goes after every mount of the file system on it, a container lease after its container's loop device. At a diskless
machine's end the two rules contradict each other: systemd leaves the share mounted below the old root, the old root
lies on the loop device, and that device's file lies on the share. So a share that its own container holds is moved
away first. An overlay stands on its layers as a container does on its share, and goes before them: the kernel would
let a layer's mount go, but not what that stands on.
"""

from __future__ import annotations

from init.container_lease.messages import HolderNote
from init.system.log import DEBUG, INFO, NOTICE
from init.system.mount_table import LoopDevice, MountPoint
from init.system.places import RAMDISK
from init.system.stdlib import Iterable, NamedTuple

NETWORK = ("cifs", "smb3", "nfs", "nfs4", "9p", "ceph", "fuse.sshfs")


class Move(NamedTuple):
    """Move a mount out of what is to be unmounted."""

    point: str
    target: str
    level: int = INFO  # of the line in the log, as for the others

    def describe(self) -> str:
        return f"move {self.point} to {self.target}"


class Unmount(NamedTuple):
    """Unmount one mount point."""

    point: str
    device: str  # "major:minor"
    source: str
    level: int = INFO
    lazy: bool = False  # take it out of sight, though processes stand on it

    def describe(self) -> str:
        return f"unmount {self.point} ({self.source})"


class Detach(NamedTuple):
    """Detach a loop device and see that it is gone."""

    path: str
    backing_file: str
    level: int = NOTICE

    def describe(self) -> str:
        return f"detach {self.path} ({self.backing_file})"


class GiveBack(NamedTuple):
    """Have a holder give its container lease back, and end."""

    pid: int
    device: str  # "major:minor" of the mount that the container lies on
    path: str  # the container's, below that mount
    level: int = NOTICE

    def describe(self) -> str:
        return f"give the lease on {self.path} back"


Release = Move | Unmount | Detach | GiveBack


def plan(
    mounts: Iterable[MountPoint], loops: Iterable[LoopDevice], old_root: str, notes: Iterable[HolderNote] = ()
) -> tuple[Release, ...]:
    """Everything to be released, in order; empty when all is released.

    `old_root` is where the real system's root is mounted, `notes` are those of the holders. Mounts that belong to the
    ramdisk itself (its tmpfs, /proc, /sys, /dev, /run) stay.
    """
    tables = _Tables(tuple(mounts), tuple(loops), tuple(notes))
    moves = [Move(mount.point, f"/released-{mount.number}") for mount in tables.mounts if tables.holds_itself(mount)]
    if moves:  # the tables look different afterwards: the caller reads them again
        return tuple(moves)
    order: list[Release] = []
    seen: set[int | str] = set()
    for mount in sorted(tables.mounts, key=lambda mount: not mount.layers):  # moved layers are not known by name
        if tables.to_release(mount, old_root):
            _visit_mount(tables, mount, order, seen)
    for loop in tables.loops:
        _visit_loop(tables, loop, order, seen)
    for note in tables.notes:
        _visit_holder(note, order, seen)
    return tuple(order)


class _Tables(NamedTuple):
    """The tables and the questions the order asks of them."""

    mounts: tuple[MountPoint, ...]
    loops: tuple[LoopDevice, ...]
    notes: tuple[HolderNote, ...]

    def children(self, mount: MountPoint) -> list[MountPoint]:
        """What is mounted on `mount`, the newest first: a later mount may hide an earlier one."""
        return [other for other in reversed(self.mounts) if other.parent == mount.number and other is not mount]

    def loops_backed_by(self, device: str) -> list[LoopDevice]:
        return [loop for loop in self.loops if loop.backing_device == device]

    def mounts_of(self, loop: LoopDevice) -> list[MountPoint]:
        """The mounts of `loop` and of its partitions; btrfs shows a device number of its own, hence the names."""
        return [mount for mount in self.mounts if mount.device == loop.device or _lies_on(mount.source, loop.path)]

    def standing_on(self, mount: MountPoint) -> list[MountPoint]:
        """The file systems whose containers lie on `mount`, and the overlays that it is a layer of."""
        inside = [other for loop in self.loops_backed_by(mount.device) for other in self.mounts_of(loop)]
        name = _name_at_boot(mount.point)
        return inside + [
            other for other in self.mounts if any(f"{layer}/".startswith(f"{name}/") for layer in other.layers)
        ]

    def holds_itself(self, mount: MountPoint) -> bool:
        """Whether `mount` holds a loop device's file and stands, by whatever way round, on what is in it."""
        seen: set[int] = set()
        waiting = self.standing_on(mount)
        while waiting:
            other = waiting.pop()
            if other.number == mount.number:
                return True
            if other.number not in seen:
                seen.add(other.number)
                waiting += self.children(other) + self.standing_on(other)
        return False

    def is_ramdisk(self, mount: MountPoint) -> bool:
        """Whether `mount` is the ramdisk itself a second time, as systemd leaves it: holders stand on that one."""
        return any(root.point == "/" and root.device == mount.device for root in self.mounts)

    def to_release(self, mount: MountPoint, old_root: str) -> bool:
        return (
            mount.point == old_root
            or mount.point.startswith(old_root + "/")
            or not mount.device.startswith("0:")
            or mount.fstype in NETWORK
        )


def _name_at_boot(point: str) -> str:
    """What the boot called a mount point of its own: an overlay knows its layers by these names.

    systemd has them below /oldroot/run/initramfs, the supervisor stands on the ramdisk as root.
    """
    return f"{RAMDISK}/{point.rpartition(f'{RAMDISK}/')[2].lstrip('/')}"


def _lies_on(source: str, loop: str) -> bool:
    """Whether the device `source` is `loop` or one of its partitions: /dev/loop0p1."""
    return source == loop or (source.startswith(f"{loop}p") and source[len(loop) + 1 :].isdecimal())


def _visit_mount(tables: _Tables, mount: MountPoint, order: list[Release], seen: set[int | str]) -> None:
    if mount.number in seen:
        return
    seen.add(mount.number)
    for child in tables.children(mount):
        _visit_mount(tables, child, order, seen)
    for loop in tables.loops_backed_by(mount.device):
        _visit_loop(tables, loop, order, seen)
    for note in tables.notes:
        if note.device == mount.device:
            _visit_holder(note, order, seen)
    # The kernel's own file systems are not worth a line on the console.
    level = NOTICE if mount.fstype in NETWORK or not mount.device.startswith("0:") else DEBUG
    order.append(Unmount(mount.point, mount.device, mount.source, level, tables.is_ramdisk(mount)))


def _visit_loop(tables: _Tables, loop: LoopDevice, order: list[Release], seen: set[int | str]) -> None:
    if loop.path in seen:
        return
    seen.add(loop.path)
    for mount in tables.mounts_of(loop):
        _visit_mount(tables, mount, order, seen)
    order.append(Detach(loop.path, loop.backing_file))


def _visit_holder(note: HolderNote, order: list[Release], seen: set[int | str]) -> None:
    if note.path not in seen:
        seen.add(note.path)
        order.append(GiveBack(*note))
