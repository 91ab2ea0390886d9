from pathlib import Path

import pytest

from mkinitfs.elf import byname, ldconf, script
from mkinitfs.elf.elf import ElfInfo
from mkinitfs.elf.ldconf import Loader
from mkinitfs.elf.ldsearch import Folder, Loaded, expand, folders
from mkinitfs.errors import MkinitfsError
from mkinitfs.sysroot import Sysroot


def info(**fields: object) -> ElfInfo:
    return ElfInfo("EM_X86_64", 64, True, "ET_DYN", **fields)  # type: ignore[arg-type]


GLIBC = Loader("/lib64/ld.so", False, ("/lib", "/usr/lib"), ("/opt/lib",), "lib64", ("haswell", "x86_64"))


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
        (
            b"x\0/lib/a-b/\0/usr/lib/a-b/\0/lib/\0/usr/lib/\0\0",
            ("/lib/a-b", "/usr/lib/a-b", "/lib", "/usr/lib"),
        ),
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


def test_musl_folders(tmp_path: Path) -> None:
    about = info(needed=("libc.so",))
    (tmp_path / "etc").mkdir()
    sysroot = Sysroot(tmp_path)
    interp = ldconf.default_interpreter(sysroot, about)
    assert interp == "/lib/ld-musl-x86_64.so.1"
    assert ldconf.loader(sysroot, interp, about).system == ("/lib", "/usr/local/lib", "/usr/lib")
    (tmp_path / "etc/ld-musl-x86_64.path").write_text("/a:/b\n/c\n")
    linker = ldconf.loader(Sysroot(tmp_path), interp, about)
    assert (linker.system, linker.path_file) == (("/a", "/b", "/c"), "/etc/ld-musl-x86_64.path")


def test_tokens() -> None:
    owner = Loaded("/link/program", "/opt/app/bin/program", info(), None, "")
    assert expand("$ORIGIN/../${LIB}", owner, GLIBC) == ["/opt/app/bin/../lib64"]
    assert expand("/x/$PLATFORM", owner, GLIBC) == ["/x/haswell", "/x/x86_64"]
    assert expand("/$ORIGINAL/${LIBS}/$OTHER", owner, GLIBC) == ["/$ORIGINAL/${LIBS}/$OTHER"]
    library = Loaded("/link/lib.so", "/opt/lib.so.1", info(), owner, "")
    assert expand("${ORIGIN}", library, GLIBC) == ["/link"]
    nameless = Loader("", False, (), platforms=())
    assert expand("/x/$PLATFORM", owner, nameless) == []


def test_rpath_is_inherited_and_runpath_is_not() -> None:
    program = Loaded("/p", "/p", info(rpath="/from-program:relative:"), None, "")
    middle = Loaded("/m", "/m", info(rpath="/void", runpath="/of-middle"), program, "")
    last = Loaded("/l", "/l", info(rpath="/of-last"), middle, "")
    rest = [Folder("/opt/lib", cached=True), Folder("/lib"), Folder("/usr/lib")]
    assert list(folders(last, GLIBC)) == [Folder("/of-last"), Folder("/from-program"), *rest]
    assert list(folders(middle, GLIBC)) == [Folder("/of-middle"), *rest]
    musl = Loader("/lib/ld-musl-x86_64.so.1", True, ("/lib",))
    assert [each.path for each in folders(last, musl)] == ["/of-last", "/of-middle", "/from-program", "/lib"]


def test_nodeflib_leaves_the_default_folders_out() -> None:
    program = Loaded("/p", "/p", info(nodeflib=True), None, "")
    assert list(folders(program, GLIBC)) == [Folder("/opt/lib", cached=True)]


def test_nsswitch_services() -> None:
    text = "# hosts: no\nhosts: files mdns4 [NOTFOUND=return] dns [!UNAVAIL=return] x # end\n"
    text += "passwd:files\nnonsense\n"
    assert byname.services(text) == {"hosts": ("files", "mdns4", "dns", "x"), "passwd": ("files",)}


@pytest.mark.parametrize(
    ("glibc", "nss", "expected"),
    [
        (36, (), []),
        (33, (), ["libnss_files.so.2", "libnss_dns.so.2"]),
        (None, (), ["libnss_files.so.2", "libnss_dns.so.2"]),
        (36, ("mymachines",), ["libnss_mymachines.so.2"]),
    ],
)
def test_name_services(tmp_path: Path, glibc: int | None, nss: tuple[str, ...], expected: list[str]) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nsswitch.conf").write_text("hosts: files mdns4 dns\n")
    program = Loaded("/p", "/p", info(calls=frozenset({"getaddrinfo"})), None, "")
    libc = Loaded("/libc", "/libc", info(soname="libc.so.6", glibc=glibc), program, "")
    wanted = list(byname.wanted(Sysroot(tmp_path), [program, libc], nss))
    assert [each.names[0] for each in wanted] == expected
    assert all(each.reason == "needed by /p (getaddrinfo)" for each in wanted)
    explicit = [each.names[0] == "libnss_mymachines.so.2" for each in wanted]
    assert [each.required for each in wanted] == explicit
    assert list(byname.wanted(Sysroot(tmp_path), [program], nss)) == []


@pytest.mark.parametrize(
    ("line", "interpreter", "argument", "by_env"),
    [
        (b"#!/bin/sh\n", "/bin/sh", "", None),
        (b"#! /bin/busybox \t sh -e \nmore", "/bin/busybox", "sh -e", None),
        (b"#!/usr/bin/env python3\n", "/usr/bin/env", "python3", "python3"),
        (b"#!/usr/bin/env -S A=1 python3 -I\n", "/usr/bin/env", "-S A=1 python3 -I", "python3"),
        (b"#!/usr/bin/env", "/usr/bin/env", "", None),
    ],
)
def test_shebang(line: bytes, interpreter: str, argument: str, by_env: str | None) -> None:
    found = script.parse(line, "/s")
    assert found is not None
    assert (found.interpreter, found.argument, found.by_env) == (interpreter, argument, by_env)


@pytest.mark.parametrize("line", [b"#!\n", b"#!sh\n", b"#!/" + b"x" * 300])
def test_bad_shebang(line: bytes) -> None:
    with pytest.raises(MkinitfsError, match=r"^/s: "):
        script.parse(line, "/s")


def test_no_shebang() -> None:
    assert script.parse(b"echo", "/s") is None
