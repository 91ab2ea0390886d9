"""The SMB share mounted by mount.cifs, and what its answers mean."""

from __future__ import annotations

import errno
import os

from init.operations import MountShare, StepError
from init.system import spawn
from init.system.log import KernelMessages

# What may pass while the server starts, or the way to it comes up.
PASSING = (
    errno.EHOSTDOWN, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EAGAIN,
    errno.ECONNRESET, errno.ECONNABORTED, errno.EINPROGRESS, errno.ENETDOWN, errno.EIO,
    errno.ENONET,
)  # fmt: skip
# Of our own making (init/request_key.py), under the number of something else.
_NO_ADDRESS = {errno.ENONET: "a DFS link leads to a server whose name has no address"}
_SERVER_HINT = "is the server on, and reachable from here? port= and the network are worth a look"

_UNKNOWN_HINT = "the server's own log tells more, and so may dmesg; can another machine mount this share?"


def mount(operation: MountShare) -> None:
    """Mount the share. Raises StepError."""
    os.makedirs(operation.target, exist_ok=True)
    argv = ("/sbin/mount.cifs", operation.unc, operation.target, "-o", operation.options)
    with KernelMessages() as messages:
        done = spawn.run(argv, timeout=operation.timeout, secret=operation.password)
        if done.code == 0:
            return
        said = tuple(line for line in done.output.splitlines() if line.strip() and "manual page" not in line)
        raise share_error(operation, done, said + messages.said())


def share_error(operation: MountShare, done: spawn.Finished, said: tuple[str, ...]) -> StepError:
    """Why mount.cifs failed: its number, whether waiting can help, and what to try."""
    from init.perform import names, smb_hints  # late: few boots need it

    unc = operation.unc
    if done.timed_out:
        return StepError(f"{unc}: no answer from the server", said, errno.ETIMEDOUT, retry=True, hint=_SERVER_HINT)
    if "could not resolve address" in done.output:
        server = unc[2:].partition("/")[0]
        reason, hint = names.trouble(server, names.look_up(server))
        return StepError(f"{unc}: {reason}", said, retry=True, hint=hint)
    number = mount_error(done.output)
    retry = number in PASSING
    reason = _NO_ADDRESS.get(number) or os.strerror(number) if number else f"mount.cifs ended with {done.code}"
    hint = smb_hints.hint(number, unc, operation.options, said) or (_SERVER_HINT if retry else _UNKNOWN_HINT)
    return StepError(f"{unc}: {reason}", said, number, retry=retry, hint=hint)


def mount_error(output: str) -> int:
    """The error number in mount.cifs's «mount error(13): Permission denied», 0 where there is none."""
    number = output.partition("mount error(")[2].partition(")")[0]
    return int(number) if number.isdigit() else 0
