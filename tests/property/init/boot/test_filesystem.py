"""The beginning of a file is anything: no reader of super blocks fails."""

from hypothesis import given
from hypothesis import strategies as st

from init.boot.filesystem import HEAD, probe, sector


@given(
    st.binary(max_size=2048),
    st.sampled_from([0, 0x438, 1024, 0x10040]),
    st.sampled_from([b"XFSB", b"hsqs", b"\x53\xef", b"_BHRfS_M", b"\xe2\xe1\xf5\xe0"]),
)
def test_any_beginning_of_a_file(noise: bytes, offset: int, magic: bytes) -> None:
    data = bytearray((noise * (HEAD // max(1, len(noise)) + 1))[:HEAD])
    data[offset : offset + len(magic)] = magic
    filesystem = probe(bytes(data))
    if filesystem:
        assert filesystem.unit >= 512 and filesystem.size >= 0
        for end in (0, 511, 1 << 20, (1 << 20) + 512):
            assert sector(filesystem.unit, end) in (512, 1024, 2048, 4096)
