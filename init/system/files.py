"""Small files of the kernel: read, written."""

from __future__ import annotations


def read_text(path: str) -> str:
    """The text of a small file, "" where it cannot be read: sysfs files come and go with their devices."""
    try:
        with open(path, errors="surrogateescape", newline="\n") as file:
            return file.read()
    except OSError:
        return ""
