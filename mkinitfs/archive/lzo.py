"""Reading what lzop writes: a container of blocks, each packed with LZO1X.

Sources: Documentation/staging/lzo.rst of the kernel for the stream, lib/decompress_unlzo.c for the parts of the
container that the kernel wants, lzop(1) for its sums. Nothing writes it here: zstd is smaller and unpacks as fast.
"""

import struct
import zlib
from collections.abc import Callable, Iterator

MAGIC = b"\x89LZO\0\r\n\x1a\n"

_LARGEST = 256 << 10  # LZO_BLOCK_SIZE: a larger block the kernel refuses
_METHODS = (1, 2, 3)  # LZO1X-1, LZO1X-1(15), LZO1X-999: one stream format
_MTIME_HIGH_SINCE = 0x0940  # the version of lzop that has level and upper half of the time in its header
# Flags of the header: which sums stand before a block, of its content and of its packed bytes.
_ADLER32_D, _ADLER32_C, _CRC32_D, _CRC32_C = 0x1, 0x2, 0x100, 0x200
_FILTER, _HEADER_CRC32 = 0x800, 0x1000

Take = Callable[[int], bytes]  # exactly so many bytes of the input; EOFError where it ends before


def decompress(take: Take) -> Iterator[bytes]:
    """The content of one lzop stream, block by block; what follows its last block is not touched.

    ValueError for what is corrupt or what the kernel does not read, EOFError from `take`.
    """
    flags = _header(take)
    while size := _number(take):
        if size > _LARGEST:
            raise ValueError(f"a block of {size} bytes, where the kernel takes {_LARGEST}")
        packed_size = _number(take)
        if not 0 < packed_size <= size:
            raise ValueError(f"a block of {size} bytes packed into {packed_size}")
        sums = [(zlib.adler32, _number(take))] if flags & _ADLER32_D else []
        sums += [(zlib.crc32, _number(take))] if flags & _CRC32_D else []
        if packed_size < size:  # else the block lies there as it is
            take(4 * (bool(flags & _ADLER32_C) + bool(flags & _CRC32_C)))
        packed = take(packed_size)
        data = packed if packed_size == size else unpack(packed, size)
        if any(function(data) != expected for function, expected in sums):
            raise ValueError("a block with a wrong checksum")
        yield data


def _number(take: Take) -> int:
    return int.from_bytes(take(4), "big")


def _header(take: Take) -> int:
    """Take the header of a stream and return its flags."""
    if take(len(MAGIC)) != MAGIC:
        raise ValueError("no lzop header")
    head = take(7)
    version, _, _, method = struct.unpack(">HHHB", head)
    if method not in _METHODS:
        raise ValueError(f"method {method} is not LZO1X")
    recent = version >= _MTIME_HIGH_SINCE
    if recent:
        head += take(1)
    field = take(4)
    flags = int.from_bytes(field, "big")
    if flags & _FILTER:
        raise ValueError("packed with a filter, which the kernel would not undo")
    head += field + take(12 if recent else 8)  # mode and time
    length = take(1)
    head += length + take(length[0])
    if _number(take) != (zlib.crc32 if flags & _HEADER_CRC32 else zlib.adler32)(head):
        raise ValueError("a header with a wrong checksum")
    return flags


def unpack(data: bytes, size: int) -> bytes:
    """The `size` bytes that one LZO1X stream holds. Raises ValueError where it is corrupt."""
    try:
        out, used = _unpack(data, size)
    except IndexError:
        raise ValueError("a block that ends within an instruction") from None
    if used != len(data) or len(out) != size:
        raise ValueError(f"a block of {len(out)} bytes, {used} of {len(data)} used, where {size} are expected")
    return bytes(out)


def _unpack(data: bytes, size: int) -> tuple[bytearray, int]:
    """Content, and how much of `data` it took. Input that is too short ends in an IndexError.

    Names as in lzo.rst: after a copy of `length` bytes from `distance` back come 0 to 3 `literals`. `state` is their
    number, or 4 after a long run of them, and decides what codes below 16 mean. The commonest codes are read here, the
    others in _copy(): a call costs more than the work.
    """
    out = bytearray()
    state = at = 0
    if data[0] > 17:
        at = data[0] - 16
        out += data[1:at]
        state = min(at - 1, 4)
    while True:
        code = data[at]
        at += 1
        if code >= 64:  # 3 to 8 bytes within 2 KiB
            length = (code >> 5) + 1
            distance = (data[at] << 3) + (code >> 2 & 7) + 1
            literals = code & 3
            at += 1
        elif code >= 16 or state:
            length, distance, literals, at = _copy(data, at, code, state)
            if not distance:
                return out, at
        else:  # a long run of literals
            length, at = _length(data, at, code, 15)
            out += data[at : at + length + 3]
            at += length + 3
            state = 4
            continue
        start = len(out) - distance
        if start < 0 or len(out) + length > size:
            raise ValueError("a block that copies from outside of itself")
        if distance >= length:
            out += out[start : start + length]
        else:
            out += (out[start:] * (length // distance + 1))[:length]
        if literals:
            out += data[at : at + literals]
            at += literals
        state = literals


def _copy(data: bytes, at: int, code: int, state: int) -> tuple[int, int, int, int]:
    """Length, distance (0: the end of the block) and literals of a copy by a code below 64, and what follows it."""
    if code < 16:  # 3 bytes behind 2 KiB, or 2 bytes within 1 KiB
        length, nearest = (3, 2049) if state == 4 else (2, 1)
        return length, (data[at] << 2) + (code >> 2) + nearest, code & 3, at + 1
    mask = 31 if code >= 32 else 7
    length = code & mask
    if not length:
        length, at = _length(data, at, code, mask)
    word = data[at] | data[at + 1] << 8
    if code >= 32:  # within 16 KiB
        return length + 2, (word >> 2) + 1, word & 3, at + 2
    distance = (word >> 2) + ((code & 8) << 11)  # behind 16 KiB, up to 48 KiB
    if not distance and length != 1:
        raise ValueError("a block with a strange end")
    return length + 2, distance and distance + 0x4000, word & 3, at + 2


def _length(data: bytes, at: int, code: int, mask: int) -> tuple[int, int]:
    """A length: in the low bits of `code`, or where they are 0 in the bytes from `at` on; and what follows it."""
    length = code & mask
    if length:
        return length, at
    length = mask
    while not data[at]:
        length += 255
        at += 1
    return length + data[at], at + 1
