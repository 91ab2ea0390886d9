"""The kernel's own headers know the numbers of a call: x86's three ABIs, and the generic one of the newer machines."""

import subprocess

import pytest

from init.system import abi, syscalls
from tests.unit.init.system.test_abi import ARCHITECTURES

NAMES = ("finit_module", "seccomp", "reboot", "fsconfig", "fspick")


def defined(header: str, *names: str, flags: tuple[str, ...] = ()) -> list[int]:
    """The values of the macros `names`, as the compiler's preprocessor sees them behind `header`."""
    text = f"#include <{header}>\n" + "".join(f"@{name}\n" for name in names)
    done = subprocess.run(["gcc", "-E", "-P", *flags, "-"], input=text, capture_output=True, text=True, check=True)
    values = [line[1:] for line in done.stdout.splitlines() if line.startswith("@")]
    return [int(eval(value.replace("U", ""), {"__builtins__": {}})) for value in values]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("amd64", "asm/unistd_64.h"),
        ("i386", "asm/unistd_32.h"),
        ("x32", "asm/unistd_x32.h"),
        ("arm64", "asm-generic/unistd.h"),
        ("riscv64", "asm-generic/unistd.h"),
        ("loong64", "asm-generic/unistd.h"),
    ],
)
def test_numbers(name: str, header: str) -> None:
    own = abi.known(ARCHITECTURES[name][0])[0]
    flags = ("-D__X32_SYSCALL_BIT=0x40000000", "-D__BITS_PER_LONG=64")
    found = defined(header, *(f"__NR_{each}" for each in NAMES), flags=flags)
    assert found == [own.finit_module, own.seccomp, own.reboot, own.fsconfig(), own.fspick()]


PROGRAM = """
#include <linux/fs.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
int main(void) { printf("%u %u %u %u", BLKROSET, (unsigned) _IOR('X', 125, __u32), TIOCSCTTY, SIOCOUTQ); }
"""


def test_ioctls_of_this_machine(tmp_path) -> None:
    subprocess.run(["gcc", "-xc", "-o", tmp_path / "a", "-"], input=PROGRAM, text=True, check=True)
    done = subprocess.run([tmp_path / "a"], capture_output=True, text=True, check=True)
    ours = [syscalls.BLKROSET, syscalls.FS_IOC_SHUTDOWN, syscalls.TIOCSCTTY, syscalls._OUTQ]
    assert [int(word) for word in done.stdout.split()] == ours
