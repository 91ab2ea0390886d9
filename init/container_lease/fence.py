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

Whoever calls may stand on the ramdisk, where nothing of the kernel's is mounted, and may hold nothing of what the
system has mounted: Folders lends /dev, /sys and /proc for as long as they are needed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time

from init.system import log, syscalls
from init.system.cmodules import signal
from init.system.mount_table import unescape
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "/lent"
_KINDS = {"dev": "devtmpfs", "sys": "sysfs", "proc": "proc"}
_BLKROSET, _LOOP_GET_STATUS64 = 0x125D, 0x4C05
_FS_IOC_SHUTDOWN, _NO_LOG_FLUSH = 0x8004587D, struct.pack("=I", 2)
_PATIENCE = 10.0  # seconds for the emergency remount, which saves other file systems before it comes to ours


class Mounted(NamedTuple):
    """A file system that is mounted read-write: its device's name, its type, its point, and who sees it there."""

    device: str
    fstype: str
    point: str
    pid: int

    @property
    def target(self) -> str:
        """The point as this process can name it."""
        return f"{HERE}/proc/{self.pid}/root{self.point}"

    def lies_on(self, loop: str) -> bool:
        """Whether it is mounted from the loop device or a partition of it."""
        name, found, partition = self.device.partition(loop)
        return bool(found) and not name and partition[:1] in ("", "p")


class Folders:
    """Context: some of the kernel's file systems ("dev", "sys", "proc"), mounted below HERE. Raises OSError."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __enter__(self) -> None:
        for name in self._names:
            os.makedirs(f"{HERE}/{name}", exist_ok=True)
            syscalls.mount(name, f"{HERE}/{name}", _KINDS[name], syscalls.MS_NOSUID)

    def __exit__(self, *_: object) -> None:
        for name in self._names:
            syscalls.umount2(f"{HERE}/{name}", syscalls.MNT_DETACH)


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


def say(level: int, text: str, *, console: tuple[str, ...] = ()) -> None:
    """Write a line to the kernel's log, and `console` to the console itself."""
    try:
        with Folders("dev"):
            with open(f"{HERE}/dev/kmsg", "wb", buffering=0) as file:
                file.write(log.record(level, text))
            if console:
                with open(f"{HERE}/dev/console", "wb", buffering=0) as file:
                    file.write("".join(f"{line}\r\n" for line in ("", *console)).encode(errors="replace"))
    except OSError:
        pass


def stop(container: int) -> list[str]:
    """Stop all writing to what is mounted from the file open as `container`; answers what came of it, line by line."""
    done = []
    try:
        with Folders("dev", "sys", "proc"):
            loops = _loops(container)  # a share that is shut down tells nothing of its files
            for name in loops:
                try:
                    with open(f"{HERE}/dev/{name}", "rb", buffering=0) as device:
                        fcntl.ioctl(device, _BLKROSET, struct.pack("=i", 1))
                except OSError as error:
                    done.append(f"{name} cannot be made read-only: {error.strerror}")
            written = _written()
            ours = [mounted for mounted in written if any(mounted.lies_on(name) for name in loops)]
            shut = syscalls.release() >= (6, 10) and _shut(container, ours)
            if shut:
                done += _give_back([mounted for mounted in written if mounted not in ours])
            done += [f"{mounted.point} {_stop(mounted, shut)}" for mounted in ours]
    except OSError as error:
        done.append(f"WRITING CANNOT BE STOPPED: {error}; switch this machine off")
    return done


def _loops(container: int) -> list[str]:
    """The names of the loop devices that the file is attached to."""
    wanted, found = os.fstat(container), []
    for name in os.listdir(f"{HERE}/sys/block"):
        status = bytearray(232)
        try:
            if name.startswith("loop"):
                with open(f"{HERE}/dev/{name}", "rb", buffering=0) as device:
                    fcntl.ioctl(device, _LOOP_GET_STATUS64, status)
        except OSError:
            continue  # not attached
        if struct.unpack_from("=QQ", status) == (wanted.st_dev, wanted.st_ino):
            found.append(name)
    return found


def _written() -> list[Mounted]:
    """What is mounted read-write from a block device in any namespace, each once; as PID 1 sees it, if it does."""
    found: dict[str, Mounted] = {}
    for pid, lines in _tables():
        for line in lines:
            head, _, tail = line.partition(" - ")
            fields, words = head.split(" "), tail.split(" ")
            if len(fields) > 4 and len(words) > 2 and words[1][:5] == "/dev/" and "rw" in words[2].split(","):
                found.setdefault(fields[2], Mounted(words[1][5:], words[0], unescape(fields[4]), pid))
    return list(found.values())


def _processes() -> list[int]:
    return sorted(int(name) for name in os.listdir(f"{HERE}/proc") if name.isdecimal())


def _tables() -> Iterator[tuple[int, list[str]]]:
    """The lines of each mount namespace's table, with the first process that is in it."""
    seen = set()
    for pid in _processes():
        try:
            namespace = os.readlink(f"{HERE}/proc/{pid}/ns/mnt")
            if namespace not in seen:
                with open(f"{HERE}/proc/{pid}/mountinfo", errors="surrogateescape") as table:
                    yield pid, table.read().split("\n")
                seen.add(namespace)
        except OSError:
            pass  # it has ended


def _shut(container: int, ours: list[Mounted]) -> bool:
    """Shut the share down, and have `ours` read-only before they notice; False where a share cannot be shut down."""
    with Stillness():
        try:
            fcntl.ioctl(container, _FS_IOC_SHUTDOWN, _NO_LOG_FLUSH)
        except OSError:
            return False  # NFS, or a cifs that does not know it
        if any(mounted.fstype not in ("xfs", "btrfs") for mounted in ours):
            _put(f"{HERE}/proc/sysrq-trigger", "u")
            end = time.monotonic() + _PATIENCE
            while time.monotonic() < end and any(one in ours and one.fstype != "btrfs" for one in _written()):
                time.sleep(0.02)
    return True


def _give_back(others: list[Mounted]) -> list[str]:
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


def _stop(mounted: Mounted, shut: bool) -> str:
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
    return _found(mounted.target, said)


def _abort(target: str) -> None:
    syscalls.reconfigure(target, "abort")


def _shut_down(target: str) -> None:
    folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(folder, _FS_IOC_SHUTDOWN, _NO_LOG_FLUSH)
    finally:
        os.close(folder)


def _remount(target: str) -> None:
    syscalls.mount("", target, "", syscalls.MS_REMOUNT | syscalls.MS_RDONLY)


def _fail(target: str) -> None:
    """Have a write fail at once that would fail later."""
    os.utime(target)
    _sync(target)


def _sync(target: str) -> None:
    folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _found(target: str, said: str) -> str:
    """What has become of it, by what it answers who reads and who writes."""
    try:
        os.listdir(target)
        # An older kernel's ext4 could still be read, and may say EIO of what it has not written.
        if syscalls.release() >= (6, 6):
            _sync(target)
        os.close(os.open(target, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC))
    except OSError as error:
        if error.errno == errno.EIO:
            return "is shut down: nothing can be read from it, either"
        if error.errno == errno.EROFS:
            return "is read-only from now on"
    return f"CANNOT BE MADE READ-ONLY: {said}; switch this machine off"
