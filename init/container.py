"""The step `container`: the file on the share becomes a loop device, and what is in it is mounted.

A program without effects, as boot.boot() is: operations out, answers in.
"""

from __future__ import annotations

from . import ops
from .cheap import TYPE_CHECKING
from .ops import StepError
from .places import SHARE_POINT, SYSROOT

if TYPE_CHECKING:
    from .boot import Steps
    from .settings import Loop, Settings


def mount(settings: Settings, loop: Loop) -> Steps:
    """Attach the container and mount what is in it; a failure leaves no loop device behind."""
    flags = loop.flags.split(",")
    never_written = "ro" in flags or "ro" in settings.source.options.split(",")
    device = yield ops.AttachLoop(f"{SHARE_POINT}/{loop.path}", never_written)
    try:
        fstype = loop.fstype or (yield ops.ProbeFilesystem(device))
        if not fstype:
            raise StepError(
                f"{loop.path}: no file system that is known here",
                hint="is this the right file? loopfstype=TYPE names a file system that is not recognised",
            )
        mode = "ro" if settings.read_only or never_written else "rw"
        options = ",".join([mode, *(flag for flag in flags if flag not in ("", "ro", "rw"))])
        yield ops.Mount(device, SYSROOT, fstype, options)
    except StepError as error:
        yield from detach(device)
        raise error
    return f"{loop.path} ({fstype}, {mode}) on {device} mounted on {SYSROOT}"


def detach(device: str) -> Steps:
    """Detach after a failure; that this, too, fails is only logged."""
    try:
        yield ops.DetachLoop(device)
    except StepError as error:
        yield ops.Log(4, f"container: {error.reason}")
