"""What a kernel module's file says of it: its .modinfo section and the symbols that it takes from others.

.modinfo has key=value records, NUL-terminated (linux/moduleparam.h).
"""

import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mkinitfs.archive.compress import unpack_file
from mkinitfs.errors import MkinitfsError
from mkinitfs.modules.depmod import COMPRESSED

# Elf32_Ehdr and Elf64_Ehdr from e_shoff on, Elf32_Shdr and Elf64_Shdr (elf(5)); the byte order comes before.
_HEADER = {1: (0x20, "I4x6H"), 2: (0x28, "Q4x6H")}
_SECTION = {1: "2I4x3I", 2: "2I16x2Q"}
# Elf32_Sym and Elf64_Sym: st_name and st_shndx, which is 0 (SHN_UNDEF) for what another one has to define.
_SYMBOL = {1: "I10xH", 2: "I2xH16x"}
_MACHINE = 0x12  # e_machine
T = TypeVar("T")


def parse(data: bytes | mmap.mmap, name: str) -> dict[str, tuple[str, ...]]:
    """The records of an unpacked module by key, in file order; `name` is for the error.

    Raises MkinitfsError where `data` is no ELF file or ends too early. Only the headers and the section
    itself are touched, so that a mapped file is not read as a whole.
    """
    (section,) = _sections(data, name, b".modinfo")
    records: dict[str, tuple[str, ...]] = {}
    for record in section.decode("utf-8", "surrogateescape").split("\0"):
        key, equals, value = record.partition("=")
        if equals:
            records[key] = (*records.get(key, ()), value)
    return records


def parse_imports(data: bytes | mmap.mmap, name: str) -> frozenset[str]:
    """The symbols that an unpacked module takes from the kernel and other modules; raises as parse() does."""
    table, strings = _sections(data, name, b".symtab", b".strtab")
    form = ("<" if data[5] == 1 else ">") + _SYMBOL[data[4]]
    starts = [start for start, section in struct.iter_unpack(form, table) if start and not section]
    return frozenset(strings[start : strings.find(b"\0", start)].decode("utf-8", "surrogateescape") for start in starts)


def parse_machine(data: bytes | mmap.mmap, name: str) -> int:
    """The machine that an unpacked module is for, as elf.h numbers them (EM_); raises as parse() does."""
    _sections(data, name)
    return int.from_bytes(data[_MACHINE : _MACHINE + 2], "little" if data[5] == 1 else "big")


def _sections(data: bytes | mmap.mmap, name: str, *wanted: bytes) -> list[bytes]:
    """The contents of sections, empty where there is none."""
    if data[:4] != b"\x7fELF" or data[4:5] not in (b"\1", b"\2") or data[5:6] not in (b"\1", b"\2"):
        raise MkinitfsError(f"{name}: not a kernel module", "reinstall the kernel's package")
    try:
        return [_section(data, section) for section in wanted]
    except (struct.error, ValueError) as error:
        raise MkinitfsError(f"{name}: truncated kernel module", "reinstall the kernel's package") from error


def _section(data: bytes | mmap.mmap, wanted: bytes) -> bytes:
    """The content of one section, empty where there is none; struct.error or ValueError when cut short."""
    order = "<" if data[5] == 1 else ">"
    at, header = _HEADER[data[4]]
    table, _, _, _, size, count, names_index = struct.unpack_from(order + header, data, at)
    entry = order + _SECTION[data[4]]
    if size < struct.calcsize(entry) or names_index >= count or table + count * size > len(data):
        raise ValueError("section headers")

    def content(index: int) -> tuple[int, bytes]:
        fields = struct.unpack_from(entry, data, table + index * size)
        name, start, length = fields[0], fields[-2], fields[-1]
        if start + length > len(data):
            raise ValueError("section content")
        return name, data[start : start + length]

    names = content(names_index)[1]
    position = names.find(b"\0" + wanted + b"\0") + 1
    for index in range(1, count if position else 0):
        if struct.unpack_from(order + "I", data, table + index * size)[0] == position:
            return content(index)[1]
    return b""


def read(path: Path) -> dict[str, tuple[str, ...]]:
    """The records of the module file `path` (.ko, .ko.xz, .ko.zst, .ko.gz); MkinitfsError names the file."""
    return _read(path, parse)


def imports(path: Path) -> frozenset[str]:
    """The symbols that the module file `path` takes from others; MkinitfsError names the file."""
    return _read(path, parse_imports)


def machine(path: Path) -> int:
    """The machine (EM_) that the module file `path` is for; MkinitfsError names the file."""
    return _read(path, parse_machine)


def _read(path: Path, parser: Callable[[bytes | mmap.mmap, str], T]) -> T:
    if path.suffix in COMPRESSED:
        return parser(unpack_file(path), str(path))
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return parser(data, str(path))
    except ValueError as error:  # mmap of an empty file
        raise MkinitfsError(f"{path}: truncated kernel module", "reinstall the kernel's package") from error
    except OSError as error:
        raise MkinitfsError.of(path, error) from error
