"""/etc/ld.so.cache for an image: how its ld.so finds libraries in folders that only ld.so.conf names.

glibc's ld.so never reads ld.so.conf. ldconfig does, and writes what it finds into the cache, which is looked into
before the built-in folders. An image is not the system that the cache of the target describes, so it gets one of
its own, and only where a library of it lies outside the built-in folders. musl has no such file.

The layout is that of elf/cache.c and sysdeps/generic/dl-cache.h in glibc 2.33 and later; older ones pass over what
they do not know. Libraries for particular CPUs are listed where they lie in glibc-hwcaps. Those in the "legacy
hwcaps" folders are not: the same library without them is there as well, and is taken.
"""

import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from mkinitfs.elf import elf, ldconf, ldso
from mkinitfs.elf.elf import ElfInfo
from mkinitfs.elf.ldconf import Loader
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, Entry, File, Manifest, OnDisk, Symlink, follow
from mkinitfs.placement import place
from mkinitfs.sysroot import Sysroot

PATH = "etc/ld.so.cache"

_MAGIC = b"glibc-ld.so.cache1.1"
_LITTLE, _BIG = 2, 3  # cache_file_new_flags_endian_*
_EXTENSION_MAGIC = 0xEAA42174
_TAG_HWCAPS = 1  # cache_extension_tag_glibc_hwcaps
_HWCAP_EXTENSION = 1 << 62  # DL_CACHE_HWCAP_EXTENSION: the rest is an index into the names of that section
_HWCAPS = "glibc-hwcaps"


@dataclass(frozen=True, slots=True)
class Library:
    """One line of the cache."""

    name: str  # what DT_NEEDED asks for
    path: str  # to open
    flags: int  # of its ABI, as in Abi.cache_flags
    hwcap: str = ""  # the CPU it is built for


def entry(manifest: Manifest, sysroot: Sysroot) -> tuple[str, Entry] | None:
    """The cache for the image `manifest`, whose files come from `sysroot`; None where ld.so needs none.

    A cache that is in the manifest already stays the only one. Raises MkinitfsError where a library that the
    cache would list cannot be read.
    """
    if PATH in manifest:
        return None
    image = _Image(manifest, sysroot)
    linkers = list(image.linkers())
    outside = next(chain.from_iterable(image.outside(*each) for each in linkers), None)
    if outside is None:
        return None
    listed = chain.from_iterable(image.libraries(*each) for each in linkers)
    data = encode(listed, little_endian=linkers[0][1].little_endian)
    return PATH, File(Bytes(data), 0o644, f"leads ld.so to {outside.path}")


class _Image:
    """The libraries of a manifest by the folders they lie in."""

    def __init__(self, manifest: Manifest, sysroot: Sysroot) -> None:
        self.manifest = manifest
        self.sysroot = sysroot

    @cached_property
    def links(self) -> Mapping[str, str]:
        return {path: entry.target for path, entry in self.manifest.items() if isinstance(entry, Symlink)}

    @cached_property
    def names(self) -> Mapping[str, list[tuple[str, str]]]:
        """What ldconfig would look at in each folder: ("", name), or (CPU, name) in its folder for a CPU."""
        folders: dict[str, list[tuple[str, str]]] = {}
        for path in self.manifest:
            folder, _, name = path.rpartition("/")
            if ldconf.is_library_name(name):
                above, hwcaps, hwcap = folder.rpartition(f"/{_HWCAPS}/")
                folders.setdefault(above if hwcaps else folder, []).append((hwcap if hwcaps else "", name))
        return folders

    def linkers(self) -> Iterator[tuple[Loader, ElfInfo]]:
        """glibc's run-time linkers in the image, each with what it says about itself."""
        files = ldso.elf_files(self.sysroot)
        for abi in ldconf.ABIS.values():
            linker = self.sysroot.find(abi.interp)
            if linker and linker.real[1:] in self.manifest and (info := files.info(linker.real)):
                yield files.loader(abi.interp, info), info

    def libraries(self, linker: Loader, info: ElfInfo) -> Iterator[Library]:
        """What `linker` could load, folder after folder in the order of ldconfig."""
        seen: set[str] = set()
        for folder in (*linker.configured, *linker.system):
            real = self.real(folder)
            if real is not None and real not in seen:
                seen.add(real)
                yield from self.inside(folder, real, info)

    def outside(self, linker: Loader, info: ElfInfo) -> Iterator[Library]:
        """Those of the libraries that `linker` finds by its cache alone."""
        system = {self.real(folder) for folder in linker.system}
        for folder in linker.configured:
            real = self.real(folder)
            if real is not None and real not in system:
                yield from self.inside(folder, real, info)

    def real(self, folder: str) -> str | None:
        """Where `folder` lies in the image; None where a link on the way is not in the image."""
        path, links = place(self.sysroot, f"{folder}/x")
        return path.removesuffix("/x") if all(link in self.manifest for link, _ in links) else None

    def inside(self, folder: str, real: str, info: ElfInfo) -> Iterator[Library]:
        """The libraries of `info`'s ABI in `folder`, which lies at `real` in the image."""
        flags = ldconf.abi(info).cache_flags
        for hwcap, name in self.names.get(real, ()):
            below = f"{_HWCAPS}/{hwcap}/{name}" if hwcap else name
            library = self.info(f"{real}/{below}")
            if library and library.kind == "ET_DYN" and library.abi == info.abi:
                yield Library(name, f"{folder}/{below}", flags, hwcap)

    def info(self, path: str) -> ElfInfo | None:
        """What the file at the end of `path` says; None where it is no ELF file of the image."""
        real = follow(path, self.links)
        match self.manifest.get(real):
            case File(Bytes(data)) if elf.is_elf(data):
                return elf.parse(data, f"/{real}")
            case File(OnDisk(source)):
                try:
                    with source.open("rb") as stream:
                        return elf.parse(stream, str(source)) if elf.is_elf(stream.read(4)) else None
                except OSError as error:
                    raise MkinitfsError.of(f"/{real}: {source}", error) from error
        return None


def encode(libraries: Iterable[Library], *, little_endian: bool = True) -> bytes:
    """The cache that lists `libraries`; of those with one name, flags and CPU the first counts."""
    ordered = sorted(libraries, key=lambda each: (not each.hwcap, each.hwcap))
    ordered.sort(key=lambda each: (_order(each.name), each.flags), reverse=True)  # keeps the order of equals
    hwcaps = sorted({each.hwcap for each in ordered if each.hwcap})
    order = "<" if little_endian else ">"
    layout = struct.Struct(f"{order}iIIIQ")  # file_entry_new: flags, key, value, osversion, hwcap
    start = len(_MAGIC) + 28 + len(ordered) * layout.size
    strings = bytearray()

    def put(text: str) -> int:
        """Where `text` comes to stand, counted from the beginning of the file."""
        where = start + len(strings)
        strings.extend(os.fsencode(text) + b"\0")
        return where

    records = []
    for each in ordered:
        hwcap = _HWCAP_EXTENSION | hwcaps.index(each.hwcap) if each.hwcap else 0
        records.append(layout.pack(each.flags, put(each.name), put(each.path), 0, hwcap))
    names = [put(name) for name in hwcaps]
    length = len(strings)
    extension = _extension(names, start + length, order) if names else b""
    where = -(-(start + length) // 4) * 4 if names else 0
    flags = _LITTLE if little_endian else _BIG
    header = _MAGIC + struct.pack(f"{order}IIB3xI12x", len(ordered), length, flags, where)
    return header + b"".join(records) + bytes(strings) + extension


def _extension(names: list[int], end: int, order: str) -> bytes:
    """The directory of extensions with its one section, the names of the CPU folders, to stand behind `end`."""
    padding = -end % 4
    section = end + padding + 24
    directory = struct.pack(f"{order}6I", _EXTENSION_MAGIC, 1, _TAG_HWCAPS, 0, section, 4 * len(names))
    return bytes(padding) + directory + struct.pack(f"{order}{len(names)}I", *names)


def _order(name: str) -> list[tuple[bool, int]]:
    """How ld.so compares names (_dl_cache_libcmp): runs of digits by their value, and above all else."""
    parts = re.findall(rb"\d+|\D", os.fsencode(name), re.DOTALL)
    return [(True, int(part)) if part.isdigit() else (False, part[0]) for part in parts]
