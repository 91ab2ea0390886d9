"""The lock of a container lease: a range of bytes that the server grants or refuses."""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from init.system.mount_table import MountPoint

OFFSET, LENGTH = 1 << 62, 1  # in bytes: no file is as long, and no read or write comes there
BESIDE = OFFSET + LENGTH
SMB = ("cifs", "smb3")


def take(file: int, *, write: bool, offset: int = OFFSET) -> str:
    """Ask for the lock, exclusive to `write`; answers "granted", "refused", or else the errno's name."""
    return _set(file, fcntl.F_WRLCK if write else fcntl.F_RDLCK, offset)


def drop(file: int, offset: int = OFFSET) -> None:
    """Give the lock up."""
    _set(file, fcntl.F_UNLCK, offset)


def _set(file: int, kind: int, offset: int) -> str:
    """An open file description's lock: only such a one may be asked for twice, which is how it is watched."""
    wanted = struct.pack("@hhqqi4x", kind, os.SEEK_SET, offset, LENGTH, 0)  # struct flock
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, wanted)
    except OSError as error:
        return "refused" if error.errno == errno.EACCES else errno.errorcode.get(error.errno or 0, "EIO")
    return "granted"


def kept_local(mount: MountPoint | None) -> str:
    """Why locks on a mounted file system never reach a server; "" where they do, or the mount is not known."""
    if mount and mount.fstype in SMB and "nobrl" in mount.super_options:
        return "nobrl"
    if mount and mount.fstype == "nfs":
        words = ("nolock", "local_lock=all", "local_lock=posix")
        return next((word for word in words if word in mount.super_options), "")
    return ""
