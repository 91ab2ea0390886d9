"""A partition table is whatever somebody wrote into a file: no reader fails, loops or asks for too much."""

from __future__ import annotations

import binascii
import struct
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from init import operations
from init.boot.filesystem import HEAD, probe, sector
from init.boot.partitions import Table, read
from init.cmdline.loopflags import parse, size
from init.operations import StepError

END = 1 << 40


def answers(data: dict[int, bytes], end: int = END) -> Table | None:
    """Read a table from sparse content: pieces by their offset, zeros elsewhere."""
    steps = read("x", end)
    answer: Any = None
    for _ in range(400):
        try:
            operation = steps.send(answer)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        assert isinstance(operation, operations.ReadAt)
        assert 0 <= operation.offset < 1 << 63
        assert 0 < operation.size <= 1 << 20 or operation.size == 0
        content = bytearray(operation.size)
        for offset, piece in data.items():
            at = offset - operation.offset
            if -len(piece) < at < operation.size:
                content[max(0, at) : at + len(piece)] = piece[max(0, -at) : operation.size - at]
        answer = bytes(content)[: operation.size]
    raise AssertionError("no end")


entries = st.builds(
    lambda boot, kind, start, count: struct.pack("<B3xB3xII", boot, kind, start, count),
    st.sampled_from([0, 0x80]),
    st.sampled_from([0, 0x05, 0x0F, 0x83, 0x85, 0xEE]) | st.integers(0, 255),
    st.integers(0, 64) | st.integers(0, 2**32 - 1),
    st.integers(0, 64) | st.integers(0, 2**32 - 1),
)
records = st.lists(entries, min_size=4, max_size=4).map(lambda four: bytes(446) + b"".join(four) + b"\x55\xaa")


@given(st.dictionaries(st.integers(0, 64).map(lambda number: number * 512), records, max_size=8), records)
def test_any_chain_of_mbrs_ends(chain: dict[int, bytes], first: bytes) -> None:
    try:
        found = answers({**chain, 0: first})
    except StepError:
        return
    if found:
        numbers = [one.number for one in found.partitions]
        assert len(numbers) == len(set(numbers)) <= 4 + 4 * 128
        assert all(0 < one.start < END and one.size > 0 for one in found.partitions)


@example(2**64 - 1, 1, 128, 0, 2**64 - 1, b"")
@example(2, 2**32 - 1, 128, 0, 0, b"")
@example(2, 4, 0, 0, 0, b"")
@given(
    st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1) | st.integers(0, 200),
    st.sampled_from([0, 127, 128, 256, 2**31]),
    st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=72),
)  # fmt: skip
def test_any_gpt_with_right_checksums(first: int, count: int, width: int, start: int, last: int, name: bytes) -> None:
    entry = struct.pack("<16s16sQQQ72s", b"x" * 16, b"y" * 16, start, last, 0, name)
    table = (entry + bytes(128 * 200))[: min(count * width, 128 * 200)]
    body = bytearray(struct.pack("<8sIIII", b"EFI PART", 0x10000, 92, 0, 0).ljust(72, b"\0"))
    body += struct.pack("<QIII", first, count, width, binascii.crc32(table))
    struct.pack_into("<I", body, 16, binascii.crc32(body))
    protective = bytes(446) + struct.pack("<B3xB3xII", 0, 0xEE, 1, 2**32 - 1) + bytes(48) + b"\x55\xaa"
    try:
        found = answers({min(first, END) * 512: table, 0: protective, 512: bytes(body)})
    except StepError as error:
        assert "damaged" in error.reason
        return
    assert found
    assert all(0 < one.start < END and one.size > 0 for one in found.partitions)


@given(
    st.binary(max_size=2048),
    st.sampled_from([0, 0x438, 1024, 0x10040]),
    st.sampled_from([b"XFSB", b"hsqs", b"\x53\xef", b"_BHRfS_M", b"\xe2\xe1\xf5\xe0"]),
)
def test_any_beginning_of_a_file(noise: bytes, offset: int, magic: bytes) -> None:
    data = bytearray((noise * (HEAD // max(1, len(noise)) + 1))[:HEAD])
    data[offset : offset + len(magic)] = magic
    found = probe(bytes(data))
    if found:
        assert found.unit >= 512 and found.size >= 0
        for end in (0, 511, 1 << 20, (1 << 20) + 512):
            assert sector(found.unit, end) in (512, 1024, 2048, 4096)


@given(st.text(alphabet="offsetizlm-PARTUID=,0123456789KMGTiBrow ", max_size=60))
def test_any_loopflags(text: str) -> None:
    mistakes: list[str] = []
    flags = parse(text, mistakes)
    assert all(mistake.startswith("loopflags=") for mistake in mistakes)
    assert (flags.offset or 0) >= 0 and flags.size >= 0


@given(st.integers(0, 10**6), st.sampled_from(["", "K", "KiB", "M", "MiB", "G", "GiB", "T", "TiB"]))
def test_sizes(number: int, unit: str) -> None:
    factor = 1024 ** " KMGT".index(unit[:1] or " ")
    assert size(f"{number}{unit}") == number * factor
    assert size(f"-{number}{unit}") is None
    assert size(f"{number}{unit}x") is None
