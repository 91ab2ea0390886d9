"""Partition tables inside a container: MBR with its logical partitions, and GPT, read as the kernel reads them.

Nothing in a table is believed: lengths are bounded, chains end, checksums are looked at (block/partitions/msdos.c
and efi.c; UEFI specification 2.10, chapter 5). A table is read by a generator that yields operations, as a boot does.
"""

from __future__ import annotations

import binascii
import codecs
import os
import struct

from init.operations import ReadAt, StepError, Steps
from init.system.stdlib import NamedTuple

# The root partition's types (the Discoverable Partitions Specification) for user spaces of 32 and of 64 bits, by what
# os.uname().machine begins with: a kernel has many names ("armv6l", "i586") and may run both.
_ROOT_TYPES = {
    "x86": ("44479540-f297-41b2-9af7-d131d5f0458a", "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"),
    "arm": ("69dad710-2ce4-4e3c-b16c-21a1d49abed3", "b921b045-1df0-41c3-af44-4c6f280d3fae"),
    "riscv": ("60d5a7fe-8e7d-435c-b714-3dd8162144e1", "72ec70a6-cf74-40e6-bd49-4bda08e8f224"),
    "ppc": ("1de3f1ef-fa98-47b5-8dcd-4a860a654d78", "c31c45e6-3f39-412e-80fb-4809c4980599"),
    "s390": ("08a7acea-624c-4a20-91e8-6e0fa67d23f9", "5eead9a9-fe09-4a1e-a1d7-520d00531306"),
    "mips": ("37c58c8a-d913-4156-a25f-48b1b64e07f0", "700bda43-7a34-4507-b179-eeb93d7a7ca3"),
    "loongarch": ("", "77055800-792c-4f94-b39a-98c91b762bb6"),
}

# Types of an entry in an MBR.
_EXTENDED = (0x05, 0x0F, 0x85)
_PROTECTIVE = 0xEE  # a GPT follows
_MOST_LOGICAL = 128  # the kernel stops at 256 partitions of all kinds
_LARGEST_TABLE = 1 << 20  # bytes: eight thousand entries of a GPT, where 128 are usual


class Partition(NamedTuple):
    """One partition."""

    number: int  # as in the device's name
    start: int  # bytes
    size: int  # bytes
    uuid: str  # as root=PARTUUID= has it
    kind: str  # the type: a GUID, or two hexadecimal digits
    label: str = ""


class Table(NamedTuple):
    """The partitions of a file."""

    sector: int  # the size in bytes of the sectors that the table counts in
    partitions: tuple[Partition, ...]


def read(path: str, size: int) -> Steps:
    """Answers the Table of the file at `path`, `size` bytes long; None where there is none.

    Raises StepError for a GPT that is damaged.
    """
    head: bytes = yield ReadAt(path, 0, 2 * 4096)
    entries = _entries(head)
    if not entries or any(entry.flags & 0x7F for entry in entries):
        return None  # flags other than 0 and 0x80 are the code of a boot sector, no table
    if any(entry.kind == _PROTECTIVE and entry.start == 1 for entry in entries):
        for sector in (512, 4096):
            if head[sector : sector + 8] == b"EFI PART":
                return Table(sector, _inside((yield from _gpt(path, size, head[sector : sector + 512], sector)), size))
        raise _damaged("its header is not there")
    partitions = []
    disk = struct.unpack_from("<I", head, 440)[0]
    for number, entry in enumerate(entries, 1):
        if entry.sectors and entry.kind not in _EXTENDED:
            partitions.append(_partition(disk, number, entry.start, entry))
    for entry in entries:
        if entry.sectors and entry.kind in _EXTENDED:
            partitions += yield from _logical(path, disk, entry, 5 + sum(one.number > 4 for one in partitions))
    return Table(512, _inside(partitions, size)) if partitions else None


class _Entry(NamedTuple):
    """A partition's entry in an MBR."""

    flags: int
    kind: int
    start: int  # in sectors
    sectors: int


def _entries(sector: bytes) -> list[_Entry]:
    """The four entries, none where the signature is missing."""
    if sector[510:512] != b"\x55\xaa":
        return []
    return [_Entry(*struct.unpack_from("<B3xB3xII", sector, 446 + 16 * number)) for number in range(4)]


def _partition(disk: int, number: int, start: int, entry: _Entry) -> Partition:
    uuid = f"{disk:08x}-{number:02x}"
    return Partition(number, start * 512, entry.sectors * 512, uuid, f"{entry.kind:02x}")


def _logical(path: str, disk: int, extended: _Entry, number: int) -> Steps:
    """The chain of logical partitions, each behind a table of its own, numbers from `number` on."""
    partitions: list[Partition] = []
    place, seen = extended.start, set[int]()
    while place not in seen and len(seen) < _MOST_LOGICAL:  # a chain may lead in a circle
        seen.add(place)
        table: bytes = yield ReadAt(path, place * 512, 512)
        entries = _entries(table)
        for index, entry in enumerate(entries):
            if entry.sectors and entry.kind not in _EXTENDED and (index < 2 or _within(place, entry, extended)):
                partitions.append(_partition(disk, number + len(partitions), place + entry.start, entry))
        links = [entry for entry in entries if entry.sectors and entry.kind in _EXTENDED]
        if not links:
            break
        place = extended.start + links[0].start
    return partitions


def _within(place: int, entry: _Entry, extended: _Entry) -> bool:
    """Whether the third or fourth entry, which has no meaning there, could be a partition all the same."""
    start = place + entry.start
    return extended.start <= start and start + entry.sectors <= extended.start + extended.sectors


def _gpt(path: str, size: int, header: bytes, sector: int) -> Steps:
    """The partitions of a GPT; the checksums of header and entries have to be right."""
    length, checksum = struct.unpack_from("<II", header, 12)
    first, count, width, entries_checksum = struct.unpack_from("<QIII", header, 72)
    if not 92 <= length <= 512 or binascii.crc32(header[:16] + bytes(4) + header[20:length]) != checksum:
        raise _damaged("the checksum of its header is wrong")
    if width != 128 or count * width > _LARGEST_TABLE or first * sector >= size:
        raise _damaged(f"{count} entries of {width} bytes at sector {first}")
    table: bytes = yield ReadAt(path, first * sector, count * width)
    if binascii.crc32(table) != entries_checksum:
        raise _damaged("the checksum of its entries is wrong")
    partitions = []
    for number in range(count):
        kind, uuid, start, last, _, name = struct.unpack_from("<16s16sQQQ72s", table, number * width)
        if kind != bytes(16) and start <= last:
            # bytes.decode() would import encodings.utf_16_le, which the image does not hold.
            label = codecs.utf_16_le_decode(name, "replace")[0].partition("\0")[0]
            length = (last - start + 1) * sector
            partitions.append(Partition(number + 1, start * sector, length, _guid(uuid), _guid(kind), label))
    return partitions


def root_type(machine: str, bits: int) -> str:
    """The type of a root for a user space of `bits` under a kernel that calls itself `machine`, "" for none known."""
    name = "arm" if machine == "aarch64" else "x86" if machine.endswith("86") else machine
    found = next((types for start, types in _ROOT_TYPES.items() if name.startswith(start)), ("", ""))
    return found[bits == 64]


def choose(name: str, types: dict[Partition, str], wanted: str, word: str, kind: str = "") -> Partition:
    """The root's partition in the file `name`. Raises StepError, which names the candidates, unless there is just one.

    It is the one that `word` names (PARTUUID=..., PARTLABEL=...); else, where a GPT says so by its type, the root for
    this kind of machine; else the only one with a file system known here, of the type `wanted` if any. `types` holds
    the type of each partition's file system, "" for none known; `kind` is root_type() of this machine unless given.
    """
    key, _, value = word.partition("=")
    root = kind or root_type(os.uname().machine, 8 * struct.calcsize("P"))
    usable = [one for one, fstype in types.items() if fstype and fstype == (wanted or fstype)]
    if key == "PARTUUID":
        candidates = [one for one in types if one.uuid == value.lower()]
    elif key == "PARTLABEL":
        candidates = [one for one in types if one.label == value]
    else:
        candidates = [one for one in usable if root and one.kind == root] or usable or (list(types) if wanted else [])
    if len(candidates) == 1:
        return candidates[0]
    listing = tuple(
        f"partition {one.number}: {fstype or 'unknown'}, {one.size / 1e6:.1f} MB, PARTUUID={one.uuid}"
        + (f" PARTLABEL={one.label}" if one.label else "")
        for one, fstype in types.items()
    )
    what = word or (f"with {wanted}" if wanted else "with a file system known here")
    raise StepError(
        f"{name}: {len(candidates) or 'no'} partition{'s' if len(candidates) > 1 else ''} {what}",
        listing[:20],
        hint="loopflags=PARTUUID=... or loopflags=PARTLABEL=... names the root's",
    )


def _guid(data: bytes) -> str:
    """Sixteen bytes of a GPT as text: the first three fields are little-endian."""
    head = "{:08x}-{:04x}-{:04x}".format(*struct.unpack_from("<IHH", data))
    return f"{head}-{data[8:10].hex()}-{data[10:].hex()}"


def _inside(partitions: list[Partition], size: int) -> tuple[Partition, ...]:
    """Those that begin inside the file; one that ends outside is told when its file system is looked at."""
    return tuple(one for one in partitions if 0 < one.start < size)


def _damaged(why: str) -> StepError:
    return StepError(
        f"the container's partition table (GPT) is damaged: {why}",
        hint="loopflags=offset=BYTES says where the root's partition begins; gdisk and sfdisk repair tables",
    )
