"""Compressed streams: limits, and bytes that depend on nothing but content, algorithm and level."""

import bz2
import gzip
import lzma
import random

import pytest
import zstandard

from mkinitfs.archive.compress import LEVELS, check_level, compress, decompress, in_order, sniff, unpack_file
from mkinitfs.archive.tape import Tape
from mkinitfs.errors import MkinitfsError

FAST = {"zstd": 3, "xz": 0, "gzip": 1, "lz4": 1, "none": None}
PACKED = [name for name in LEVELS if name != "none"]


def sample(size: int) -> bytes:
    rng = random.Random(2)
    words = [rng.randbytes(12) for _ in range(200)]
    return b"".join(rng.choices(words, k=size // 12 + 1))[:size]


@pytest.mark.parametrize("algorithm", PACKED)
def test_bytes_depend_neither_on_cores_nor_on_how_the_input_is_cut(algorithm):
    data = sample(9 << 20)  # more than one block of each algorithm
    one = b"".join(compress([data], algorithm, FAST[algorithm], 1))
    pieces = [data[at : at + 77_777] for at in range(0, len(data), 77_777)]
    assert b"".join(compress(pieces, algorithm, FAST[algorithm], 3)) == one
    assert sniff(one[:6]) == algorithm
    assert b"".join(decompress(Tape([one]), algorithm, "x")) == data


@pytest.mark.parametrize("algorithm", PACKED)
@pytest.mark.parametrize("end", [0, 2])
def test_every_limit_of_the_levels_works(algorithm, end):
    level = (LEVELS[algorithm][0], 0, LEVELS[algorithm][1])[end]
    data = sample(100_000)
    assert b"".join(decompress(Tape(compress([data], algorithm, level, 1)), algorithm, "x")) == data


@pytest.mark.parametrize("algorithm", PACKED)
def test_a_level_out_of_range_names_the_range(algorithm):
    lowest, highest, _ = LEVELS[algorithm]
    for level in (lowest - 1, highest + 1):
        with pytest.raises(MkinitfsError, match=f"level {level} is out of range") as caught:
            compress([], algorithm, level)
        assert f"from {lowest} to {highest}" in caught.value.hint


def test_the_default_levels_are_quick():
    """Seconds of processor time for a generic image, where the last percent would take a minute (zstd 19, gzip 9)."""
    assert {name: check_level(name, None) for name in LEVELS} == {"zstd": 9, "xz": 6, "gzip": 6, "lz4": 9, "none": 0}


def test_an_unknown_algorithm_names_the_known_ones():
    with pytest.raises(MkinitfsError, match="compression zip: unknown") as caught:
        check_level("zip", None)
    assert "zstd, xz, gzip, lz4, none" in caught.value.hint


@pytest.mark.parametrize("algorithm", PACKED)
def test_the_reader_stops_right_behind_the_stream(algorithm):
    data = sample(50_000)
    tape = Tape([*compress([data], algorithm, FAST[algorithm], 1), b"\0\0\0\0070701"])
    assert b"".join(decompress(tape, algorithm, "x")) == data
    assert tape.take(99) == b"\0\0\0\0070701"


@pytest.mark.parametrize("pack", [bz2.compress, lambda data: lzma.compress(data, lzma.FORMAT_ALONE)])
def test_formats_that_are_only_read(pack):
    packed = pack(sample(300_000))
    algorithm = sniff(packed[:6])
    tape = Tape([packed[:100], packed[100:] + b"tail"])
    assert b"".join(decompress(tape, algorithm, "x")) == sample(300_000)
    assert tape.take(9) == b"tail"


@pytest.mark.parametrize("algorithm", PACKED)
def test_a_cut_stream_is_told(algorithm):
    packed = b"".join(compress([sample(50_000)], algorithm, FAST[algorithm], 1))
    for length in (7, len(packed) // 2, len(packed) - 1):
        with pytest.raises(MkinitfsError, match=f"^img: {algorithm} data ends too early"):
            list(decompress(Tape([packed[:length]]), algorithm, "img"))


def test_a_bomb_is_unpacked_in_small_pieces():
    bomb = gzip.compress(bytes(64 << 20))
    assert max(map(len, decompress(Tape([bomb]), "gzip", "x"))) <= 64 << 10


def test_gzip_carries_no_time_and_no_name():
    assert b"".join(compress([b"x"], "gzip", 9, 1))[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


@pytest.mark.parametrize("pack", [lzma.compress, gzip.compress, zstandard.compress, bytes])
def test_unpack_file_by_content_and_several_streams(tmp_path, pack):
    path = tmp_path / "module"
    path.write_bytes(pack(b"one") + pack(b"two"))
    assert unpack_file(path) == b"onetwo"


@pytest.mark.parametrize("pack", [lzma.compress, gzip.compress, zstandard.compress])
def test_unpack_file_names_a_damaged_or_missing_file(tmp_path, pack):
    path = tmp_path / "module.ko"
    for damaged in (pack(sample(5000))[:-9], pack(sample(5000)) + b"tail"):
        path.write_bytes(damaged)
        with pytest.raises(MkinitfsError, match=f"^{path}: cannot be unpacked"):
            unpack_file(path)
    with pytest.raises(MkinitfsError, match="gone: No such file"):
        unpack_file(tmp_path / "gone")


def test_in_order_takes_no_more_than_it_needs():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = in_order(lambda number: number * 2, items(), 2)
    assert next(results) == 0
    assert len(taken) <= 3
    results.close()
    assert list(in_order(str, range(50), 3)) == [str(number) for number in range(50)]


def test_an_error_of_the_stream_is_not_taken_for_damage():
    with open("/proc/self/mem", "rb", 0) as stream, pytest.raises(MkinitfsError, match=r"^mem: Input/output error"):
        Tape.of(stream, "mem").take(1)  # nothing is ever mapped at address 0
