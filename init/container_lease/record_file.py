"""The record's file beside a container: read, written whole, removed."""

from __future__ import annotations

import os

from init.container_lease.record import Record

SUFFIX = ".lease"
_NEW = ".new"


def read(folder: int, name: str) -> str:
    """The text beside the container `name` in the open `folder`, from the server: open(2) asks it. Raises OSError."""
    file = os.open(name + SUFFIX, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(file, 4096).decode(errors="replace")
    finally:
        os.close(file)


def read_record(folder: int, name: str) -> str:
    """As read(), "" where there is none or none can be read."""
    try:
        return read(folder, name)
    except OSError:
        return ""


def write_record(folder: int, name: str, record: Record) -> None:
    """Put the record there, whole or not at all. Raises OSError."""
    new = name + SUFFIX + _NEW
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder)
    try:
        os.write(file, record.encode(name).encode(errors="replace"))
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(new, name + SUFFIX, src_dir_fd=folder, dst_dir_fd=folder)


def ask(folder: int, name: str) -> None:
    """Ask the writer whether it is there: in its own record, to which a line is added. Raises OSError.

    Whose record it is by then does not matter, and none is made: every writer that is there takes the line out again.
    """
    file = os.open(name + SUFFIX, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.write(file, b"asked=yes\n")
    finally:
        os.close(file)


def remove_record(folder: int, name: str, boot: str) -> None:
    """Remove a record of this very boot; that this fails loses nothing but a name that nobody trusts."""
    record = Record.decode(read_record(folder, name))
    if record and record.boot == boot:
        try:
            os.unlink(name + SUFFIX, dir_fd=folder)
        except OSError:
            pass


def remove_left_record(folder: int, name: str, text: str) -> None:
    """Remove the record `text` of a machine that does not write any more, unless there is another. Raises OSError.

    For whoever holds the lock: as long as it does, nobody writes another.
    """
    if read_record(folder, name) == text:
        try:
            os.unlink(name + SUFFIX, dir_fd=folder)
        except FileNotFoundError:
            pass  # another reader has
