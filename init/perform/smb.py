"""The SMB share mounted by mount.cifs, and what its answers mean."""

from __future__ import annotations

import errno
import os

from init.operations import MountShare, StepError
from init.system import spawn
from init.system.log import KernelMessages

# What to look at for each of mount.cifs's numbers (fs/smb/client, and what servers answer).
_SHARE_HINTS = {
    errno.EACCES: "wrong user name or password? username=, password= in cifsroot=, or build --credentials FILE",
    errno.EPERM: "wrong user name or password? username=, password= in cifsroot=, or build --credentials FILE",
    errno.ENOENT: "does the share exist on the server? and does the image hold the ciphers cifs asks for?",
    errno.ENXIO: "does the share exist on the server, in this spelling?",
    errno.EOPNOTSUPP: "the server does not speak this version: vers= in cifsroot= asks for another",
    errno.EINVAL: "an option that this kernel's cifs does not know? see dmesg",
    errno.ENODEV: "cifs.ko is not in this image or does not fit the kernel",
}
# What may pass while the server starts, or the way to it comes up.
PASSING = (
    errno.EHOSTDOWN, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EAGAIN,
    errno.ECONNRESET, errno.ECONNABORTED, errno.EINPROGRESS, errno.ENETDOWN, errno.EIO,
)  # fmt: skip
_SERVER_HINT = "is the server on, and reachable from here? port= and the network are worth a look"


def mount(operation: MountShare) -> None:
    """Mount the share. Raises StepError."""
    os.makedirs(operation.target, exist_ok=True)
    argv = ("/sbin/mount.cifs", operation.unc, operation.target, "-o", operation.options)
    with KernelMessages() as messages:
        done = spawn.run(argv, timeout=operation.timeout, secret=operation.password)
        if done.code == 0:
            return
        said = tuple(line for line in done.output.splitlines() if line.strip() and "manual page" not in line)
        raise share_error(operation.unc, done, said + messages.said())


def share_error(unc: str, done: spawn.Finished, said: tuple[str, ...]) -> StepError:
    """Why mount.cifs failed: its number, whether waiting can help, and what to try."""
    if done.timed_out:
        return StepError(f"{unc}: no answer from the server", said, errno.ETIMEDOUT, retry=True, hint=_SERVER_HINT)
    number = mount_error(done.output)
    if "could not resolve address" in done.output:
        hint = "does the network's DNS know the server? an address in cifsroot= needs none"
        return StepError(f"{unc}: the server's name cannot be resolved", said, retry=True, hint=hint)
    retry = number in PASSING
    reason = os.strerror(number) if number else f"mount.cifs ended with {done.code}"
    hint = _SERVER_HINT if retry else _SHARE_HINTS.get(number, "")
    return StepError(f"{unc}: {reason}", said, number, retry=retry, hint=hint)


def mount_error(output: str) -> int:
    """The error number in mount.cifs's «mount error(13): Permission denied», 0 where there is none."""
    number = output.partition("mount error(")[2].partition(")")[0]
    return int(number) if number.isdigit() else 0
