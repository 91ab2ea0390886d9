"""Compressed streams as the kernel's unpackers read them (lib/decompress_*.c): chunks in, chunks out.

Bytes depend on the input, the algorithm and the level only, never on how many cores worked or how the input
was cut. So every algorithm cuts its input into blocks of a fixed size:

- zstd: one frame, libzstd's own jobs of four windows. No worker gives other bytes than one, one the same as
  many, so there is always one. Windows stay within the kernel's 128 MiB.
- xz: one stream (the kernel takes no more) of several blocks, put together here from liblzma's streams of one
  block each, because Python's lzma knows no threads. The check is CRC32, the one the kernel has.
- gzip: one member; each block primed with the 32 KiB before it, ended at a byte boundary (RFC 1951).
- lz4: the legacy frame, blocks of 8 MiB.

The readers stop exactly where the kernel's do, because another segment may follow.
"""

import bz2
import gzip
import lzma
import os
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar

import lz4.block
import zstandard

from mkinitfs.archive import lzo
from mkinitfs.archive.tape import Tape
from mkinitfs.errors import MkinitfsError

# Per algorithm: lowest, highest and default level. Beyond zstd's 9 and gzip's 6 each percent saved takes many times
# as long.
LEVELS = {"zstd": (1, 22, 9), "xz": (0, 9, 6), "gzip": (1, 9, 6), "lz4": (1, 12, 9), "none": (0, 0, 0)}

_ZSTD_WORKERS = 16
_LZ4_MAGIC = 0x184C2102
_LZ4_BLOCK = 8 << 20
_LZ4_BOUND = _LZ4_BLOCK + _LZ4_BLOCK // 255 + 16  # LZ4_COMPRESSBOUND of a full block
_GZIP_BLOCK = 1 << 20
_GZIP_WINDOW = 32 << 10
# Dictionary sizes of the presets, xz(1), in MiB; a block of three dictionaries is what `xz -T` takes too.
_XZ_DICTIONARY = (0.25, 1, 2, 4, 4, 8, 8, 16, 32, 64)
_PIECE = 64 << 10  # what the readers yield at the most, bombs included
_MEMORY = 1 << 29  # bytes that an xz or lzma header may ask for; xz -9 needs 65 MiB
_WINDOW = 1 << 27  # ZSTD_WINDOWSIZE_MAX of lib/decompress_unzstd.c

_MAGICS = (
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x1f\x8b", "gzip"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"BZh", "bzip2"),
    (b"\x5d\0\0", "lzma"),
    (lzo.MAGIC[:6], "lzo"),
)
_CODEC_ERRORS = (lzma.LZMAError, zlib.error, zstandard.ZstdError, lz4.block.LZ4BlockError)
_DATA_ERRORS = (*_CODEC_ERRORS, OSError, EOFError, ValueError)

A = TypeVar("A")
B = TypeVar("B")


def in_order(function: Callable[[A], B], items: Iterable[A], threads: int) -> Iterator[B]:
    """Yield function(item) for each item, in order; `threads` calls run at once, one more waits at most."""
    waiting: deque[Future[B]] = deque()
    pool = ThreadPoolExecutor(max(threads, 1))
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # an end before the last item, by an error or a signal, does not wait for a large block
        pool.shutdown(wait=False, cancel_futures=True)


def blocks(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes cut every `size` bytes; the last block is shorter, and none is empty."""
    tape = Tape(chunks)
    return iter(lambda: tape.take(size), b"")


def default_threads() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def check_level(algorithm: str, level: int | None) -> int:
    """The level to use, the algorithm's default for None; MkinitfsError names what there is."""
    if algorithm not in LEVELS:
        raise MkinitfsError(f"compression {algorithm}: unknown", f"there are {', '.join(LEVELS)}")
    lowest, highest, default = LEVELS[algorithm]
    if level is None or algorithm == "none":
        return default
    if not lowest <= level <= highest:
        raise MkinitfsError(
            f"compression {algorithm}: level {level} is out of range", f"give a level from {lowest} to {highest}"
        )
    return level


def compress(
    chunks: Iterable[bytes], algorithm: str, level: int | None = None, threads: int | None = None
) -> Iterator[bytes]:
    """Compress `chunks` into one stream of `algorithm` (a key of LEVELS) with `threads` cores (None: all).

    Memory stays bounded by a few blocks per core. A wrong level raises MkinitfsError here, before the first
    chunk.
    """
    level = check_level(algorithm, level)
    threads = max(threads or default_threads(), 1)
    if algorithm == "none":
        return iter(chunks)
    return {"zstd": _zstd, "xz": _xz, "gzip": _gzip, "lz4": _lz4}[algorithm](chunks, level, threads)


def _zstd(chunks: Iterable[bytes], level: int, threads: int) -> Iterator[bytes]:
    # No image has work for more at once, and each takes up to 100 MB.
    workers = min(threads, _ZSTD_WORKERS)
    parameters = zstandard.ZstdCompressionParameters.from_level(level, threads=workers, write_checksum=True)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packing = (partial(stream.compress, block) for block in blocks(chunks, 1 << 20))
    steps: Iterable[Callable[[], bytes]] = chain(packing, [stream.flush])
    # In a thread of its own: the last step may take a minute, and a signal is heard only between steps.
    try:
        yield from in_order(lambda step: step(), steps, 1)
    except zstandard.ZstdError as error:  # its worker threads, too, are "Allocation error : not enough memory"
        raise MemoryError(str(error)) from error


def _gzip(chunks: Iterable[bytes], level: int, threads: int) -> Iterator[bytes]:
    check = size = 0

    def with_dictionary() -> Iterator[tuple[bytes, bytes]]:
        nonlocal check, size
        before = b""
        for block in blocks(chunks, _GZIP_BLOCK):
            check = zlib.crc32(block, check)
            size += len(block)
            yield block, before
            before = block[-_GZIP_WINDOW:]

    def deflate(pair: tuple[bytes, bytes]) -> bytes:
        stream = zlib.compressobj(level, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, pair[1])
        return stream.compress(pair[0]) + stream.flush(zlib.Z_SYNC_FLUSH)

    yield b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # no name, no time, system unknown: RFC 1952
    yield from in_order(deflate, with_dictionary(), threads)
    yield zlib.compressobj(level, zlib.DEFLATED, -15).flush(zlib.Z_FINISH)
    yield struct.pack("<II", check, size & 0xFFFFFFFF)


def _lz4(chunks: Iterable[bytes], level: int, threads: int) -> Iterator[bytes]:
    def block(data: bytes) -> bytes:
        if level < 3:  # as the lz4 program does: high compression begins at 3
            packed: bytes = lz4.block.compress(data, store_size=False)
        else:
            packed = lz4.block.compress(data, mode="high_compression", compression=level, store_size=False)
        return struct.pack("<I", len(packed)) + packed

    yield struct.pack("<I", _LZ4_MAGIC)
    yield from in_order(block, blocks(chunks, _LZ4_BLOCK), threads)


def _xz_number(number: int) -> bytes:
    """A multibyte integer of the .xz file format, section 1.2."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _xz_block(data: bytes, level: int) -> tuple[bytes, bytes]:
    """One block of an .xz stream and its record in the index (.xz file format, sections 2 to 4)."""
    stream = lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_CRC32, level)
    index_size = (struct.unpack("<I", stream[-8:-4])[0] + 1) * 4
    block = stream[12 : -12 - index_size]
    index = stream[-12 - index_size : -16]
    # The indicator, the count (1), two numbers of which neither ends in a zero byte, padding.
    return block, index[2:].rstrip(b"\0")


def _xz(chunks: Iterable[bytes], level: int, threads: int) -> Iterator[bytes]:
    flags = b"\0\x01"  # CRC32
    yield b"\xfd7zXZ\0" + flags + struct.pack("<I", zlib.crc32(flags))
    size = int(max(3 * _XZ_DICTIONARY[level], 1) * (1 << 20))
    records: list[bytes] = []
    for block, record in in_order(lambda data: _xz_block(data, level), blocks(chunks, size), threads):
        records.append(record)
        yield block
    index = b"\0" + _xz_number(len(records)) + b"".join(records)
    index += bytes(-len(index) % 4)
    yield index + struct.pack("<I", zlib.crc32(index))
    footer = struct.pack("<I", len(index) // 4) + flags
    yield struct.pack("<I", zlib.crc32(footer)) + footer + b"YZ"


def sniff(head: bytes) -> str | None:
    """The compression that `head` (6 bytes) begins, as the kernel tells them apart; None for none known."""
    return next((name for magic, name in _MAGICS if head.startswith(magic)), None)


class _Decoder(Protocol):
    """What bz2 and lzma decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def decompress(tape: Tape, algorithm: str, subject: str) -> Iterator[bytes]:
    """Unpack the one stream that begins at `tape` and leave the tape right behind it.

    Truncated or corrupt data raises MkinitfsError that begins with `subject` and tells the offset.
    """
    start = tape.offset
    steps = {"zstd": _unzstd, "gzip": _ungzip, "lz4": _unlz4}
    try:
        if algorithm in steps:
            yield from steps[algorithm](tape)
        elif algorithm in {"xz", "lzma"}:
            kind = lzma.FORMAT_XZ if algorithm == "xz" else lzma.FORMAT_ALONE
            yield from _decode(tape, lzma.LZMADecompressor(kind, memlimit=_MEMORY))
        elif algorithm == "bzip2":
            yield from _decode(tape, bz2.BZ2Decompressor())
        else:
            yield from lzo.decompress(tape.exactly)
    except EOFError as error:
        raise MkinitfsError(f"{subject}: {algorithm} data ends too early, {tape.offset - start} bytes in") from error
    except _DATA_ERRORS as error:
        raise MkinitfsError(
            f"{subject}: corrupt {algorithm} data about {tape.offset - start} bytes in: {error}"
        ) from error


def _pieces(tape: Tape, size: int = 4096) -> Iterator[bytes]:
    """Chunks of what lies ahead, not yet taken: the caller takes what its decoder used."""
    while data := tape.peek(size):
        yield data
    raise EOFError


def _decode(tape: Tape, decoder: _Decoder) -> Iterator[bytes]:
    for data in _pieces(tape):
        feed = data
        while True:
            yield decoder.decompress(feed, _PIECE)
            feed = b""
            if decoder.eof or decoder.needs_input:
                break
        tape.take(len(data) - len(decoder.unused_data))
        if decoder.eof:
            return


def _ungzip(tape: Tape) -> Iterator[bytes]:
    decoder = zlib.decompressobj(31)
    for data in _pieces(tape):
        feed = data
        while not decoder.eof:
            out = decoder.decompress(feed, _PIECE)
            if out:
                yield out
            feed = decoder.unconsumed_tail
            if not feed and len(out) < _PIECE:
                break
        tape.take(len(data) - len(decoder.unused_data))
        if decoder.eof:
            return


def _unzstd(tape: Tape) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
    for data in _pieces(tape):
        yield decoder.decompress(data)
        tape.take(len(data) - len(decoder.unused_data))
        if decoder.eof:
            return


def _unlz4(tape: Tape) -> Iterator[bytes]:
    tape.take(4)
    while head := tape.peek(4):
        if len(head) < 4 and head.strip(b"\0"):
            raise EOFError
        size = int.from_bytes(head, "little")
        if size == _LZ4_MAGIC:  # frames one after the other are one stream to the kernel
            tape.take(4)
            continue
        if not 0 < size <= _LZ4_BOUND:  # zero padding or another segment
            return
        tape.take(4)
        block = tape.exactly(size)
        yield lz4.block.decompress(block, uncompressed_size=_LZ4_BLOCK)


def unpack_file(path: Path) -> bytes:
    """The content of a .xz, .zst or .gz file, by its magic; a file of no known compression as it is.

    Raises MkinitfsError that names `path` when it cannot be read or does not unpack.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MkinitfsError.of(path, error) from error
    try:
        match sniff(data[:6]):
            case "xz":
                return lzma.decompress(data, lzma.FORMAT_XZ, _MEMORY)
            case "gzip":
                return gzip.decompress(data)
            case "zstd":
                return _unpack_zstd(data)
    except _DATA_ERRORS as error:
        raise MkinitfsError(f"{path}: cannot be unpacked: {error or 'truncated'}", "copy the file afresh") from error
    return data


def _unpack_zstd(data: bytes) -> bytes:
    """All frames of `data`, end to end."""
    tape = Tape([data])
    out: list[bytes] = []
    while head := tape.peek(4):
        if sniff(head) != "zstd":
            raise ValueError("garbage after the last frame")
        out.extend(_unzstd(tape))
    return b"".join(out)
