"""Containers looked for, attached, checked and mounted."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time

from init import operations
from init.system import libc, spawn, syscalls
from init.system.files import read_text, write_text
from init.system.log import ERROR, KernelMessages, Say
from init.system.mount_table import mounted_as, read_mounts

_PAGE = 4096
_READ_AHEAD = "1024"  # KiB; the default of 128 means eight questions to the server where one would do
_LONGEST_CHECK = 86400.0  # seconds
_BETWEEN_LINES = 10.0  # seconds between two lines about a long check


def find(operation: operations.FindContainer) -> int:
    """The file's size; what is there instead where it is no container."""
    path = operation.path
    try:
        status = os.stat(path)
    except OSError as error:
        from init.perform import loop_hints  # late: few boots need it

        number = error.errno or 0
        there = "no such file on the share" if number in (errno.ENOENT, errno.ENOTDIR) else error.strerror
        hint = loop_hints.find(number) or _neighbours(path)
        raise operations.StepError(f"{path}: {there}", errno=number, hint=hint) from error
    if not stat.S_ISREG(status.st_mode):
        raise operations.StepError(f"{path}: is no regular file", errno=errno.ENOENT, hint=_neighbours(path))
    if status.st_size == 0:
        raise operations.StepError(f"{path}: the container is empty", hint="was it copied to the end?")
    return status.st_size


def read_at(operation: operations.ReadAt) -> bytes:
    """A piece of the file, complete unless the file ends."""
    descriptor = os.open(operation.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = b""
        while len(data) < operation.size:
            more = os.pread(descriptor, operation.size - len(data), operation.offset + len(data))
            if not more:
                break
            data += more
        return data
    finally:
        os.close(descriptor)


def attach(operation: operations.AttachLoop) -> operations.Attached:
    """Attach with direct I/O where the share does it: else every block lies in memory twice."""
    flags = syscalls.LO_FLAGS_READ_ONLY if operation.read_only else 0
    flags |= syscalls.LO_FLAGS_PARTSCAN if operation.partscan else 0
    with KernelMessages() as messages:
        try:
            descriptor, direct = _open(operation)
            try:
                device = syscalls.loop_configure(
                    descriptor, operation.path, operation.sector, operation.offset, operation.size,
                    flags | (syscalls.LO_FLAGS_DIRECT_IO if direct else 0),
                )  # fmt: skip
            finally:
                os.close(descriptor)
        except OSError as error:
            from init.perform import loop_hints  # late: few boots need it

            raise operations.StepError(
                f"{operation.path}: cannot be attached to a loop device: {error.strerror}", messages.said(),
                error.errno or 0, hint=loop_hints.attach(error.errno or 0),
            ) from error  # fmt: skip
    folder = f"/sys/block/{os.path.basename(device)}"
    write_text(f"{folder}/queue/read_ahead_kb", _READ_AHEAD)
    return operations.Attached(device, read_text(f"{folder}/loop/dio").strip() == "1")


def _open(operation: operations.AttachLoop) -> tuple[int, bool]:
    """The container, open, and whether direct I/O works: under some cache modes cifs opens a file for it and then
    cannot read. The descriptor itself asks for it, since cifs takes it from open(2) and not from the loop device.
    """
    mode = (os.O_RDONLY if operation.read_only else os.O_RDWR) | os.O_CLOEXEC
    if operation.direct:
        try:
            descriptor = _open_direct(operation.path, mode)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        else:
            memory = bytearray(2 * _PAGE)
            page = -libc.address(memory) % _PAGE
            try:
                os.preadv(descriptor, [memoryview(memory)[page : page + _PAGE]], operation.offset)
                return descriptor, True
            except OSError:
                os.close(descriptor)
    return os.open(operation.path, mode), False


def _open_direct(path: str, mode: int) -> int:
    """Open for direct I/O; with cifs before 6.3 in two steps where it caches nothing. Raises OSError.

    For a file that was opened with O_DIRECT it makes one request to the server of each contiguous piece of memory, 50
    where one would do; what one asks of a file that was not, and is not cached, it copies once and asks for at once.
    """
    if syscalls.release() >= (6, 3) or not _caches_nothing(path):
        return os.open(path, mode | os.O_DIRECT)
    descriptor = os.open(path, mode)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_DIRECT)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _caches_nothing(path: str) -> bool:
    """Whether cifs, by `nolease`, keeps nothing of the file in memory."""
    mount = mounted_as(syscalls.device_of(path), read_mounts())
    return mount is not None and "nolease" in mount.super_options


def detach(operation: operations.DetachLoop) -> None:
    """Detach after a failure."""
    syscalls.loop_clear(operation.device)


def check(operation: operations.CheckFilesystem, say: Say) -> operations.Checked | None:
    """Run the checker; where it takes long, the console shows now and then how far it is."""
    if not os.path.exists(operation.argv[0]):
        return None
    told = time.monotonic()

    def heard(text: str) -> None:
        nonlocal told
        passed = progress(text)
        if passed and time.monotonic() - told > _BETWEEN_LINES:
            told = time.monotonic()
            say(ERROR, f"container: e2fsck: pass {passed[0]} of 5, {passed[1]} %")

    done = spawn.run(operation.argv, timeout=_LONGEST_CHECK, heard=heard)
    lines = (line.strip() for line in done.output.splitlines())
    return operations.Checked(done.code, tuple(line for line in lines if line and not progress(line)))


def progress(text: str) -> tuple[int, int] | None:
    """Pass and per cent of the last line «pass done all name» in `text`, which e2fsck prints under -C."""
    for line in reversed(text.splitlines()):
        words = line.split(maxsplit=3)
        if len(words) > 3 and all(word.isdecimal() for word in words[:3]):
            return int(words[0]), 100 * int(words[1]) // max(1, int(words[2]))
    return None


def mount(operation: operations.Mount) -> None:
    """mount(2), with what the kernel said where it failed."""
    flags, data = syscalls.mount_flags(operation.options)
    os.makedirs(operation.target, exist_ok=True)
    with KernelMessages() as messages:
        try:
            syscalls.mount(operation.source, operation.target, operation.fstype, flags, data)
        except OSError as error:
            from init.perform import loop_hints  # late: few boots need it

            number, said = error.errno or 0, messages.said()
            raise operations.StepError(
                f"{operation.source} ({operation.fstype}): {error.strerror}", said, number,
                hint=loop_hints.mount(operation.fstype, number, said),
            ) from error  # fmt: skip


def _neighbours(path: str) -> str:
    """What the nearest folder that is there holds, so that a misspelt name is seen at once."""
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return "loop=PATH is relative to the share"
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return f"loop=PATH is relative to the share; {os.path.basename(folder)}/ holds: {shown or 'nothing'}"
