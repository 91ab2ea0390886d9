"""The SMB share mounted by mount.cifs, and what its answers mean."""

from __future__ import annotations

import errno
import os

from init.operations import StepError
from init.system import spawn

# What mount.cifs's numbers mean to whoever set the share up (fs/smb/client, and what a server answers).
_SHARE_HINTS = {
    errno.EACCES: "wrong user name or password? username=, password= in cifsroot=, or build --credentials FILE",
    errno.EPERM: "wrong user name or password? username=, password= in cifsroot=, or build --credentials FILE",
    errno.ENOENT: "does the share exist on the server? and does the image hold the ciphers cifs asks for?",
    errno.ENXIO: "does the share exist on the server, in this spelling?",
    errno.EOPNOTSUPP: "the server does not speak this version: vers= in cifsroot= asks for another",
    errno.EINVAL: "an option that this kernel's cifs does not know? see dmesg",
    errno.ENODEV: "cifs.ko is not in this image or does not fit the kernel",
}
_PASSING = (
    errno.EHOSTDOWN, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EAGAIN,
    errno.ECONNRESET, errno.ECONNABORTED, errno.EINPROGRESS, errno.ENETDOWN, errno.EIO,
)  # fmt: skip
_SERVER_HINT = "is the server on, and reachable from here? port= and the network are worth a look"


def share_error(unc: str, done: spawn.Finished, said: tuple[str, ...]) -> StepError:
    """Why mount.cifs failed: its number, whether waiting can help, and what to try."""
    if done.timed_out:
        return StepError(f"{unc}: no answer from the server", said, errno.ETIMEDOUT, retry=True, hint=_SERVER_HINT)
    number = mount_error(done.output)
    if "could not resolve address" in done.output:
        hint = "does the network's DNS know the server? an address in cifsroot= needs none"
        return StepError(f"{unc}: the server's name cannot be resolved", said, retry=True, hint=hint)
    retry = number in _PASSING
    reason = os.strerror(number) if number else f"mount.cifs ended with {done.code}"
    hint = _SERVER_HINT if retry else _SHARE_HINTS.get(number, "")
    return StepError(f"{unc}: {reason}", said, number, retry=retry, hint=hint)


def mount_error(output: str) -> int:
    """The error number in mount.cifs's «mount error(13): Permission denied», 0 where there is none."""
    _, found, rest = output.partition("mount error(")
    number = rest.partition(")")[0]
    return int(number) if found and number.isdigit() else 0
