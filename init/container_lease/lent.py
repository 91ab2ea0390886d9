"""The kernel's own file systems, lent to a process on the ramdisk for as long as it needs them.

A holder that kept /dev, /sys or /proc of the system busy could keep it from being unmounted.
"""

from __future__ import annotations

import os

from init.system import log, syscalls

HERE = "/lent"
_KINDS = {"dev": "devtmpfs", "sys": "sysfs", "proc": "proc"}


class Folders:
    """Context: some of the kernel's file systems ("dev", "sys", "proc"), mounted below HERE. Raises OSError."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __enter__(self) -> None:
        for name in self._names:
            os.makedirs(f"{HERE}/{name}", exist_ok=True)
            syscalls.mount(name, f"{HERE}/{name}", _KINDS[name], syscalls.MS_NOSUID)

    def __exit__(self, *_: object) -> None:
        for name in self._names:
            syscalls.umount2(f"{HERE}/{name}", syscalls.MNT_DETACH)


def say(level: int, text: str, *, console: tuple[str, ...] = ()) -> None:
    """Write a line to the kernel's log, and `console` to the console itself."""
    try:
        with Folders("dev"):
            with open(f"{HERE}/dev/kmsg", "wb", buffering=0) as file:
                file.write(log.record(level, text))
            if console:
                with open(f"{HERE}/dev/console", "wb", buffering=0) as file:
                    file.write("".join(f"{line}\r\n" for line in ("", *console)).encode(errors="replace"))
    except OSError:
        pass
