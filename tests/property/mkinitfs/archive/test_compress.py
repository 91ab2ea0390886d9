"""Any bytes, cut in any way, come back from every compression."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mkinitfs.archive.compress import LEVELS, blocks, compress, decompress
from mkinitfs.archive.tape import Tape

PACKED = [name for name in LEVELS if name != "none"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(max_size=2000), max_size=6), st.sampled_from(PACKED), st.integers(1, 999), st.binary(max_size=9)
)
def test_round_trip_and_nothing_taken_of_what_follows(chunks, algorithm, step, tail):
    packed = b"".join(compress(chunks, algorithm, 1, 2))
    padded = packed + bytes(4) + tail
    tape = Tape(padded[at : at + step] for at in range(0, len(padded), step))
    assert b"".join(decompress(tape, algorithm, "x")) == b"".join(chunks)
    assert tape.take(99) == bytes(4) + tail


@given(st.lists(st.binary(max_size=50)), st.integers(1, 60))
def test_blocks_keep_the_bytes(chunks, size):
    found = list(blocks(chunks, size))
    assert b"".join(found) == b"".join(chunks)
    assert all(len(block) == size for block in found[:-1])
    assert all(found)
