"""Which end did the real system ask for? A seccomp listener on reboot(2) tells, where the kernel alone does not.

reboot(2) called inside a PID namespace ends the namespace, and the parent learns no more than SIGINT (power off
*or* halt) or SIGHUP (restart); a kexec is refused with EINVAL (pid_namespaces(7), kernel/pid_namespace.c). So
the call is announced to the supervisor first (seccomp(2), SECCOMP_RET_USER_NOTIF), which notes the verb and
lets the kernel go on as it would have.

Where the kernel has no such listener the signal alone decides, and SIGINT means power off. One listener is
allowed for a process tree: a program inside that wants one of its own (LXC does) is refused;
`rd.handoff=ramdisk` or `none` is for such roots.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from init.system import libc, syscalls
from init.system.abi import Abi, abis
from init.system.cmodules import socket
from init.system.files import read_text
from init.system.stdlib import Iterable

_SET_MODE_FILTER, _FLAG_NEW_LISTENER = 1, 1 << 3
RET_ALLOW, RET_USER_NOTIF = 0x7FFF0000, 0x7FC00000
_NOTIF = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif
_RESPONSE = struct.Struct("=QqiI")  # struct seccomp_notif_resp
_IOCTL_RECV = 3 << 30 | _NOTIF.size << 16 | ord("!") << 8
_IOCTL_SEND = 3 << 30 | _RESPONSE.size << 16 | ord("!") << 8 | 1
_USER_NOTIF_FLAG_CONTINUE = 1
_CAP_SYS_BOOT = 22

_VERBS = {command: verb for verb, command in syscalls.REBOOT.items()} | {0xA1B2C3D4: "reboot"}  # RESTART2


def reboot_filter(abis: Iterable[Abi]) -> bytes:
    """The program in classic BPF: announce reboot(2) of each ABI, allow everything else."""
    load, equal, answer = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
    program = [
        instruction
        for abi in abis
        for instruction in (
            (load, 0, 0, 4),  # seccomp_data.arch
            (equal, 0, 3, abi.audit),
            (load, 0, 0, 0),  # seccomp_data.nr
            (equal, 0, 1, abi.reboot),
            (answer, 0, 0, RET_USER_NOTIF),
        )
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in (*program, (answer, 0, 0, RET_ALLOW)))


def install_and_send(channel: socket.socket) -> None:
    """Watch this process and all its descendants; the listener goes out through the socket `channel`.

    Without a listener nothing is lost but the difference between power off and halt, so failure is silent here
    and seen by `receive`.
    """
    try:
        listener = install()
    except OSError:
        channel.send(b"-")
        return
    channel.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("@i", listener))])
    os.close(listener)


def install() -> int:
    """Watch this process and all its descendants, whichever ABI they are of; answers the listener. Raises OSError."""
    ours = abis()
    program = bytearray(reboot_filter(ours))
    header = struct.pack("@HP", len(program) // 8, libc.address(program))  # struct sock_fprog
    return libc.call(
        "syscall", libc.Long(ours[0].seccomp), _SET_MODE_FILTER, _FLAG_NEW_LISTENER, header, about="seccomp"
    )


def receive(channel: socket.socket) -> int:
    """The listener that the child sent, -1 where it has none."""
    _, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(4))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            return int(struct.unpack("i", data[:4])[0])
    return -1


def answer(listener: int) -> str:
    """Take one announcement and let the call go on; answers its verb, "" for one that ends nothing.

    A kexec would be refused inside the namespace, so the caller has to end the namespace itself. The call is
    seen before the kernel has looked whether it is allowed, so that question is ours first.
    """
    buffer = bytearray(_NOTIF.size)
    try:
        fcntl.ioctl(listener, _IOCTL_RECV, buffer)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINTR):
            return ""  # the caller was killed in the meantime
        raise
    identifier, pid, _flags, _nr, _arch, _pointer, *arguments = _NOTIF.unpack(buffer)
    response = bytearray(_RESPONSE.pack(identifier, 0, 0, _USER_NOTIF_FLAG_CONTINUE))
    verb = _VERBS.get(arguments[2] & 0xFFFFFFFF, "") if _may_end(pid) else ""
    if verb != "kexec":
        try:
            fcntl.ioctl(listener, _IOCTL_SEND, response)
        except OSError:
            pass  # gone
    return verb


def _may_end(pid: int) -> bool:
    """Whether the kernel lets `pid` end the real system: CAP_SYS_BOOT, and no container's own namespaces."""
    status = dict(line.partition(":")[::2] for line in read_text(f"/proc/{pid}/status").splitlines())
    try:
        same = os.stat(f"/proc/{pid}/ns/user").st_ino == os.stat("/proc/self/ns/user").st_ino
    except OSError:
        return False  # gone
    depth = len(status.get("NSpid", "").split())  # seen from out here, the real system's processes have two
    return same and depth == 2 and bool(int(status.get("CapEff", "0"), 16) >> _CAP_SYS_BOOT & 1)
