"""The programs of the field unpack what we compress, and we unpack what they compress."""

import subprocess
from pathlib import Path

import pytest

from mkinitfs.archive.compress import LEVELS, compress, decompress, sniff
from mkinitfs.archive.tape import Tape

LEVEL = {"zstd": 5, "xz": 1, "gzip": 6, "lz4": 9}
WRITERS = {
    "zstd": ["zstd", "-q", "-T2", "-c"], "xz": ["xz", "-1", "--check=crc32", "-T2", "-c"],
    "gzip": ["gzip", "-c"], "lzo": ["lzop", "-c"],
    "lz4": ["lz4", "-q", "-l", "-c"], "bzip2": ["bzip2", "-c"], "lzma": ["xz", "--format=lzma", "-1", "-c"],
}  # fmt: skip
DATA = b"".join(path.read_bytes() for path in sorted(Path("/usr/lib/python3.11").glob("*.py")))[: 9 << 20]


@pytest.mark.parametrize("algorithm", LEVEL)
@pytest.mark.parametrize("data", [DATA * 2, b"", b"x"], ids=["large", "empty", "one"])
def test_they_unpack_ours(algorithm, data):
    packed = b"".join(compress([data], algorithm, LEVEL[algorithm], 2))
    done = subprocess.run([algorithm, "-dc"], input=packed, capture_output=True, check=True)
    assert done.stdout == data


@pytest.mark.parametrize("algorithm", WRITERS)
def test_we_unpack_theirs(algorithm):
    packed = subprocess.run(WRITERS[algorithm], input=DATA, capture_output=True, check=True).stdout
    assert sniff(packed[:6]) == algorithm
    tape = Tape([packed + bytes(4)])
    assert b"".join(decompress(tape, algorithm, "x")) == DATA
    assert tape.take(9) == bytes(4)


def test_xz_says_that_our_stream_is_one_stream_of_blocks_with_crc32(tmp_path):
    (tmp_path / "x.xz").write_bytes(b"".join(compress([DATA], "xz", 0, 2)))  # level 0: blocks of 1 MiB
    listed = subprocess.check_output(["xz", "--robot", "--list", tmp_path / "x.xz"], text=True)
    [line] = [line.split("\t") for line in listed.splitlines() if line.startswith("file")]
    streams, blocks, _, unpacked, _, check = line[1:7]
    assert (streams, blocks, unpacked, check) == ("1", str(-(-len(DATA) // (1 << 20))), str(len(DATA)), "CRC32")


@pytest.mark.parametrize("level", [9, 19])
def test_zstd_is_as_small_as_the_program(level):
    ours = sum(map(len, compress([DATA], "zstd", level, 2)))
    theirs = len(subprocess.run(["zstd", f"-{level}", "-q", "-T2", "-c"], input=DATA, capture_output=True).stdout)
    assert ours <= theirs * 1.01


def test_zstd_windows_fit_the_kernel_at_every_level():
    import zstandard

    for level in range(LEVELS["zstd"][0], LEVELS["zstd"][1] + 1):
        frame = b"".join(compress([b"x"], "zstd", level, 1))
        assert zstandard.get_frame_parameters(frame).window_size <= 128 << 20
