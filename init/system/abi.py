"""The numbers by which a program calls the kernel where libc has no function: its own ABI decides.

uname(2) tells of the kernel, which may run programs of several ABIs, a 32-bit user space under a 64-bit kernel above
all. What a program is stands at the head of its ELF file. The builder knows the same machines (mkinitfs/elf/ldconf.py)
and refuses others. The numbers are those of the kernel's tables (arch/*/.../*.tbl, include/uapi/asm-generic/unistd.h).
"""

from __future__ import annotations

import errno
import os
import struct

from init.system.stdlib import NamedTuple

_ABI2 = 0x20  # EF_MIPS_ABI2 in e_flags: 32-bit pointers in 64-bit registers
_64BIT, _LITTLE_ENDIAN, _N32 = 1 << 31, 1 << 30, 1 << 29  # of AUDIT_ARCH_* in linux/audit.h; the rest is e_machine


class Abi(NamedTuple):
    """What the kernel knows a program's calls by."""

    audit: int  # AUDIT_ARCH_*, as in seccomp_data.arch
    base: int  # every number of this ABI is counted from here
    finit_module: int
    seccomp: int
    reboot: int
    keyctl: int

    def fsconfig(self) -> int:
        """fsconfig(2): from 403 on the numbers are the same everywhere."""
        return self.base + 431

    def fspick(self) -> int:
        """fspick(2)."""
        return self.base + 433


# e_machine, bits, whether e_flags has _ABI2; the base, and finit_module, seccomp, reboot and keyctl counted from it
_Row = tuple[int, int, bool, int, int, int, int, int]

# Each tuple holds the ABIs that one kernel may run.
_KERNELS: tuple[tuple[_Row, ...], ...] = (
    (  # x86-64, i386, x32
        (62, 64, False, 0, 313, 317, 169, 250),
        (3, 32, False, 0, 350, 354, 88, 288),
        (62, 32, False, 1 << 30, 313, 317, 169, 250),
    ),
    ((183, 64, False, 0, 273, 277, 142, 219), (40, 32, False, 0, 379, 383, 88, 311)),  # arm64, arm
    ((243, 64, False, 0, 273, 277, 142, 219), (243, 32, False, 0, 273, 277, 142, 219)),  # RISC-V
    ((258, 64, False, 0, 273, 277, 142, 219),),  # LoongArch
    ((21, 64, False, 0, 353, 358, 88, 271), (20, 32, False, 0, 353, 358, 88, 271)),  # PowerPC
    ((22, 64, False, 0, 344, 348, 88, 280), (22, 32, False, 0, 344, 348, 88, 280)),  # s390x, s390
    (  # MIPS: n64, n32, o32
        (8, 64, False, 5000, 307, 312, 164, 241),
        (8, 32, True, 6000, 312, 316, 164, 245),
        (8, 32, False, 4000, 348, 352, 88, 282),
    ),
)


def known(head: bytes) -> list[Abi]:
    """The ABIs that the kernel of the program whose ELF file begins with `head` may run, the program's own first.

    64 bytes are enough. Empty for a machine that is not known here.
    """
    if len(head) < 52 or head[:4] != b"\x7fELF":
        return []
    bits, little = 32 * head[4], head[5] == 1
    order = "<" if little else ">"
    machine = struct.unpack_from(f"{order}H", head, 18)[0]
    flags = struct.unpack_from(f"{order}I", head, 48 if bits == 64 else 36)[0]
    own = (machine, bits, machine == 8 and bool(flags & _ABI2))
    for rows in _KERNELS:
        if own in (row[:3] for row in rows):
            return [_abi(row, little) for row in sorted(rows, key=lambda row: row[:3] != own)]
    return []


def _abi(row: _Row, little: bool) -> Abi:
    machine, bits, n32, base, *numbers = row
    wide = bits == 64 or n32 or machine == 62
    audit = machine | _64BIT * wide | _LITTLE_ENDIAN * little | _N32 * n32
    return Abi(audit, base, *(base + number for number in numbers))


_own: list[Abi] = []


def abis() -> list[Abi]:
    """Return known() of this process. Raises OSError (ENOSYS) where it is not, or where there is no /proc."""
    if not _own:
        with open("/proc/self/exe", "rb") as file:
            _own.extend(known(file.read(64)))
    if not _own:
        raise OSError(errno.ENOSYS, f"{os.strerror(errno.ENOSYS)} by number on {os.uname().machine}")
    return _own
