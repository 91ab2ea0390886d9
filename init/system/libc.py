"""libc's functions by `_ctypes`, the C module behind `ctypes`, which imports `types`, too: both together would take a
seventh of the time that PID 1 needs until its first step.
"""

from __future__ import annotations

import os
from _ctypes import FUNCFLAG_CDECL, FUNCFLAG_USE_ERRNO, CFuncPtr, _SimpleCData, addressof, dlopen, get_errno


class Long(_SimpleCData):  # type: ignore[type-arg]
    """C's long, as mount(2) and syscall(2) want numbers: without it they are ints."""

    _type_ = "l"


class _Int(_SimpleCData):  # type: ignore[type-arg]
    _type_ = "i"


class _Char(_SimpleCData):  # type: ignore[type-arg]
    _type_ = "c"


class _Pointer(_SimpleCData):  # type: ignore[type-arg]
    _type_ = "P"


class _Function(CFuncPtr):
    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO
    _restype_ = _Int


class _Library:
    _handle = dlopen(None, 0)  # type: ignore[arg-type]  # the program's own libraries, libc among them


def call(name: str, *arguments: Long | bytes | int | _Pointer | None, about: str = "") -> int:
    """Call `name` of libc: bytes are a pointer, None is a null one. Raises OSError of errno for -1, `about` a path."""
    result: int = _Function((name, _Library))(*arguments)  # type: ignore[arg-type]
    if result == -1:
        number = get_errno()
        raise OSError(number, os.strerror(number), about)
    return result


def variable(name: str) -> _Pointer:
    """The value of a variable of libc's that is a pointer."""
    return _Pointer.in_dll(_Library, name)  # type: ignore[arg-type]


def address(buffer: bytearray) -> int:
    """Where a buffer lies in memory, for as long as it lives and keeps its size."""
    return addressof((_Char * len(buffer)).from_buffer(buffer))
