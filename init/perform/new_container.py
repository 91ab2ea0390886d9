"""A container made where there is none yet."""

from __future__ import annotations

import os

from init.operations import MakeContainer, StepError
from init.system import randomness, spawn

_MKE2FS = "/sbin/mke2fs"
_MAKING = 300.0  # seconds; a few megabytes are written, whatever the size
_HINT = "the image cannot make one: name the part overlay in a profile of your own, or copy an empty container there"


def make(operation: MakeContainer) -> bool:
    """Make a file with an empty ext4 in it, where there is none; answers whether that was so.

    It appears whole: until then it has a name of this boot's own. Raises StepError, OSError.
    """
    path, size = operation
    new = f"{path}.{randomness.draw(4).hex()}.new"
    if os.path.exists(path):
        return False
    if not os.path.exists(_MKE2FS):
        raise StepError(f"{path}: no such file on the share", hint=_HINT)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with open(new, "xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.truncate(size)  # sparse: the server stores what is written
        argv = (_MKE2FS, "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-L", "overlay", new)
        done = spawn.run(argv, timeout=_MAKING)
        if done.code:
            said = tuple(done.output.strip().splitlines())
            raise StepError(f"{path}: cannot be made", said, retry=done.timed_out, hint="is there room on the server?")
        os.rename(new, path)
    finally:
        try:
            os.unlink(new)
        except OSError:
            pass  # renamed, or the share is gone
    return True
