"""A partition table is whatever somebody wrote into a file: no reader fails, loops or asks for too much."""

import binascii
import struct

from hypothesis import example, given
from hypothesis import strategies as st

from init.boot.partitions import Table, read
from init.operations import End, ReadAt, StepError
from tests.machine import Machine

END = 1 << 40


def answers(data: dict[int, bytes], end: int = END) -> Table | None:
    """Read a table from sparse content: pieces by their offset, zeros elsewhere."""

    def piece(operation: ReadAt) -> bytes:
        assert 0 <= operation.offset < 1 << 63
        assert 0 <= operation.size <= 1 << 20
        content = bytearray(operation.size)
        for offset, there in data.items():
            at = offset - operation.offset
            if -len(there) < at < operation.size:
                content[max(0, at) : at + len(there)] = there[max(0, -at) : operation.size - at]
        return bytes(content)[: operation.size]

    machine = Machine({ReadAt: piece}, limit=400)
    found: Table | None = machine.returned(read("x", end))
    assert set(machine.names(End)) == {"ReadAt"}
    return found


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
