"""Small files, most of them the kernel's: read and written whole."""

from __future__ import annotations


def read_text(path: str) -> str:
    """The text of a small file, "" where it cannot be read: sysfs files come and go with their devices."""
    try:
        with open(path, errors="surrogateescape", newline="\n") as file:
            return file.read()
    except OSError:
        return ""


def write_text(path: str, text: str) -> bool:
    """Write a small file; whether that could be done."""
    try:
        with open(path, "w", errors="surrogateescape") as file:
            file.write(text)
    except OSError:
        return False
    return True
