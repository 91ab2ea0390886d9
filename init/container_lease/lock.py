"""The lock of a container lease: a range of bytes that the server grants or refuses."""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from init.system.mount_table import MountPoint

OFFSET, LENGTH = 1 << 62, 1  # in bytes: no file is as long, and no read or write comes there
BESIDE = OFFSET + LENGTH
PROBE = BESIDE + LENGTH  # where a reader looks whether the server keeps any
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


def is_refused_twice(file: int, offset: int) -> bool:
    """Whether a server of SMB refuses the exclusive lock that `file` has at `offset` to whoever asks for it next.

    Only what is asked through the same open file description reaches the server: what conflicts otherwise is refused
    by the client's own kernel (cifs_find_fid_lock_conflict in fs/smb/client/file.c). SMB refuses it to that one, too,
    but for SMB 1, where it may be granted again to the process that has it: so another process asks.
    """
    if take(file, write=True, offset=offset) != "granted":
        return True
    pid = os.fork()
    if pid == 0:
        os._exit(take(file, write=True, offset=offset) == "granted")
    return os.waitpid(pid, 0)[1] == 0


def kept_local(mount: MountPoint | None) -> str:
    """Why locks on a mounted file system never reach a server; "" where they do, or the mount is not known."""
    if mount and mount.fstype in SMB and "nobrl" in mount.super_options:
        return "nobrl"
    if mount and mount.fstype == "nfs":
        words = ("nolock", "local_lock=all", "local_lock=posix")
        return next((word for word in words if word in mount.super_options), "")
    return ""
