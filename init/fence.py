"""A container that another machine has taken is written no more: the way from a lost lease to a read-only root.

What a remount read-only does first is to write back, and that is what must not happen. So the share is shut down: since
6.10 cifs then fails every write, and goes on reading, and where a file system has nothing to write it is remounted.
Otherwise the loop device is marked read-only (an ext4 then leaves its super block alone), ext4 is told to abort, which
ends its journal (and, in kernels around 6.12, reading, too), and others are shut down as XFS_IOC_GOINGDOWN(2) says,
without their log. What knows neither is remounted. Before 6.10 two things are still written: an aborted journal's
super block, and metadata that was in the journal already (of half a minute at most).

Whoever calls may stand on the ramdisk, where nothing of the kernel's is mounted, and may hold nothing of what the
system has mounted: Folders lends /dev, /sys and /proc for as long as they are needed.
"""

from __future__ import annotations

import fcntl
import os
import struct

from . import kernel, log
from .mounts import unescape

_HERE = "/lent"
_KINDS = {"dev": "devtmpfs", "sys": "sysfs", "proc": "proc"}
_BLKROSET, _LOOP_GET_STATUS64 = 0x125D, 0x4C05
_FS_IOC_SHUTDOWN, _NO_LOG_FLUSH = 0x8004587D, struct.pack("=I", 2)


class Folders:
    """Context: some of the kernel's file systems ("dev", "sys", "proc"), mounted below _HERE. Raises OSError."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __enter__(self) -> None:
        for name in self._names:
            os.makedirs(f"{_HERE}/{name}", exist_ok=True)
            kernel.mount(name, f"{_HERE}/{name}", _KINDS[name], kernel.MS_NOSUID)

    def __exit__(self, *_: object) -> None:
        for name in self._names:
            kernel.umount2(f"{_HERE}/{name}", kernel.MNT_DETACH)


def say(level: int, text: str, *, console: tuple[str, ...] = ()) -> None:
    """Write a line to the kernel's log, and `console` to the console itself."""
    try:
        with Folders("dev"):
            with open(f"{_HERE}/dev/kmsg", "wb", buffering=0) as file:
                file.write(log.record(level, text))
            if console:
                with open(f"{_HERE}/dev/console", "wb", buffering=0) as file:
                    file.write("".join(f"{line}\r\n" for line in ("", *console)).encode(errors="replace"))
    except OSError:
        pass


def stop(container: int) -> list[str]:
    """Stop all writing to what is mounted from the file open as `container`; answers what was done, a line for each."""
    done = []
    try:
        with Folders("dev", "sys", "proc"):
            loops = _loops(container)  # a share that is shut down tells nothing of its files
            try:
                fcntl.ioctl(container, _FS_IOC_SHUTDOWN, _NO_LOG_FLUSH)
                shut = _release() >= (6, 10)
            except OSError:
                shut = False  # NFS, or a cifs that does not know it
            for name in loops:
                try:
                    with open(f"{_HERE}/dev/{name}", "rb", buffering=0) as device:
                        fcntl.ioctl(device, _BLKROSET, struct.pack("=i", 1))
                except OSError as error:
                    done.append(f"{name} cannot be made read-only: {error.strerror}")
                done += [f"{point} {_stop(point, fstype, shut)}" for point, fstype in _written(name)]
    except OSError as error:
        done.append(f"WRITING CANNOT BE STOPPED: {error}; switch this machine off")
    return done


def _loops(container: int) -> list[str]:
    """The names of the loop devices that the file is attached to."""
    wanted, found = os.fstat(container), []
    for name in os.listdir(f"{_HERE}/sys/block"):
        status = bytearray(232)
        try:
            if name.startswith("loop"):
                with open(f"{_HERE}/dev/{name}", "rb", buffering=0) as device:
                    fcntl.ioctl(device, _LOOP_GET_STATUS64, status)
        except OSError:
            continue  # not attached
        if struct.unpack_from("=QQ", status) == (wanted.st_dev, wanted.st_ino):
            found.append(name)
    return found


def _written(loop: str) -> list[tuple[str, str]]:
    """Point, as PID 1 sees it, and type of what is mounted read-write from a loop device or a partition of it."""
    with open(f"{_HERE}/proc/1/mountinfo", errors="surrogateescape") as table:
        lines = table.read().split("\n")
    found: dict[str, tuple[str, str]] = {}
    for line in lines:
        head, _, tail = line.partition(" - ")
        fields, words = head.split(" "), tail.split(" ")
        if len(fields) < 5 or len(words) < 3:
            continue
        name, slash, partition = words[1].removeprefix("/dev/").partition(loop)
        if slash and not name and partition[:1] in ("", "p") and "rw" in words[2].split(","):
            found.setdefault(fields[2], (unescape(fields[4]), words[0]))
    return list(found.values())


def _release() -> tuple[int, ...]:
    """The kernel's version and patch level."""
    return tuple(int(word) for word in os.uname().release.split(".")[:2] if word.isdecimal())


def _stop(point: str, fstype: str, shut: bool) -> str:
    """Stop one file system; on a share that is `shut` nothing is written any more, by whatever way."""
    target = f"{_HERE}/proc/1/root{point}"
    if shut:
        try:
            kernel.mount("", target, "", kernel.MS_REMOUNT | kernel.MS_RDONLY)
            return "is read-only from now on"
        except OSError:
            pass  # it had something to write
    if fstype == "ext4":
        try:
            kernel.reconfigure(target, "abort")
            return "is read-only from now on"
        except OSError:
            pass  # kernels before 5.2
    try:
        folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(folder, _FS_IOC_SHUTDOWN, _NO_LOG_FLUSH)
        finally:
            os.close(folder)
        return f"is shut down: {fstype} can do no less without writing"
    except OSError:
        pass
    try:
        kernel.mount("", target, "", kernel.MS_REMOUNT | kernel.MS_RDONLY)
        return "is read-only from now on"
    except OSError as error:
        return f"CANNOT BE MADE READ-ONLY: {error.strerror}; switch this machine off"
