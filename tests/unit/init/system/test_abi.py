"""Which numbers a program calls the kernel by: its own ELF file says it, whatever uname(2) calls the kernel."""

import struct
import sys
from pathlib import Path

import pytest
from elftools.elf.enums import ENUM_E_MACHINE

from init.system import abi, syscalls
from mkinitfs.elf.ldconf import ABIS


def head(machine: int, bits: int, little: bool = True, flags: int = 0) -> bytes:
    """The beginning of an ELF file (elf(5))."""
    order, word = "<" if little else ">", "Q" if bits == 64 else "I"
    ident = b"\x7fELF" + bytes([bits // 32, 1 if little else 2, 1]) + bytes(9)
    return ident + struct.pack(f"{order}HHI3{word}I6H", 3, machine, 1, 0, 0, 0, flags, *[0] * 6)


# By Debian's name: what its kernel's unistd.h, linux/audit.h and ld.so's e_machine say.
ARCHITECTURES = {
    "amd64": (head(62, 64), 0xC000003E, 313, 317, 169, 250, 431),
    "arm64": (head(183, 64), 0xC00000B7, 273, 277, 142, 219, 431),
    "armel": (head(40, 32, flags=0x5000200), 0x40000028, 379, 383, 88, 311, 431),
    "armhf": (head(40, 32, flags=0x5000400), 0x40000028, 379, 383, 88, 311, 431),
    "i386": (head(3, 32), 0x40000003, 350, 354, 88, 288, 431),
    "loong64": (head(258, 64, flags=0x43), 0xC0000102, 273, 277, 142, 219, 431),
    "mips64el": (head(8, 64, flags=0x80000007), 0xC0000008, 5307, 5312, 5164, 5241, 5431),
    "mipsel": (head(8, 32, flags=0x70001007), 0x40000008, 4348, 4352, 4088, 4282, 4431),
    "mipsn32el": (head(8, 32, flags=0x80000027), 0xE0000008, 6312, 6316, 6164, 6245, 6431),
    "ppc64el": (head(21, 64, flags=2), 0xC0000015, 353, 358, 88, 271, 431),
    "riscv64": (head(243, 64, flags=5), 0xC00000F3, 273, 277, 142, 219, 431),
    "s390x": (head(22, 64, little=False), 0x80000016, 344, 348, 88, 280, 431),
    "x32": (head(62, 32), 0xC000003E, *(0x40000000 + number for number in (313, 317, 169, 250, 431))),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_numbers_of_every_architecture(name: str) -> None:
    begin, *numbers = ARCHITECTURES[name]
    own = abi.known(begin)[0]
    assert [own.audit, own.finit_module, own.seccomp, own.reboot, own.keyctl, own.fsconfig()] == numbers
    assert own.fspick() == own.fsconfig() + 2


def test_what_one_kernel_runs_beside_a_program() -> None:
    def audits(name: str) -> list[tuple[int, int]]:
        return [(each.audit, each.reboot) for each in abi.known(ARCHITECTURES[name][0])]

    x86 = {(0xC000003E, 169), (0x40000003, 88), (0xC000003E, 0x400000A9)}
    assert set(audits("amd64")) == set(audits("i386")) == x86
    assert audits("i386")[0] == (0x40000003, 88)
    assert audits("armhf") == [(0x40000028, 88), (0xC00000B7, 142)]
    assert audits("s390x") == [(0x80000016, 88), (0x16, 88)]


def test_builder_and_early_user_space_know_the_same_machines() -> None:
    """What the builder lets pass, /init can call the kernel on."""
    for machine, bits, little in ABIS:
        assert abi.known(head(ENUM_E_MACHINE[machine], bits, little)), machine
    built = {(ENUM_E_MACHINE[machine], bits, little) for machine, bits, little in ABIS}
    assert built == {(begin[18] + begin[19] * 256 if begin[5] == 1 else begin[19], 32 * begin[4], begin[5] == 1)
                     for begin, *_ in ARCHITECTURES.values()}  # fmt: skip


@pytest.mark.parametrize("begin", [b"", b"#!/bin/sh\n" * 9, head(43, 64, little=False), head(62, 64)[:40]])
def test_another_machine_is_not_known(begin: bytes) -> None:
    assert abi.known(begin) == []


def test_the_running_program_is_known() -> None:
    """fspick(2) with its own number says that a path is not there, not that there is no such call."""
    assert abi.abis() == abi.known(Path(sys.executable).read_bytes()[:64])
    with pytest.raises(FileNotFoundError):
        syscalls.reconfigure("/no/such/folder", "rw")
