"""The system calls that Python's standard library does not have, under the kernel's names.

Nothing is decided here: one function for one call, and what turns mount(8)'s words and numbers into its arguments.
Everything goes through libc (libc.py). The numbers are those of the kernel's uapi
headers (linux/mount.h, linux/reboot.h, linux/sched.h, linux/loop.h).
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time

from init.system.abi import abis
from init.system.libc import Long, address, call, variable

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_SYNCHRONOUS, MS_REMOUNT = 1, 2, 4, 8, 16, 32
MS_DIRSYNC, MS_NOATIME, MS_NODIRATIME, MS_BIND, MS_MOVE, MS_REC = 128, 1024, 2048, 4096, 8192, 16384
MS_SILENT, MS_PRIVATE, MS_RELATIME, MS_STRICTATIME, MS_LAZYTIME = 32768, 1 << 18, 1 << 21, 1 << 24, 1 << 25

MNT_FORCE, MNT_DETACH = 1, 2

CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000

LOOP_CLR_FD, LOOP_CONFIGURE, LOOP_CTL_GET_FREE = 0x4C01, 0x4C0A, 0x4C82
LO_FLAGS_READ_ONLY, LO_FLAGS_PARTSCAN, LO_FLAGS_DIRECT_IO = 1, 8, 16

# Directions in ioctl numbers, and old numbers, differ where another Unix came first (arch/*/include/uapi/asm/ioctl*.h).
_MIPS, _PPC = (os.uname().machine.startswith(name) for name in ("mips", "ppc"))
_IOC_NONE, _IOC_READ = (1 << 29, 2 << 29) if _MIPS or _PPC else (0, 2 << 30)
BLKROSET = _IOC_NONE | 0x12 << 8 | 93
FS_IOC_SHUTDOWN = _IOC_READ | 4 << 16 | ord("X") << 8 | 125
TIOCSCTTY = 0x5480 if _MIPS else 0x540E
_OUTQ = 0x7472 if _MIPS else _IOC_READ | 4 << 16 | ord("t") << 8 | 115 if _PPC else 0x5411  # TIOCOUTQ, SIOCOUTQ
_CLOCK_BOOTTIME, _TFD_NONBLOCK, _TFD_CLOEXEC, _TFD_TIMER_ABSTIME = 7, os.O_NONBLOCK, os.O_CLOEXEC, 1

# linux/reboot.h; the names are the verbs that systemd-shutdown passes on.
REBOOT = {"reboot": 0x01234567, "halt": 0xCDEF0123, "poweroff": 0x4321FEDC, "kexec": 0x45584543}
CAD_OFF = 0x00000000

_FLAGS = {
    "ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC, "sync": MS_SYNCHRONOUS,
    "remount": MS_REMOUNT, "dirsync": MS_DIRSYNC, "noatime": MS_NOATIME, "nodiratime": MS_NODIRATIME,
    "bind": MS_BIND, "move": MS_MOVE, "silent": MS_SILENT, "relatime": MS_RELATIME,
    "strictatime": MS_STRICTATIME, "lazytime": MS_LAZYTIME,
}  # fmt: skip
_CLEARED = {"rw": MS_RDONLY, "suid": MS_NOSUID, "dev": MS_NODEV, "exec": MS_NOEXEC, "async": MS_SYNCHRONOUS}
_NO_MEANING = ("", "defaults", "auto", "noauto", "nouser", "loud")

# fsconfig(2) and fspick(2), for which older C libraries have no function.
_AT_FDCWD, _FSPICK_CLOEXEC = -100, 1
_FSCONFIG_SET_FLAG, _FSCONFIG_CMD_RECONFIGURE = 0, 7

# keyctl(2), linux/keyctl.h
_KEYCTL_DESCRIBE, _KEYCTL_INSTANTIATE, _KEYCTL_SET_TIMEOUT, _KEYCTL_ASSUME_AUTHORITY = 6, 12, 15, 16
_KEYCTL_REJECT = 19


def release() -> tuple[int, ...]:
    """The running kernel's version and patch level."""
    return tuple(int(word) for word in os.uname().release.split(".")[:2] if word.isdecimal())


def device_of(file: int | str) -> str:
    """The number of the file system that `file` lies on, as the mount table has it: "major:minor"."""
    number = os.stat(file).st_dev
    return f"{os.major(number)}:{os.minor(number)}"


def mount_flags(options: str) -> tuple[int, str]:
    """Split mount(8)'s option text into the flags of mount(2) and the data for the file system."""
    flags, data = 0, []
    for word in options.split(","):
        if word in _FLAGS:
            flags |= _FLAGS[word]
        elif word in _CLEARED:
            flags &= ~_CLEARED[word]
        elif word not in _NO_MEANING:
            data.append(word)
    return flags, ",".join(data)


def mount(source: str, target: str, fstype: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    words = [os.fsencode(word) if word else None for word in (source, target, fstype)]
    about = " on ".join(name for name in (source, target) if name)
    call("mount", *words, Long(flags), os.fsencode(data) if data else None, about=about)


def umount2(target: str, flags: int) -> None:
    """umount2(2)."""
    call("umount2", os.fsencode(target), flags, about=target)


def reconfigure(target: str, flag: str) -> None:
    """fspick(2) and fsconfig(2): set one flag of the file system mounted on `target`, and change no other.

    mount(2) with MS_REMOUNT states read-only or not as well, and is refused where the device is read-only already.
    """
    abi = abis()[0]
    fspick, fsconfig = Long(abi.fspick()), Long(abi.fsconfig())
    picked = call("syscall", fspick, _AT_FDCWD, os.fsencode(target), _FSPICK_CLOEXEC, about=target)
    try:
        call("syscall", fsconfig, picked, _FSCONFIG_SET_FLAG, os.fsencode(flag), None, 0, about=target)
        call("syscall", fsconfig, picked, _FSCONFIG_CMD_RECONFIGURE, None, None, 0, about=target)
    finally:
        os.close(picked)


def unshare(flags: int) -> None:
    """unshare(2)."""
    call("unshare", flags)


def setns(descriptor: int, kind: int) -> None:
    """setns(2)."""
    call("setns", descriptor, kind)


def finit_module(path: str, parameters: str = "") -> None:
    """finit_module(2): load the module file `path`; FileExistsError where it is loaded already."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        call("syscall", Long(abis()[0].finit_module), descriptor, os.fsencode(parameters), 0, about=path)
    finally:
        os.close(descriptor)


def _keyctl(*arguments: Long | bytes | int | None) -> int:
    return call("syscall", Long(abis()[0].keyctl), *arguments, about="keyctl")


def assume_key_authority(key: int) -> None:
    """KEYCTL_ASSUME_AUTHORITY: what /sbin/request-key needs before it may make `key`."""
    _keyctl(_KEYCTL_ASSUME_AUTHORITY, key)


def describe_key(key: int) -> bytes:
    """KEYCTL_DESCRIBE: "type;uid;gid;permissions;description", ended by a zero byte."""
    answer = bytearray(8192)  # a description has less than a page
    size = _keyctl(_KEYCTL_DESCRIBE, key, Long(address(answer)), Long(len(answer)))
    return bytes(answer[:size])


def instantiate_key(key: int, payload: bytes, seconds: int) -> None:
    """KEYCTL_SET_TIMEOUT and KEYCTL_INSTANTIATE: give a key that is waited for its content, for so long.

    In this order: with the second the right to the first is gone.
    """
    _keyctl(_KEYCTL_SET_TIMEOUT, key, seconds)
    _keyctl(_KEYCTL_INSTANTIATE, key, payload, Long(len(payload)), 0)


def reject_key(key: int, number: int, seconds: int) -> None:
    """KEYCTL_REJECT: have those who wait for a key, or ask for it within so long, fail with the error `number`."""
    _keyctl(_KEYCTL_REJECT, key, seconds, number, 0)


def swapoff(path: str) -> None:
    """swapoff(2)."""
    call("swapoff", os.fsencode(path), about=path)


def reboot(verb: str) -> None:
    """reboot(2) with one of REBOOT's verbs; returns only where the verb is impossible, with OSError."""
    call("reboot", REBOOT[verb] - (1 << 32) if REBOOT[verb] >> 31 else REBOOT[verb])


def ctrl_alt_del_to_init() -> None:
    """Have the kernel send SIGINT to PID 1 at Ctrl-Alt-Del, rather than restart on the spot (reboot(2))."""
    call("reboot", CAD_OFF)


def timerfd_create() -> int:
    """timerfd_create(2) on CLOCK_BOOTTIME, which goes on while the machine sleeps."""
    return call("timerfd_create", _CLOCK_BOOTTIME, _TFD_NONBLOCK | _TFD_CLOEXEC)


def timerfd_settime(descriptor: int, when: float) -> None:
    """timerfd_settime(2): readable from `when` on, in seconds of CLOCK_BOOTTIME; infinity for never."""
    seconds, rest = (0, 0) if when == float("inf") else (int(when), int(when % 1 * 1e9) or 1)
    call("timerfd_settime", descriptor, _TFD_TIMER_ABSTIME, struct.pack("@4l", 0, 0, seconds, rest), None)


def mark_root_storage_daemon() -> None:
    """Make this process's argv[0] begin with '@', so that systemd spares it (ROOT_STORAGE_DAEMONS).

    Written over the argument itself: an interpreter started under such a name would look for its library there.
    """
    call("memset", variable("program_invocation_name"), ord("@"), Long(1))


def await_sent(file: int, seconds: float) -> None:
    """Wait until a network card or a terminal has taken all that was written to it, at most `seconds`."""
    end = time.monotonic() + seconds
    while any(fcntl.ioctl(file, _OUTQ, bytes(4))) and time.monotonic() < end:
        time.sleep(0.005)


def loop_configure(descriptor: int, name: str, sector: int, offset: int, size: int, flags: int) -> str:
    """LOOP_CTL_GET_FREE and LOOP_CONFIGURE: attach an open file to a free loop device; answers the device's path.

    `name` is what the device will tell of its file, `sector` its logical block size; offset and size are in bytes,
    size 0 for all. One call decides everything at once, before anybody sees the device.
    """
    config = struct.pack("=2I", descriptor, sector)
    config += struct.pack("=5Q4I64s96x16x", 0, 0, 0, offset, size, 0, 0, 0, flags, os.fsencode(name)[-63:]) + bytes(64)
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        while True:
            path = f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
            device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, LOOP_CONFIGURE, config)
                return path
            except OSError as error:
                if error.errno != errno.EBUSY:  # taken by another process meanwhile
                    raise
            finally:
                os.close(device)
    finally:
        os.close(control)


def loop_clear(device: str) -> None:
    """LOOP_CLR_FD: detach `device` from its file; where it is still in use the kernel does so later."""
    descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, LOOP_CLR_FD, 0)
    finally:
        os.close(descriptor)
