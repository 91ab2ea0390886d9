"""What an ELF file says about itself: bytes in, ElfInfo out; knows no paths and no search rules.

Only the ELF header, the program headers and what the dynamic section points to are read, as ld.so does it,
so that a file without section headers works and a large one costs no more than a small one. pyelftools
decodes the structures; the symbol table, thousands of records of which few matter, goes through `struct`.
"""

import io
import json
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from elftools.common.exceptions import ELFError
from elftools.common.utils import struct_parse
from elftools.elf.constants import E_FLAGS
from elftools.elf.elffile import ELFFile

from mkinitfs.errors import MkinitfsError

MAGIC = b"\x7fELF"

# C library functions after whose call glibc loads further objects by name, those of the name service by their
# database in nsswitch.conf (nsswitch.conf(5)); what is loaded, byname.py says.
UNWINDING = frozenset({"pthread_cancel", "pthread_exit", "thrd_exit"})
DATABASES = {
    "hosts": ["getaddrinfo", "getnameinfo", "gethostbyname", "gethostbyname2", "gethostbyaddr"],
    "passwd": ["getpwnam", "getpwuid", "getpwent"],
    "group": ["getgrnam", "getgrgid", "getgrent", "getgrouplist", "initgroups"],
    "shadow": ["getspnam"],
    "services": ["getservbyname", "getservbyport"],
    "protocols": ["getprotobyname", "getprotobynumber"],
    "networks": ["getnetbyname", "getnetbyaddr"],
}
CONVERTING = frozenset({"iconv_open"})
WATCHED = (
    UNWINDING | CONVERTING | {name + suffix for names in DATABASES.values() for name in names for suffix in ("", "_r")}
)
_WATCHED = re.compile(rf"(?=({'|'.join(sorted(WATCHED))})\0)".encode())

_GLIBC_VERSION = re.compile(rb"\0GLIBC_2\.(\d{1,4})(?=[.\0])")
_DF_1_NODEFLIB = 0x800
_SHN_UNDEF = 0
_NT_FDO_DLOPEN = 0x407C0C0A


@dataclass(frozen=True, slots=True)
class Dlopen:
    """One object of a `.note.dlopen` (systemd.io/ELF_DLOPEN_METADATA)."""

    sonames: tuple[str, ...]  # alternatives, the preferred first
    priority: str  # "required", "recommended" or "suggested"
    feature: str


@dataclass(frozen=True, slots=True)
class ElfInfo:
    """What one ELF file asks of its loader."""

    machine: str  # by its name in the ELF specification, "EM_X86_64"
    elfclass: int  # 32 or 64
    little_endian: bool
    kind: str  # "ET_DYN"
    interp: str | None = None
    soname: str | None = None
    needed: tuple[str, ...] = ()  # DT_NEEDED and DT_FILTER in their order
    auxiliary: tuple[str, ...] = ()
    rpath: str | None = None
    runpath: str | None = None
    nodeflib: bool = False
    calls: frozenset[str] = frozenset()  # those of WATCHED that the file refers to and does not define
    glibc: int | None = None  # the minor version 2.N of the C library, where the file is one
    dlopens: tuple[Dlopen, ...] = ()
    soft_float: bool = False  # of ARM: Debian's armel, whose libraries are others than armhf's

    @property
    def abi(self) -> tuple[str, int, bool]:
        """What has to be equal in a program and its libraries: machine, class, byte order."""
        return self.machine, self.elfclass, self.little_endian


def is_elf(head: bytes) -> bool:
    """Whether a file that begins with `head` is an ELF file."""
    return head.startswith(MAGIC)


def parse(source: bytes | BinaryIO, name: str) -> ElfInfo:
    """Read one ELF file from a seekable stream or from bytes; `name` stands in the messages.

    Raises MkinitfsError where `source` is no ELF file, ends too early, or contradicts itself.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    stream.seek(0)
    if not is_elf(stream.read(4)):
        raise MkinitfsError(f"{name}: not an ELF file")
    try:
        return _Reader(stream, name).info()
    except MkinitfsError:
        raise
    except (ELFError, ArithmeticError, LookupError, ValueError, TypeError, struct.error) as error:
        # pyelftools lets some of Python's own errors through where a field makes no sense.
        raise MkinitfsError(f"{name}: damaged ELF file: {error or type(error).__name__}", _REINSTALL) from error


_REINSTALL = "install the package it belongs to again"


class _Reader:
    """One pass over one file."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.stream = stream
        self.name = name
        self.size = stream.seek(0, io.SEEK_END)
        if self.size < 52:  # an Elf32_Ehdr; an Elf64_Ehdr takes 64 and is checked by pyelftools
            raise self.truncated(52)
        try:
            self.elf = ELFFile(stream)
        except ELFError as error:
            reason = "truncated" if self.size < 64 else "damaged"
            raise MkinitfsError(f"{name}: {reason} ELF header: {error}", _REINSTALL) from error
        self.order = "<" if self.elf.little_endian else ">"
        self.segments: list[Any] = list(self.read_segments())

    def truncated(self, end: int) -> MkinitfsError:
        return MkinitfsError(f"{self.name}: truncated ELF file: {self.size} bytes, of at least {end}", _REINSTALL)

    def damaged(self, reason: str) -> MkinitfsError:
        return MkinitfsError(f"{self.name}: damaged ELF file: {reason}", _REINSTALL)

    def within(self, offset: int, length: int) -> None:
        if offset + length > self.size:
            raise self.truncated(offset + length)

    def take(self, offset: int, length: int) -> bytes:
        self.within(offset, length)
        self.stream.seek(offset)
        return self.stream.read(length)

    def read_segments(self) -> Iterator[Any]:
        header, layout = self.elf.header, self.elf.structs.Elf_Phdr
        self.within(header["e_shoff"], header["e_shnum"] * header["e_shentsize"])
        count = header["e_phnum"]
        if count and header["e_phentsize"] != layout.sizeof():
            raise self.damaged(f"program headers of {header['e_phentsize']} bytes")
        self.within(header["e_phoff"], count * layout.sizeof())
        for index in range(count):
            segment = struct_parse(layout, self.stream, header["e_phoff"] + index * layout.sizeof())
            if segment["p_type"] != "PT_NULL":
                self.within(segment["p_offset"], segment["p_filesz"])
            yield segment

    def info(self) -> ElfInfo:
        header = self.elf.header
        interp = self.first("PT_INTERP")
        dynamic = self.dynamic()
        return ElfInfo(
            machine=str(header["e_machine"]),
            elfclass=self.elf.elfclass,
            little_endian=self.elf.little_endian,
            kind=str(header["e_type"]),
            interp=None if interp is None else _until_nul(self.content(interp), 0),
            dlopens=tuple(self.dlopens()),
            soft_float=header["e_machine"] == "EM_ARM" and bool(header["e_flags"] & E_FLAGS.EF_ARM_ABI_FLOAT_SOFT),
            **dynamic,
        )

    def first(self, kind: str) -> Any:
        return next((segment for segment in self.segments if segment["p_type"] == kind), None)

    def content(self, segment: Any) -> bytes:
        return self.take(segment["p_offset"], segment["p_filesz"])

    def offset(self, address: int) -> int:
        """Where in the file the byte lies that is mapped to `address`."""
        for segment in self.segments:
            start = segment["p_vaddr"]
            if segment["p_type"] == "PT_LOAD" and start <= address < start + segment["p_filesz"]:
                return int(segment["p_offset"] + address - start)
        raise self.damaged(f"address {address:#x} lies in no segment")

    def dynamic(self) -> dict[str, Any]:
        segment = self.first("PT_DYNAMIC")
        if segment is None:
            return {}
        tags = list(self.tags(segment))
        values = dict(reversed(tags))  # where a tag is given twice, the first is meant
        if "DT_STRTAB" not in values:
            return {}
        strings = self.take(self.offset(values["DT_STRTAB"]), values.get("DT_STRSZ", 0))

        def text(tag: str) -> str | None:
            return _until_nul(strings, values[tag]) if tag in values else None

        def texts(*kinds: str) -> tuple[str, ...]:
            return tuple(_until_nul(strings, value) for tag, value in tags if tag in kinds)

        soname = text("DT_SONAME")
        versions = _GLIBC_VERSION.findall(strings) if soname and soname.startswith("libc.so.6") else []
        return {
            "soname": soname,
            "needed": texts("DT_NEEDED", "DT_FILTER"),
            "auxiliary": texts("DT_AUXILIARY"),
            "rpath": text("DT_RPATH"),
            "runpath": text("DT_RUNPATH"),
            "nodeflib": bool(values.get("DT_FLAGS_1", 0) & _DF_1_NODEFLIB),
            "glibc": max(map(int, versions), default=None),
            "calls": self.calls(values, strings),
        }

    def tags(self, segment: Any) -> Iterator[tuple[str, int]]:
        layout = self.elf.structs.Elf_Dyn
        for offset in range(segment["p_offset"], segment["p_offset"] + segment["p_filesz"], layout.sizeof()):
            entry = struct_parse(layout, self.stream, offset)
            if entry["d_tag"] == "DT_NULL":
                return
            yield str(entry["d_tag"]), entry["d_val"]

    def calls(self, values: dict[str, int], strings: bytes) -> frozenset[str]:
        """Those of WATCHED that are undefined symbols here; nothing is decoded where no such name is."""
        names = {match.start(): match[1].decode() for match in _WATCHED.finditer(strings)}
        if not names or "DT_SYMTAB" not in values:
            return frozenset()
        # Elf64_Sym: name info other section value size; Elf32_Sym: name value size info other section.
        layout = struct.Struct(self.order + ("IBBHQQ" if self.elf.elfclass == 64 else "IIIBBH"))
        section = 3 if self.elf.elfclass == 64 else 5
        table = self.take(self.offset(values["DT_SYMTAB"]), layout.size * self.symbol_count(values))
        watched = (symbol for symbol in layout.iter_unpack(table) if symbol[0] in names)
        return frozenset(names[symbol[0]] for symbol in watched if symbol[section] == _SHN_UNDEF)

    def symbol_count(self, values: dict[str, int]) -> int:
        """How many symbols there are: DT_HASH says it, DT_GNU_HASH by the end of its last chain."""
        if "DT_HASH" in values:
            return self.words(self.offset(values["DT_HASH"]) + 4, 1)[0]
        if "DT_GNU_HASH" not in values:
            return 0
        start = self.offset(values["DT_GNU_HASH"])
        buckets, first, bloom, _ = self.words(start, 4)
        chains = start + 16 + bloom * self.elf.elfclass // 8 + 4 * buckets
        last = max(self.words(chains - 4 * buckets, buckets), default=0)
        if last < first:
            return first
        while not self.words(chains + 4 * (last - first), 1)[0] & 1:
            last += 1
        return last + 1

    def words(self, offset: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"{self.order}{count}I", self.take(offset, 4 * count))

    def dlopens(self) -> Iterator[Dlopen]:
        for segment in self.segments:
            if segment["p_type"] == "PT_NOTE":
                yield from _dlopens(self.content(segment), self.order, max(4, segment["p_align"]), self.name)


def _until_nul(data: bytes, start: int) -> str:
    """The string that begins at `start`, as a file name: bytes that are no UTF-8 are kept."""
    end = data.find(b"\0", start)
    if start >= len(data) or end < 0:
        raise ValueError(f"a string at {start} of {len(data)} bytes does not end")
    return os.fsdecode(data[start:end])


def _dlopens(notes: bytes, order: str, align: int, name: str) -> Iterator[Dlopen]:
    """The dlopen notes of one PT_NOTE segment: 12 bytes of header, owner and value padded."""
    offset = 0
    while offset + 12 <= len(notes):
        owner_size, size, kind = struct.unpack_from(order + "III", notes, offset)
        owner = offset + 12
        value = owner + -(-owner_size // 4) * 4 if align == 4 else -(-(owner + owner_size) // align) * align
        if kind == _NT_FDO_DLOPEN and notes[owner : owner + owner_size] == b"FDO\0":
            yield from _dlopen_objects(notes[value : value + size], name)
        offset = -(-(value + size) // align) * align


def _dlopen_objects(value: bytes, name: str) -> Iterator[Dlopen]:
    try:
        objects = json.loads(value.rstrip(b"\0"))
        for item in objects:
            sonames, priority = item["soname"], item.get("priority", "recommended")
            if not isinstance(sonames, list) or not all(isinstance(each, str) for each in sonames):
                raise TypeError("soname is no list of names")
            yield Dlopen(tuple(sonames), str(priority), str(item.get("feature", "")))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise MkinitfsError(f"{name}: .note.dlopen: {error}", _REINSTALL) from error
