"""The record beside a container: read, written whole, removed."""

from __future__ import annotations

import os

from init.container_lease import record

NEW = ".new"


def read_record(folder: int, name: str) -> str:
    """The text beside the container `name`, "" where there is none."""
    try:
        file = os.open(name + record.SUFFIX, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return ""
    try:
        return os.read(file, 4096).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(file)


def write_record(folder: int, name: str, text: str) -> None:
    """Put the record there, whole or not at all. Raises OSError."""
    new = name + record.SUFFIX + NEW
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder)
    try:
        os.write(file, text.encode(errors="replace"))
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(new, name + record.SUFFIX, src_dir_fd=folder, dst_dir_fd=folder)


def remove_record(folder: int, name: str, boot: str) -> None:
    """Remove a record of this very boot; that this fails loses nothing but a name that nobody trusts."""
    found = record.decode(read_record(folder, name))
    if found and found.boot == boot:
        try:
            os.unlink(name + record.SUFFIX, dir_fd=folder)
        except OSError:
            pass
