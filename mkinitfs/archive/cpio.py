"""cpio archives: the "newc" format that the kernel unpacks, written and read as streams.

Source of the layout: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst and
init/initramfs.c; cpio(5) for "odc". Names are bytes on disk and `str` with surrogate escapes here, as in
`os`.
"""

import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mkinitfs.archive.compress import in_order, unpack_file
from mkinitfs.archive.tape import Tape
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Bytes, Device, Directory, Entry, Fifo, File, Manifest, OnDisk, Symlink, Unpacked

TRAILER = "TRAILER!!!"
PATH_MAX = 4096  # longer names and link targets are passed over by the kernel without a word
_LARGEST = 0xFFFFFFFF
_CHUNK = 256 << 10
_NEWC_HEADER = 110
_ODC_HEADER = 76


@dataclass(frozen=True, slots=True)
class Record:
    """One header."""

    name: str
    mode: int  # the whole st_mode
    size: int = 0  # bytes
    ino: int = 0
    uid: int = 0
    gid: int = 0
    nlink: int = 1
    mtime: int = 0  # seconds since 1970
    devmajor: int = 0
    devminor: int = 0
    rdevmajor: int = 0
    rdevminor: int = 0


def _header(record: Record, subject: str) -> bytes:
    """The newc header, the name and its padding."""
    name = os.fsencode(record.name)
    if not name or b"\0" in name or len(name) >= PATH_MAX:
        raise MkinitfsError(f"{subject}: a name must have 1 to {PATH_MAX - 1} bytes and no zero byte among them")
    if record.size > _LARGEST:
        raise MkinitfsError(
            f"{subject}: {record.size} bytes: a cpio archive holds files up to 4 GiB", "leave the file out of the image"
        )
    numbers = (
        record.ino,
        record.mode,
        record.uid,
        record.gid,
        record.nlink,
        record.mtime,
        record.size,
        record.devmajor,
        record.devminor,
        record.rdevmajor,
        record.rdevminor,
        len(name) + 1,
        0,
    )
    if not all(0 <= number <= _LARGEST for number in numbers):
        raise MkinitfsError(f"{subject}: a number in its header does not fit into 32 bits")
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + name + b"\0"
    return head + b"\0" * (-len(head) % 4)


def archive(members: Iterable[tuple[Record, Iterable[bytes]]]) -> Iterator[bytes]:
    """The newc archive of `members` in the order given, with its trailer, padded to 512 bytes.

    Hard links are members of one device and inode number with `nlink` of at least 2, of which one has the
    content. Content of another length than its record says raises MkinitfsError.
    """
    total = 0
    for record, content in members:
        head = _header(record, f"/{record.name}")
        yield head
        written = 0
        for chunk in content:
            written += len(chunk)
            yield chunk
        if written != record.size:
            raise MkinitfsError(f"/{record.name}: {written} bytes of content, {record.size} in its header")
        if padding := -written % 4:
            yield b"\0" * padding
        total += len(head) + written + padding
    trailer = _header(Record(TRAILER, 0), TRAILER)
    yield trailer + b"\0" * (-(total + len(trailer)) % 512)


def encode(manifest: Manifest, mtime: int, threads: int = 1) -> Iterator[bytes]:
    """The newc archive of `manifest`: owned by root, of time `mtime` (seconds, as in SOURCE_DATE_EPOCH).

    Sorted by bytes, inode numbers from 1: the same bytes for the same manifest and sources. Sources are
    read while the archive is written, those to be unpacked by `threads` cores. A source that cannot be read,
    or that changes meanwhile, raises MkinitfsError with image path and source; the hint tells the reason.
    """
    paths = sorted(manifest, key=os.fsencode)
    packed = [(path, entry) for path in paths if isinstance(entry := manifest[path], File)]
    packed = [(path, entry) for path, entry in packed if isinstance(entry.content, Unpacked)]
    unpacked = in_order(lambda item: _unpack(*item), packed, threads)

    def members() -> Iterator[tuple[Record, Iterable[bytes]]]:
        for ino, path in enumerate(paths, 1):
            _check_path(path)
            yield _member(path, manifest[path], ino, mtime, unpacked)

    return archive(members())


def _check_path(path: str) -> None:
    if path == TRAILER or any(part in {"", ".", ".."} for part in path.split("/")):
        raise MkinitfsError(f"/{path}: not a path for an image", 'write it without ".", ".." and doubled slashes')


def _member(path: str, entry: Entry, ino: int, mtime: int, unpacked: Iterator[bytes]) -> tuple[Record, Iterable[bytes]]:
    def record(mode: int, size: int = 0, **more: int) -> Record:
        return Record(path, mode, size=size, ino=ino, mtime=mtime, **more)

    match entry:
        case Directory():
            return record(stat.S_IFDIR | entry.mode, nlink=2), ()
        case Symlink():
            target = os.fsencode(entry.target)
            if not target or b"\0" in target or len(target) >= PATH_MAX:
                raise MkinitfsError(f"/{path}: a link target must have 1 to {PATH_MAX - 1} bytes", entry.reason)
            return record(stat.S_IFLNK | 0o777, len(target)), [target]
        case Device():
            kind = stat.S_IFBLK if entry.kind == "b" else stat.S_IFCHR
            return record(kind | entry.mode, rdevmajor=entry.major, rdevminor=entry.minor), ()
        case Fifo():
            return record(stat.S_IFIFO | entry.mode), ()
    mode = stat.S_IFREG | entry.mode
    match entry.content:
        case Bytes(data):
            return record(mode, len(data)), [data]
        case Unpacked():
            data = next(unpacked)
            return record(mode, len(data)), [data]
        case OnDisk(source):
            size, content = _open(source, lambda reason: _unreadable(path, source, reason, entry))
            return record(mode, size), content


def _unreadable(path: str, source: Path, reason: str, entry: File) -> MkinitfsError:
    return MkinitfsError(f"/{path}: {source}: {reason}", f"it is in the image because: {entry.reason}")


def _unpack(path: str, entry: File) -> bytes:
    source = entry.content.path if isinstance(entry.content, Unpacked) else Path(path)
    try:
        return unpack_file(source)
    except MkinitfsError as error:
        raise MkinitfsError(f"/{path}: {error.message}", f"it is in the image because: {entry.reason}") from error


def _open(source: Path, failure: Callable[[str], MkinitfsError]) -> tuple[int, Iterable[bytes]]:
    """The size of `source` now, and an iterator over exactly as many bytes."""
    try:
        status = source.stat()
    except OSError as error:
        raise failure(error.strerror or str(error)) from error
    if not stat.S_ISREG(status.st_mode):
        raise failure("not a regular file")

    def content() -> Iterator[bytes]:
        left = status.st_size
        try:
            with source.open("rb", buffering=0) as stream:
                while left and (chunk := stream.read(min(left, _CHUNK))):
                    left -= len(chunk)
                    yield chunk
                if left or stream.read(1):
                    raise failure("changed its size while it was being read")
        except OSError as error:
            raise failure(error.strerror or str(error)) from error

    return status.st_size, content()


@dataclass(slots=True)
class Member:
    """One entry of an archive that is being read. Its content can be taken once, before the next is asked for."""

    record: Record
    offset: int  # where its header begins
    archive: int  # the number in the stream, from 0: an inode number means something within one archive only
    target: str = ""  # of a symbolic link
    _content: Iterator[bytes] = field(default_factory=lambda: iter(()))

    def chunks(self) -> Iterator[bytes]:
        """The content piece by piece; MkinitfsError where the archive ends within it or its sum is wrong."""
        return self._content

    def read(self) -> bytes:
        """The whole content."""
        return b"".join(self._content)


def read(tape: Tape, name: str, first: int = 0) -> Iterator[Member]:
    """Read all archives of an unpacked stream, of newc (070701), crc (070702) or odc (070707) format.

    They are numbered from `first` on. MkinitfsError begins with `name` and tells the member and its offset.
    """
    for number in itertools.count(first):
        tape.skip_zeros()
        if number > first and not tape.peek(1):
            return
        yield from read_archive(tape, name, number)


def read_archive(tape: Tape, name: str, number: int = 0) -> Iterator[Member]:
    """Read the one archive that begins at `tape`, trailer included; `number` becomes Member.archive."""
    while True:
        offset = tape.offset
        subject = f"{name}: offset {offset}"
        magic = tape.peek(6)
        try:
            record, check = _read_odc(tape) if magic == b"070707" else _read_newc(tape, magic)
        except EOFError as error:
            raise MkinitfsError(f"{subject}: the archive ends without its trailer", "the file is truncated") from error
        except ValueError as error:
            raise MkinitfsError(f"{subject}: {error}", "the file is damaged, or no initramfs") from error
        if record.name == TRAILER:
            tape.take(record.size)
            return
        label = f"{subject}: /{record.name}"
        align = 1 if magic == b"070707" else 4
        content = _content(tape, record.size, check, align, label)
        target = ""
        if stat.S_ISLNK(record.mode):
            if record.size > PATH_MAX:
                raise MkinitfsError(f"{label}: a link target of {record.size} bytes")
            target = os.fsdecode(b"".join(content).partition(b"\0")[0])
            content = iter((os.fsencode(target),))
            yield Member(record, offset, number, target, content)
            continue
        yield Member(record, offset, number, _content=content)
        for _ in content:
            pass


def _content(tape: Tape, size: int, check: int | None, align: int, label: str) -> Iterator[bytes]:
    left, total = size, 0
    while left:
        chunk = tape.take(min(left, _CHUNK))
        if not chunk:
            raise MkinitfsError(f"{label}: the archive ends {left} bytes before the end of it", "the file is truncated")
        left -= len(chunk)
        if check is not None:
            total += sum(chunk)
        yield chunk
    if check is not None and total & 0xFFFFFFFF != check:
        raise MkinitfsError(f"{label}: the checksum does not match", "the file is damaged")
    tape.take(-size % align)


def _numbers(digits: bytes, width: int, base: int, allowed: bytes) -> list[int]:
    if digits.strip(allowed):
        raise ValueError("a header with something else than digits")
    return [int(digits[at : at + width], base) for at in range(0, len(digits), width)]


def _name(data: bytes) -> str:
    name, zero, _ = data.partition(b"\0")  # some writers pad the name field with more zeros to align the content
    if not zero or not name:
        raise ValueError("a header with an empty or endless name")
    return os.fsdecode(name)


def _read_newc(tape: Tape, magic: bytes) -> tuple[Record, int | None]:
    if magic not in {b"070701", b"070702"}:
        if len(magic) < 6 and b"070701".startswith(magic):
            raise EOFError
        raise ValueError(f"no cpio header where one is expected (but {magic!r})")
    head = tape.exactly(_NEWC_HEADER)
    ino, mode, uid, gid, nlink, mtime, size, major, minor, rmajor, rminor, length, check = _numbers(
        head[6:], 8, 16, b"0123456789abcdefABCDEF"
    )
    if not 1 <= length <= 2 * PATH_MAX:
        raise ValueError(f"a header with a name of {length} bytes")
    name = _name(tape.exactly(length))
    tape.take(-(_NEWC_HEADER + length) % 4)
    record = Record(name, mode, size, ino, uid, gid, nlink, mtime, major, minor, rmajor, rminor)
    # The kernel sums up the content of regular files only, and GNU cpio leaves 0 in the others' headers.
    return record, check if magic == b"070702" and stat.S_ISREG(mode) else None


def _read_odc(tape: Tape) -> tuple[Record, None]:
    head = tape.exactly(_ODC_HEADER)
    dev, ino, mode, uid, gid, nlink, rdev = _numbers(head[6:48], 6, 8, b"01234567")
    mtime, length, size = (_numbers(field, len(field), 8, b"01234567")[0] for field in _odc_tail(head))
    if not 1 <= length <= 2 * PATH_MAX:
        raise ValueError(f"a header with a name of {length} bytes")
    name = _name(tape.exactly(length))
    return Record(name, mode, size, ino, uid, gid, nlink, mtime, *_split(dev), *_split(rdev)), None


def _odc_tail(head: bytes) -> tuple[bytes, bytes, bytes]:
    """The fields of time, length of the name and size of an odc header."""
    return head[48:59], head[59:65], head[65:76]


def _split(number: int) -> tuple[int, int]:
    """Major and minor of an odc device number of 16 bits."""
    return number >> 8, number & 0xFF
