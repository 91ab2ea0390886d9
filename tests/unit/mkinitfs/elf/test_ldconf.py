import struct
from pathlib import Path

import pytest

from mkinitfs.elf import elf, ldconf
from mkinitfs.elf.elf import ElfInfo
from mkinitfs.errors import MkinitfsError
from mkinitfs.sysroot import Sysroot


def test_conf_lines() -> None:
    text = "/a/  # note\n#/b\nhwcap 1 x\ninclude x.d/*.conf /y\n/lib=libc5\nrelative\n\n/with space\n"
    assert list(ldconf.parse_conf(text)) == [
        ("folder", "/a"),
        ("include", "x.d/*.conf"),
        ("include", "/y"),
        ("folder", "/lib"),
        ("folder", "/with space"),
    ]


def test_conf_includes_below_the_sysroot(tmp_path: Path) -> None:
    (tmp_path / "etc/ld.so.conf.d").mkdir(parents=True)
    text = "/first\ninclude /etc/ld.so.conf.d/*.conf\ninclude more\n/first\n"
    (tmp_path / "etc/ld.so.conf").write_text(text)
    (tmp_path / "etc/ld.so.conf.d/b.conf").write_text("/b\n")
    (tmp_path / "etc/ld.so.conf.d/a.conf").write_text("/a\n")
    (tmp_path / "etc/more").write_text("/more\n")
    assert ldconf.configured(Sysroot(tmp_path)) == ["/first", "/a", "/b", "/more"]
    (tmp_path / "etc/more").write_text("include ld.so.conf\n")
    with pytest.raises(MkinitfsError, match="includes itself"):
        ldconf.configured(Sysroot(tmp_path))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"x\0/lib/a-b/\0/usr/lib/a-b/\0/lib/\0/usr/lib/\0\0", ("/lib/a-b", "/usr/lib/a-b", "/lib", "/usr/lib")),
        (b"\0/proc/\0/lib64/\0/usr/lib64/\0no", ("/lib64", "/usr/lib64")),
        (b"\0/nix/store/abc-glibc-2.38/lib/\0", ("/nix/store/abc-glibc-2.38/lib",)),
        (b"\0/usr/lib\0/etc/ld.so.cache\0", ()),
    ],
)
def test_folders_that_ldso_was_built_with(data: bytes, expected: tuple[str, ...]) -> None:
    assert ldconf.built_in_folders(data) == expected


@pytest.mark.parametrize(
    ("machine", "elfclass", "expected"),
    [
        ("EM_X86_64", 64, ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64")),
        ("EM_386", 32, ("/lib/i386-linux-gnu", "/usr/lib/i386-linux-gnu", "/lib", "/usr/lib")),
        ("EM_AARCH64", 64, ("/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64")),
        ("EM_ARM", 32, ("/lib/arm-linux-gnueabihf", "/usr/lib/arm-linux-gnueabihf", "/lib", "/usr/lib")),
        ("EM_RISCV", 64, ("/lib/riscv64-linux-gnu", "/usr/lib/riscv64-linux-gnu", "/lib64/lp64d")),
    ],
)
def test_default_folders_of_the_abi(tmp_path: Path, machine: str, elfclass: int, expected: tuple[str, ...]) -> None:
    about = ElfInfo(machine, elfclass, True, "ET_DYN", needed=("libc.so.6",))
    sysroot = Sysroot(tmp_path)
    linker = ldconf.loader(sysroot, ldconf.default_interpreter(sysroot, about), about)
    assert linker.system[: len(expected)] == expected
    assert linker.system[-2:] == ("/lib", "/usr/lib")


def test_armel_is_not_armhf(tmp_path: Path) -> None:
    """Its libraries say so in e_flags alone: machine, class and byte order are the same."""
    about = ElfInfo("EM_ARM", 32, True, "ET_DYN", needed=("libc.so.6",), soft_float=True)
    sysroot = Sysroot(tmp_path)
    interp = ldconf.default_interpreter(sysroot, about)
    assert interp == "/lib/ld-linux.so.3"
    assert ldconf.loader(sysroot, interp, about).system[0] == "/lib/arm-linux-gnueabi"
    flags = {0x5000200: True, 0x5000400: False, 0x5000000: False}
    for value, soft in flags.items():
        head = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHI3II6H", 3, 40, 1, 0, 0, 0, value, 52, 0, 0, 40, 0, 0)
        assert elf.parse(head, "x").soft_float is soft


def test_musl_folders(tmp_path: Path) -> None:
    about = ElfInfo("EM_X86_64", 64, True, "ET_DYN", needed=("libc.so",))
    (tmp_path / "etc").mkdir()
    sysroot = Sysroot(tmp_path)
    interp = ldconf.default_interpreter(sysroot, about)
    assert interp == "/lib/ld-musl-x86_64.so.1"
    assert ldconf.loader(sysroot, interp, about).system == ("/lib", "/usr/local/lib", "/usr/lib")
    (tmp_path / "etc/ld-musl-x86_64.path").write_text("/a:/b\n/c\n")
    linker = ldconf.loader(Sysroot(tmp_path), interp, about)
    assert (linker.system, linker.path_file) == (("/a", "/b", "/c"), "/etc/ld-musl-x86_64.path")


def test_which_kernel_runs_which_programs() -> None:
    assert ldconf.runs("EM_X86_64", "EM_386") and not ldconf.runs("EM_386", "EM_X86_64")
    assert ldconf.runs("EM_AARCH64", "EM_ARM") and not ldconf.runs("EM_X86_64", "EM_ARM")
    assert ldconf.runs_beside("EM_386", "EM_X86_64") and ldconf.runs("EM_S390", "EM_S390")
