"""`ld.so --list` and `readelf -d` judge our closure on every ELF file in /usr/bin and /usr/sbin."""

import re
import subprocess
from pathlib import Path

import pytest

from mkinitfs.elf import elf
from mkinitfs.sysroot import Sysroot
from tests.linker import GLIBC, ours, theirs

LOADERS = {64: GLIBC, 32: "/lib/ld-linux.so.2"}


def elf_files() -> list[Path]:
    found = set()
    for folder in ("/usr/bin", "/usr/sbin"):
        for path in Path(folder).iterdir():
            real = path.resolve()
            if real.is_file():
                with real.open("rb") as stream:
                    if elf.is_elf(stream.read(4)):
                        found.add(real)
    assert len(found) > 100, "this machine holds too few programs to compare"
    return sorted(found)


def test_elf_ldso_lists_what_we_find() -> None:
    sysroot = Sysroot("/")
    different, compared = [], 0
    for path in elf_files():
        with path.open("rb") as stream:
            info = elf.parse(stream, str(path))
        if info.kind not in ("ET_EXEC", "ET_DYN") or not (info.needed or info.interp):
            continue
        listed, found = theirs(path, LOADERS[info.elfclass]), ours(path, sysroot)
        if found is not None:
            found = {each for each in found if "/glibc-hwcaps/" not in each}
        compared += 1
        if found != listed:
            different.append((str(path), found, listed))
    assert compared > 100
    assert different == []


def test_elf_readelf_agrees() -> None:
    paths = elf_files()
    argv = ["readelf", "-W", "-d", "-l", *paths]
    text = subprocess.run(argv, capture_output=True, text=True, check=False, env={"LC_ALL": "C"}).stdout
    blocks = re.split(r"^File: ", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(paths)
    for path, block in zip(paths, blocks, strict=True):
        assert block.startswith(str(path))
        with path.open("rb") as stream:
            info = elf.parse(stream, str(path))

        def tags(name: str, block: str = block) -> list[str]:
            return re.findall(rf"\({name}\)\s+.*?\[(.*)\]$", block, re.MULTILINE)

        assert list(info.needed) == tags("NEEDED"), path
        assert [info.soname] == (tags("SONAME") or [None]), path
        assert [info.rpath] == (tags("RPATH") or [None]), path
        assert [info.runpath] == (tags("RUNPATH") or [None]), path
        assert [info.interp] == (re.findall(r"program interpreter: (.*)\]", block) or [None]), path


@pytest.mark.parametrize("name", ["pthread_exit", "getaddrinfo", "getpwnam"])
def test_elf_calls_are_nm_undefined_symbols(name: str) -> None:
    path = "/usr/bin/python3.11" if Path("/usr/bin/python3.11").exists() else "/usr/bin/busybox"
    argv = ["nm", "-D", "--undefined-only", path]
    text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    undefined = {word.partition("@")[0] for word in text.split()}
    info = elf.parse(Path(path).read_bytes(), path)
    assert (name in info.calls) == (name in undefined)
    assert info.calls == undefined & elf.WATCHED
