"""Where a run-time linker searches: what its own file, its configuration and its ABI say about it.

ld.so.cache is not trusted, it may be older than the files; ld.so.conf, which it is made from, is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mkinitfs.elf.elf import ElfInfo
from mkinitfs.errors import MkinitfsError
from mkinitfs.sysroot import Sysroot


@dataclass(frozen=True, slots=True)
class Abi:
    """What an ABI fixes."""

    interp: str  # glibc's
    triplet: str  # Debian's
    lib: str  # `$LIB`, where the linker does not tell
    platforms: tuple[str, ...]  # `$PLATFORM`: all that glibc knows (sysdeps/*/dl-procinfo, dl-hwcap), the CPU decides
    musl: str  # its name
    cache_flags: int  # of its libraries in ld.so.cache: _DL_CACHE_DEFAULT_ID of sysdeps/unix/sysv/linux/*/dl-cache.h


# By machine, class and byte order, as ElfInfo.abi.
_X86 = ("haswell", "xeon_phi", "x86_64")
_MIPS = ("loongson2f", "loongson2e", "octeon2", "octeon")
ABIS = {
    ("EM_X86_64", 64, True): Abi("/lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu", "lib64", _X86, "x86_64", 0x303),
    ("EM_X86_64", 32, True): Abi("/libx32/ld-linux-x32.so.2", "x86_64-linux-gnux32", "libx32", _X86, "x32", 0x803),
    ("EM_386", 32, True): Abi(
        "/lib/ld-linux.so.2", "i386-linux-gnu", "lib", ("i686", "i586", "i486", "i386"), "i386", 0x003
    ),
    ("EM_AARCH64", 64, True): Abi(
        "/lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu", "lib64", ("aarch64",), "aarch64", 0xA03
    ),
    ("EM_ARM", 32, True): Abi(
        "/lib/ld-linux-armhf.so.3", "arm-linux-gnueabihf", "lib", ("v8l", "v7l", "v6l", "v5l"), "armhf", 0x903
    ),
    ("EM_RISCV", 64, True): Abi(
        "/lib/ld-linux-riscv64-lp64d.so.1", "riscv64-linux-gnu", "lib64/lp64d", (), "riscv64", 0x1003
    ),
    ("EM_PPC64", 64, True): Abi(
        "/lib64/ld64.so.2", "powerpc64le-linux-gnu", "lib64", ("power10", "power9", "power8"), "powerpc64le", 0x503
    ),
    ("EM_S390", 64, False): Abi(
        "/lib/ld64.so.1", "s390x-linux-gnu", "lib64", ("z16", "z15", "z14", "z13"), "s390x", 0x403
    ),
    ("EM_LOONGARCH", 64, True): Abi(
        "/lib64/ld-linux-loongarch-lp64d.so.1", "loongarch64-linux-gnu", "lib64", (), "loongarch64", 0x1203
    ),
    ("EM_MIPS", 64, True): Abi("/lib64/ld.so.1", "mips64el-linux-gnuabi64", "lib64", _MIPS, "mips64el", 0x703),
    ("EM_MIPS", 32, True): Abi("/lib/ld.so.1", "mipsel-linux-gnu", "lib", _MIPS, "mipsel", 0x003),
}
_ARMEL = replace(
    ABIS["EM_ARM", 32, True], interp="/lib/ld-linux.so.3", triplet="arm-linux-gnueabi", musl="arm", cache_flags=0xB03
)
_UNKNOWN = Abi("", "", "lib", (), "", 0)

# What a 64-bit kernel runs beside its own: 32-bit programs among 64-bit ones are no mistake.
_32BIT = {"EM_X86_64": "EM_386", "EM_AARCH64": "EM_ARM", "EM_PPC64": "EM_PPC"}

# glibc's ld.so holds its default folders as strings, each with a slash and NUL (elf/dl-load.c, system_dirs).
_SYSTEM_DIRS = re.compile(rb"\0((?:/[\w.+/-]{0,250}lib[\w.+-]{0,60}(?:/[\w.+-]{1,60})?/\0){1,8})")


@dataclass(frozen=True, slots=True)
class Loader:
    """A run-time linker."""

    path: str  # as PT_INTERP has it
    musl: bool
    system: tuple[str, ...]  # the built-in folders; musl's are all here
    configured: tuple[str, ...] = ()  # ld.so.conf's folders, searched before `system`
    lib: str = ""  # what its `$LIB` says
    platforms: tuple[str, ...] = ()  # what its `$PLATFORM` may say
    path_file: str | None = None  # musl's file of folders, if it is there


def abi(info: ElfInfo) -> Abi:
    """The facts about the ABI of `info`, empty ones where it is not among ABIS."""
    return _ARMEL if info.soft_float else ABIS.get(info.abi, _UNKNOWN)


def is_library_name(name: str) -> bool:
    """Whether ldconfig looks at a file of that name."""
    return name.startswith(("lib", "ld-")) and ".so" in name


def runs_beside(machine: str, other: str) -> bool:
    """Whether one kernel runs programs for both machines."""
    return runs(machine, other) or runs(other, machine)


def runs(kernel: str, program: str) -> bool:
    """Whether a kernel for one machine runs a program for the other; one for 32 bits runs no program for 64."""
    return program in (kernel, _32BIT.get(kernel))


def default_interpreter(sysroot: Sysroot, info: ElfInfo) -> str:
    """The interpreter that will load the library `info`, which names none: its C library tells which."""
    facts = abi(info)
    musl = f"/lib/ld-musl-{facts.musl}.so.1"
    if "libc.so.6" in info.needed:
        return facts.interp
    if any(name == "libc.so" or name.startswith("libc.musl-") for name in info.needed):
        return musl
    return musl if sysroot.find(musl) and not sysroot.find(facts.interp) else facts.interp


def loader(sysroot: Sysroot, interp: str, info: ElfInfo) -> Loader:
    """The facts about `interp`, which loads objects of `info`'s ABI; the target's files tell the folders."""
    musl = re.fullmatch(r"(.*?)/[^/]+/ld-musl-([\w.-]+?)\.so\.1", interp)
    if musl:
        return _musl_loader(sysroot, interp, f"{musl[1]}/etc/ld-musl-{musl[2]}.path")
    facts = abi(info)
    system = built_in_folders(sysroot.read(interp)) if interp and sysroot.find(interp) else ()
    lib = system[0].removeprefix("/usr").strip("/") if system else facts.lib
    if not system:
        names = [f"lib/{facts.triplet}" if facts.triplet else "", facts.lib, "lib"]
        system = tuple(dict.fromkeys(f"{top}/{name}" for name in names if name for top in ("", "/usr")))
    return Loader(interp, False, system, tuple(configured(sysroot)), lib, facts.platforms)


def built_in_folders(ldso: bytes) -> tuple[str, ...]:
    """The default folders that glibc's ld.so was built with, read from its bytes; () where there are none."""
    match = _SYSTEM_DIRS.search(ldso)
    return tuple(item.decode().rstrip("/") for item in match[1].split(b"\0") if item) if match else ()


def _musl_loader(sysroot: Sysroot, interp: str, path_file: str) -> Loader:
    """The folders of musl's `ldso/dynlink.c`: those in its path file, else the three built-in ones."""
    if sysroot.is_file(path_file):
        folders = [item for item in re.split(r"[:\n]+", sysroot.read_text(path_file)) if item]
        return Loader(interp, True, tuple(folders), path_file=path_file)
    return Loader(interp, True, ("/lib", "/usr/local/lib", "/usr/lib"))


def configured(sysroot: Sysroot, path: str = "/etc/ld.so.conf") -> list[str]:
    """The folders that ld.so.conf and the files it includes name, in ldconfig's order."""
    folders: list[str] = []
    _collect(sysroot, path, folders, ())
    return list(dict.fromkeys(folders))


def _collect(sysroot: Sysroot, path: str, folders: list[str], above: tuple[str, ...]) -> None:
    if path in above:
        raise MkinitfsError(f"{path}: includes itself, by way of {above[-1]}", "mend the include lines")
    if not sysroot.is_file(path):
        return
    for kind, value in parse_conf(sysroot.read_text(path)):
        if kind == "folder":
            folders.append(value)
            continue
        pattern = value if value.startswith("/") else f"{path.rpartition('/')[0]}/{value}"
        for included in sysroot.glob(pattern):
            _collect(sysroot, included, folders, (*above, path))


def parse_conf(text: str) -> Iterator[tuple[str, str]]:
    """The lines of an ld.so.conf as ("folder", path) and ("include", pattern); `hwcap` lines are void.

    A folder may have an old library type after it ("/lib=libc5"); `#` begins a comment anywhere. A relative
    folder is ignored, as ldconfig does with a warning.
    """
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] == "include":
            yield from (("include", pattern) for pattern in words[1:])
        elif words[0] != "hwcap" and words[0].startswith("/"):
            yield "folder", line.partition("#")[0].strip().partition("=")[0].rstrip().rstrip("/") or "/"
