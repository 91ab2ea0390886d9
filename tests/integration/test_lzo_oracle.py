"""The lzop program as oracle: what it packs, of any data, with any of its sums, is read as it was; damage is told."""

import contextlib
import functools
import random
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mkinitfs.archive.compress import decompress
from mkinitfs.archive.lzo import unpack
from mkinitfs.archive.tape import Tape
from mkinitfs.errors import MkinitfsError

FLAGS = [[], ["--crc32"], ["-C"], ["-C", "--crc32"], ["-F"]]


def lzop(data: bytes, *flags: str) -> bytes:
    return subprocess.run(["lzop", "-c", *flags], input=data, capture_output=True, check=True).stdout


def read(packed: bytes) -> bytes:
    return b"".join(decompress(Tape([packed]), "lzo", "img"))


# Repeats from near and far, runs, noise: every instruction of the format has its distance and length.
PART = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda byte, count: bytes([byte]) * count, st.integers(0, 255), st.integers(0, 70_000)),
    st.builds(lambda seed, count: random.Random(seed).randbytes(count), st.integers(0, 3), st.integers(0, 60_000)),
    st.builds(lambda part, count: part * count, st.binary(min_size=1, max_size=9), st.integers(0, 900)),
)
DATA = st.lists(PART, max_size=9).map(b"".join)


@settings(max_examples=80, deadline=None)
@given(DATA, st.integers(1, 9), st.sampled_from(FLAGS), st.integers(1, 999))
@example(b"", 3, [], 1)
@example(bytes(600_000), 9, [], 7)
@example(random.Random(1).randbytes(300_000), 3, ["-C"], 99)
def test_lzop_packs_and_we_read(data, level, flags, step):
    padded = lzop(data, f"-{level}", *flags) + b"\0tail"
    tape = Tape(padded[at : at + step] for at in range(0, len(padded), step))
    assert b"".join(decompress(tape, "lzo", "x")) == data
    assert tape.take(9) == b"\0tail"


@functools.cache
def sample() -> bytes:
    return lzop(b"".join(b"line %d of a text\n" % (number * number % 97) for number in range(800)) + bytes(5000))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 255))
def test_a_changed_byte_is_told(at, change):
    damaged = bytearray(sample())
    damaged[at % len(damaged)] ^= change
    with pytest.raises(MkinitfsError, match=r"^img: (corrupt lzo data about|lzo data ends too early)"):
        read(bytes(damaged))


@settings(deadline=None)
@given(st.integers(0, 9999))
def test_a_cut_stream_is_told(length):
    with pytest.raises(MkinitfsError, match=r"^img: lzo data ends too early, "):
        read(sample()[: length % len(sample())])


@given(st.binary(max_size=400), st.integers(0, 5000))
def test_noise_is_no_block(data, size):
    """Nothing but a ValueError, and never more than was announced."""
    with contextlib.suppress(ValueError):
        assert len(unpack(data, size)) == size


@pytest.mark.parametrize(
    ("start", "end", "value", "reason"),
    [
        (9, 11, b"\x09\x30", "a header with a wrong checksum"),  # without the fields of later versions
        (15, 16, b"\x05", "method 5 is not LZO1X"),
        (17, 21, b"\x03\0\x08\x01", "packed with a filter"),
        (38, 42, b"\0\x04\0\x01", "a block of 262145 bytes, where the kernel takes 262144"),
        (42, 46, b"\0\0\0\0", "packed into 0"),
        (46, 50, b"\0\0\0\0", "a block with a wrong checksum"),
    ],
)
def test_what_is_wrong_is_said(start, end, value, reason):
    damaged = sample()[:start] + value + sample()[end:]
    with pytest.raises(MkinitfsError, match=reason):
        read(damaged)
