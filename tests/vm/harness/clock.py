"""The guest's clock: told how fast it goes, instead of left to find out.

An emulated processor's time stamp counter is this machine's. The guest's kernel measures it against a timer while it
starts, and on a machine that is busy elsewhere it was seen to be wrong by a factor of 2.5: every second of the guest's
was 0.4 then.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import platform
import time

# rdtsc; shl rdx, 32; or rax, rdx; ret
_RDTSC = bytes.fromhex("0f31 48c1e220 4809d0 c3")
_WHILE = 0.05  # seconds


@functools.cache
def words() -> str:
    """What the kernel's command line says of the clock (kernel-parameters.txt)."""
    if platform.machine() != "x86_64":
        return ""  # QEMU counts nanoseconds there
    return f"tsc=reliable tsc_early_khz={_khz()}"


def _khz() -> int:
    """The frequency of the counter, to a ten-thousandth; the kernel itself corrects it by up to a hundredth."""
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
        page.write(_RDTSC)
        here = ctypes.c_char.from_buffer(page)
        counter = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(here))
        start, ticks = _both(counter)
        time.sleep(_WHILE)
        end, more = _both(counter)
        del here
    return round((more - ticks) / (end - start) * 1e6)


def _both(counter: ctypes._FuncPointer) -> tuple[int, int]:
    """Nanoseconds and ticks of one moment: of many readings the one that nothing came between."""
    readings = [(time.monotonic_ns(), counter(), time.monotonic_ns()) for _ in range(100)]
    before, ticks, _ = min(readings, key=lambda reading: reading[2] - reading[0])
    return before, ticks
