"""A container that another machine has taken is written no more: the way from a lost lease to a read-only root.

What a remount read-only does first is to write back, and that is what must not happen. Since kernel 6.10 cifs fails
every write to a share that is shut down, and goes on reading: so the share is shut down first, and then the kernel is
asked for its emergency remount (sysrq.rst, "u"), the one way to read-only that stands neither files open for writing
nor writes that fail. It concerns all file systems on block devices: those that do not lie in the container are given
back what they had. btrfs is not one of them, and makes itself read-only with its first write that fails. An ext4 whose
journal could not be written ends itself, reading included (since 6.6), with the next write that somebody begins: so
from the one to the other nobody else runs.

Where the share cannot be shut down, the loop device is marked read-only (an ext4 then leaves its super block alone)
and ext4 is told to abort, which ends its journal (and, from 6.6 to 6.14, reading, too). Two things are still written
then: an aborted journal's super block, and metadata that was in the journal already (of half a minute at most). xfs is
shut down in any case, as XFS_IOC_GOINGDOWN(2) says, without its log. What knows none of this is remounted.

What is said in the end is what was found to be so, not what was asked for.

The holder may stand on the ramdisk, where nothing of the kernel's is mounted: /dev, /sys and /proc are lent (lent.py).
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time

from init.container_lease.lent import HERE, Folders
from init.system import syscalls
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.mount_table import MountPoint, parse_mountinfo
from init.system.stdlib import Callable, Iterator, NamedTuple

_LOOP_GET_STATUS64 = 0x4C05  # linux/loop.h
_NO_LOG_FLUSH = struct.pack("=I", 2)  # for FS_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN(2)
LONGEST_REMOUNT = 10.0  # seconds for the emergency remount, which saves other file systems before it comes to ours


class Written(NamedTuple):
    """A file system that is mounted read-write from a block device."""

    device: str  # the device's name, without /dev/
    fstype: str
    point: str  # where `pid` sees it
    pid: int

    @property
    def target(self) -> str:
        """The point as this process can name it."""
        return f"{HERE}/proc/{self.pid}/root{self.point}"

    def lies_on(self, loop: str) -> bool:
        """Whether it is mounted from the loop device or a partition of it."""
        return self.device.startswith(loop) and self.device[len(loop) :][:1] in ("", "p")


class Stillness:
    """Context: no other process runs, and the kernel says nothing on the console, which may be a slow serial line."""

    def __enter__(self) -> None:
        self._levels = f"{HERE}/proc/sys/kernel/printk"
        with open(self._levels) as file:
            self._before = file.read()
        _put(self._levels, "1")
        self._stopped = []
        for pid in _processes():
            try:
                with open(f"{HERE}/proc/{pid}/stat", errors="replace") as file:
                    state = file.read().rpartition(")")[2].split()
                if pid != os.getpid() and state[0] not in "tTZX":
                    os.kill(pid, signal.SIGSTOP)  # neither PID 1 nor the kernel's own listen
                    self._stopped.append(pid)
            except OSError:
                pass  # it has ended

    def __exit__(self, *_: object) -> None:
        for pid in self._stopped:
            try:
                os.kill(pid, signal.SIGCONT)
            except OSError:
                pass
        _put(self._levels, self._before)


def stop(container: int) -> list[str]:
    """Stop all writing to what is mounted from the file open as `container`; answers what came of it, line by line."""
    done = []
    try:
        with Folders("dev", "sys", "proc"):
            loops = _loops(container)  # a share that is shut down tells nothing of its files
            for name in loops:
                try:
                    with open(f"{HERE}/dev/{name}", "rb", buffering=0) as device:
                        fcntl.ioctl(device, syscalls.BLKROSET, struct.pack("=i", 1))
                except OSError as error:
                    done.append(f"{name} cannot be made read-only: {error.strerror}")
            written = _written()
            ours = [mounted for mounted in written if any(mounted.lies_on(name) for name in loops)]
            shut = syscalls.release() >= (6, 10) and _shut(container, ours)
            if shut:
                done += _give_back([mounted for mounted in written if mounted not in ours])
            done += [f"{mounted.point} {_stop(mounted, shut)}" for mounted in ours]
    except (OSError, ValueError) as error:  # ValueError: a mount table that cannot be read
        done.append(f"WRITING CANNOT BE STOPPED: {error}; switch this machine off")
    return done


def _loops(container: int) -> list[str]:
    """The names of the loop devices that the file is attached to."""
    wanted, names = os.fstat(container), []
    for name in os.listdir(f"{HERE}/sys/block"):
        status = bytearray(232)
        try:
            if name.startswith("loop"):
                with open(f"{HERE}/dev/{name}", "rb", buffering=0) as device:
                    fcntl.ioctl(device, _LOOP_GET_STATUS64, status)
        except OSError:
            continue  # not attached
        if struct.unpack_from("=QQ", status) == (wanted.st_dev, wanted.st_ino):
            names.append(name)
    return names


def _written() -> list[Written]:
    """What is mounted read-write from a block device in any namespace, each once; as PID 1 sees it, if it does."""
    written: dict[str, Written] = {}
    for pid, mounts in _tables():
        for mount in mounts:
            if mount.source.startswith("/dev/") and "rw" in mount.super_options:
                name = mount.source.removeprefix("/dev/")
                written.setdefault(mount.device, Written(name, mount.fstype, mount.point, pid))
    return list(written.values())


def _processes() -> list[int]:
    return sorted(int(name) for name in os.listdir(f"{HERE}/proc") if name.isdecimal())


def _tables() -> Iterator[tuple[int, tuple[MountPoint, ...]]]:
    """The table of each mount namespace, with the first process that is in it."""
    seen = set()
    for pid in _processes():
        try:
            namespace = os.readlink(f"{HERE}/proc/{pid}/ns/mnt")
        except OSError:
            continue  # it has ended
        if namespace not in seen and (table := read_text(f"{HERE}/proc/{pid}/mountinfo")):
            yield pid, parse_mountinfo(table)
            seen.add(namespace)


def _shut(container: int, ours: list[Written]) -> bool:
    """Shut the share down, and have `ours` read-only before they notice; False where a share cannot be shut down."""
    with Stillness():
        try:
            fcntl.ioctl(container, syscalls.FS_IOC_SHUTDOWN, _NO_LOG_FLUSH)
        except OSError:
            return False  # NFS, or a cifs that does not know it
        if any(mounted.fstype not in ("xfs", "btrfs") for mounted in ours):
            _put(f"{HERE}/proc/sysrq-trigger", "u")
            deadline = time.monotonic() + LONGEST_REMOUNT
            while time.monotonic() < deadline and any(one in ours and one.fstype != "btrfs" for one in _written()):
                time.sleep(0.02)
    return True


def _give_back(others: list[Written]) -> list[str]:
    """Make read-write again what is read-only with no need; answers what could not be."""
    done = []
    for mounted in others:
        try:
            if os.statvfs(mounted.target).f_flag & os.ST_RDONLY:
                syscalls.reconfigure(mounted.target, "rw")
        except OSError as error:
            done.append(f"{mounted.point} is read-only, too, and cannot be made read-write again: {error.strerror}")
    return done


def _put(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _stop(mounted: Written, shut: bool) -> str:
    """Stop one file system, if it is not yet; on a share that is `shut` nothing arrives. Answers what it is now."""
    if mounted.fstype == "xfs":
        ways = [_shut_down]
    elif shut:
        ways = [_remount, _fail]
    else:
        ways = [*([_abort] if mounted.fstype == "ext4" else []), _shut_down, _remount]
    said = ""
    for way in ways:
        try:
            way(mounted.target)
            break
        except OSError as error:
            said = error.strerror or ""
    return _state(mounted.target, said)


def _abort(target: str) -> None:
    syscalls.reconfigure(target, "abort")


def _with_folder(target: str, call: Callable[[int], object]) -> None:
    folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        call(folder)
    finally:
        os.close(folder)


def _shut_down(target: str) -> None:
    _with_folder(target, lambda folder: fcntl.ioctl(folder, syscalls.FS_IOC_SHUTDOWN, _NO_LOG_FLUSH))


def _remount(target: str) -> None:
    syscalls.mount("", target, "", syscalls.MS_REMOUNT | syscalls.MS_RDONLY)


def _fail(target: str) -> None:
    """Have a write fail at once that would fail later."""
    os.utime(target)
    _with_folder(target, os.fsync)


def _state(target: str, said: str) -> str:
    """What has become of it, by what it answers to reads and writes; `said` is why it could not be stopped."""
    try:
        os.listdir(target)
        # An older kernel's ext4 could still be read, and may say EIO of what it has not written.
        if syscalls.release() >= (6, 6):
            _with_folder(target, os.fsync)
        os.close(os.open(target, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC))
    except OSError as error:
        if error.errno == errno.EIO:
            return "is shut down: nothing can be read from it, either"
        if error.errno == errno.EROFS:
            return "is read-only from now on"
    return f"CANNOT BE MADE READ-ONLY: {said}; switch this machine off"
