"""In which folders, and in which order, a library is sought: glibc's and musl's rules (ld.so(8), dlopen(3)).

glibc: where the object that needs the library has no DT_RUNPATH, the DT_RPATH of it and of every object that
brought it in, up to the program; then its own DT_RUNPATH, which nobody inherits; then what ld.so.conf names;
then the built-in folders. An object with a DT_RUNPATH has no DT_RPATH. musl: either of the two, inherited,
then its own folders. LD_LIBRARY_PATH is set where a program is started, and not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mkinitfs.elf.elf import ElfInfo
from mkinitfs.elf.ldconf import Loader
from mkinitfs.sysroot import Sysroot

# The subfolders that glibc before 2.37 searched for a CPU's own build of a library ("legacy hwcaps").
_LEGACY = ("tls", "haswell", "xeon_phi", "avx512_1", "x86_64", "i686", "i586", "i486", "i386", "sse2", "cmov")
_LEGACY_OTHER = ("atomics", "aarch64", "neon", "vfp", "v8l", "v7l", "v6l")

_TOKEN = re.compile(r"\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_]))")


@dataclass(eq=False, slots=True)
class Loaded:
    """An object in a program's address space."""

    path: str  # that it was opened by
    real: str  # the path of its file
    info: ElfInfo
    needer: Loaded | None  # what brought it in, None for the program
    reason: str

    @property
    def origin(self) -> str:
        """What `$ORIGIN` says: the folder of the program's file, of a library the folder it was opened in."""
        return (self.path if self.needer else self.real).rpartition("/")[0] or "/"

    def chain(self) -> Iterator[Loaded]:
        """This object, the one that brought it in, and so on up to the program."""
        here: Loaded | None = self
        while here:
            yield here
            here = here.needer


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to search."""

    path: str
    certain: bool = True  # false where only some machines search it: then the search goes on
    cached: bool = False  # seen by ld.so through its cache alone, which holds only what is named like a library


def folders(needer: Loaded, linker: Loader) -> Iterator[Folder]:
    """Where a library without a slash in its name is sought that `needer` needs, in order."""
    if linker.musl:
        for one in needer.chain():
            yield from _musl_path(one)
        yield from (Folder(path) for path in linker.system)
        return
    if needer.info.runpath is None:
        for one in needer.chain():
            if one.info.runpath is None and one.info.rpath:
                yield from _path(one.info.rpath, one, linker)
    elif needer.info.runpath:
        yield from _path(needer.info.runpath, needer, linker)
    hidden = linker.system if needer.info.nodeflib else ()
    yield from (Folder(path, cached=True) for path in linker.configured if path not in hidden)
    if not needer.info.nodeflib:
        yield from (Folder(path) for path in linker.system)


def _path(text: str, owner: Loaded, linker: Loader) -> Iterator[Folder]:
    """The folders of one DT_RPATH or DT_RUNPATH; a relative one means nothing in an image and is left out."""
    for item in text.split(":"):
        choices = expand(item, owner, linker)
        yield from (Folder(path, len(choices) == 1) for path in choices if path.startswith("/"))


def expand(text: str, owner: Loaded, linker: Loader) -> list[str]:
    """`text` with its tokens replaced: one string, one for each platform, or none where that has no name."""
    platforms = ["any"]
    if any("PLATFORM" in match.groups() for match in _TOKEN.finditer(text)):
        platforms = list(linker.platforms)
    choices = [{"ORIGIN": owner.origin, "LIB": linker.lib, "PLATFORM": platform} for platform in platforms]
    return [_substitute(text, values) for values in choices]


def _substitute(text: str, values: dict[str, str]) -> str:
    return _TOKEN.sub(lambda match: values[match[1] or match[2]], text)


def _musl_path(owner: Loaded) -> Iterator[Folder]:
    """musl's `fixup_rpath`: `$ORIGIN` alone is known, and any other `$` makes the whole path void."""
    text = owner.info.rpath if owner.info.runpath is None else owner.info.runpath
    text = re.sub(r"\$\{ORIGIN\}|\$ORIGIN", lambda _: owner.origin, text or "")
    if "$" not in text:
        yield from (Folder(path) for path in re.split(r"[:\n]+", text) if path.startswith("/"))


def variants(sysroot: Sysroot, folder: str) -> Iterator[str]:
    """The subfolders of `folder` with builds for particular CPUs; which one counts, the target decides."""
    hwcaps = f"{folder}/glibc-hwcaps"
    yield from (f"{hwcaps}/{name}" for name in reversed(sysroot.names(hwcaps)))
    yield from _legacy(sysroot, folder, 3)


def _legacy(sysroot: Sysroot, folder: str, depth: int) -> Iterator[str]:
    if not depth:
        return
    for name in (*_LEGACY, *_LEGACY_OTHER):
        path = f"{folder}/{name}"
        if sysroot.find(path):
            yield from _legacy(sysroot, path, depth - 1)
            yield path
