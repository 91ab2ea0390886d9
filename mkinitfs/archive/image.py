"""An image on disk: segments written in one atomic step, and read back as the kernel reads them.

How the kernel tells segments apart: unpack_to_rootfs() of init/initramfs.c. Zero bytes may lie between them;
an archive that is not compressed begins at a multiple of 4.
"""

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mkinitfs.archive.compress import check_level, compress, decompress, default_threads, sniff
from mkinitfs.archive.cpio import Member, encode, read, read_archive
from mkinitfs.archive.tape import Tape
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Manifest, follow

# Between segments: up to this boundary, and never fewer than 4 zero bytes. Without them the kernel's lz4
# unpacker takes the next segment for one more block.
_BOUNDARY = 512

_HINTS = {
    errno.ENOSPC: "make room there, or choose another output",
    errno.EDQUOT: "make room within your quota there, or choose another output",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), or choose another output",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """One archive of an image."""

    content: Manifest | bytes  # bytes: an archive that exists already
    compression: str = "zstd"
    level: int | None = None  # None: the algorithm's default


@dataclass(frozen=True, slots=True)
class Written:
    """What write_image() wrote."""

    size: int  # bytes of the file
    unpacked: int  # bytes of its archives
    sha256: str  # of the file, in hex


Progress = Callable[[int, int], None]  # bytes of archive so far, bytes of image so far


def write_image(
    path: Path,
    segments: Sequence[Segment],
    *,
    mode: int = 0o644,
    mtime: int = 0,
    threads: int | None = None,
    progress: Progress = lambda _unpacked, _written: None,
) -> Written:
    """Write `segments` to `path` with permissions `mode`, whatever the umask; all of it or nothing.

    The file is made beside `path` with mode 0600, synced and renamed. On any error it is removed, `path`
    stays as it was, and MkinitfsError tells the reason.
    """
    for segment in segments:
        check_level(segment.compression, segment.level)
    check_target(path)
    temporary = path.parent / f".mkinitfs-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            descriptor = os.open(temporary, flags, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                written = _write_segments(out, segments, mtime, threads or default_threads(), progress)
                out.flush()
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise MkinitfsError.of(f"{path}: cannot be written", error, _HINTS.get(error.errno or 0, "")) from error
    return written


def check_target(path: Path) -> None:
    """Say at once, not after minutes of work, that no image can be written to `path`."""
    folder = path.parent
    try:
        if path.is_dir():
            raise MkinitfsError(f"{path}: is a folder", f"name a file in it: {path / 'initramfs.img'}")
        if not folder.is_dir():
            raise MkinitfsError(f"{folder}: no such folder", "make it first, or choose another output")
        with suppress(FileNotFoundError):
            if stat.S_IFMT(path.lstat().st_mode) not in {stat.S_IFREG, stat.S_IFLNK}:
                raise MkinitfsError(f"{path}: is not a regular file", "choose another output")
        if not os.access(folder, os.W_OK):
            raise MkinitfsError(f"{folder}: no permission to write there", "choose another output")
    except OSError as error:
        raise MkinitfsError.of(path, error) from error


def _write_segments(
    out: BinaryIO, segments: Sequence[Segment], mtime: int, threads: int, progress: Progress
) -> Written:
    digest = hashlib.sha256()
    unpacked = size = 0

    def counted(chunks: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal unpacked
        for chunk in chunks:
            unpacked += len(chunk)
            yield chunk

    def put(chunk: bytes) -> None:
        nonlocal size
        out.write(chunk)
        digest.update(chunk)
        size += len(chunk)
        progress(unpacked, size)

    for number, segment in enumerate(segments):
        if number:
            put(b"\0" * (4 + -(size + 4) % _BOUNDARY))
        content = segment.content
        source = [content] if isinstance(content, bytes) else encode(content, mtime, threads)
        for chunk in compress(counted(source), segment.compression, segment.level, threads):
            put(chunk)
    return Written(size, unpacked, digest.hexdigest())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # file systems that cannot sync a folder
            raise
    finally:
        os.close(descriptor)


def read_image(stream: BinaryIO, name: str) -> Iterator[tuple[int, str, Member]]:
    """Yield (segment number from 1, its compression, member) of any initramfs that the kernel would accept.

    Each member's content is to be taken before the next one is asked for. Damage raises MkinitfsError that
    begins with `name` (the file) and tells segment and offset.
    """
    tape = Tape.of(stream, name)
    archives = 0
    for segment in range(1, 1 << 31):
        tape.skip_zeros()
        head = tape.peek(6)
        if not head:
            if segment == 1:
                raise MkinitfsError(f"{name}: is empty", "it is no initramfs")
            return
        subject = f"{name}: segment {segment} at offset {tape.offset}"
        compression = sniff(head)
        if head.startswith(b"0707") or b"070701".startswith(head):
            if tape.offset % 4:
                raise MkinitfsError(f"{subject}: does not begin at a multiple of 4", "the kernel would refuse it")
            compression = "none"
            members = read_archive(tape, f"{name}: segment {segment}", archives)
        elif compression is None:
            raise MkinitfsError(
                f"{subject}: neither a cpio archive nor a compression that the kernel knows ({head.hex()})",
                "the file is damaged or truncated, or it is no initramfs",
            )
        else:
            members = read(Tape(decompress(tape, compression, subject)), f"{subject} ({compression})", archives)
        for member in members:
            archives = member.archive
            yield segment, compression, member
        archives += 1


def members_of(path: Path) -> Iterator[tuple[int, str, Member]]:
    """read_image() of the file `path`."""
    try:
        with path.open("rb") as stream:
            yield from read_image(stream, str(path))
    except OSError as error:
        raise MkinitfsError.of(path, error) from error


def read_file(path: Path, wanted: str) -> bytes:
    """What the file `wanted` holds once the kernel has unpacked `path`: links followed, the last one wins."""
    links: dict[str, str] = {}
    names: set[str] = set()
    for _, _, member in members_of(path):
        name = _normal(member.record.name)
        names.add(name)
        links.pop(name, None)
        if stat.S_ISLNK(member.record.mode):
            links[name] = member.target
    real = follow(wanted, links)
    if real not in names:
        raise MkinitfsError(f"{path}: there is no /{real} in it", f"mkinitfs list {path} shows what there is")
    return _content_of(path, real)


def _normal(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in {"", "."})


def _content_of(path: Path, real: str) -> bytes:
    """The content of the last regular file `real`, or of the hard link that carries it."""
    contents: dict[tuple[int, ...], bytes] = {}
    last: tuple[int, ...] | None = None
    keys = set(_link_keys(path, real))
    for _, _, member in members_of(path):
        key = link_key(member)
        if key in keys and member.record.size:
            contents[key] = member.read()
        if _normal(member.record.name) == real:
            last = key
    if last is None:
        raise MkinitfsError(f"{path}: /{real} is not a regular file")
    return contents.get(last, b"")


def _link_keys(path: Path, real: str) -> Iterator[tuple[int, ...]]:
    for _, _, member in members_of(path):
        key = link_key(member)
        if key is not None and _normal(member.record.name) == real:
            yield key


def link_key(member: Member) -> tuple[int, ...] | None:
    """What members that are one file have in common; None where `member` is not a regular file."""
    record = member.record
    if not stat.S_ISREG(record.mode):
        return None
    if record.nlink < 2:
        return (member.archive, member.offset)
    return (member.archive, record.devmajor, record.devminor, record.ino)
