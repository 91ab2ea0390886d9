"""File systems as their own tools make them are told apart."""

import subprocess
from pathlib import Path

import pytest

from init.boot.filesystem import HEAD, probe, sector


def head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def made(path: Path, command: list[str], megabytes: int = 0) -> Path:
    """A file system made by its own tool; one of fixed size where `megabytes` says so."""
    if megabytes:
        with path.open("wb") as file:
            file.truncate(megabytes << 20)
        path.chmod(0o600)
        command = [*command, "{image}"]
    (path.parent / "tree").mkdir(exist_ok=True)
    words = [word.format(image=path, tree=path.parent / "tree") for word in command]
    subprocess.run(words, check=True, capture_output=True)
    return path


@pytest.mark.parametrize(
    ("command", "megabytes", "fstype", "unit"),
    [
        (["mke2fs", "-q", "-t", "ext4", "-b", "4096"], 8, "ext4", 4096),
        (["mke2fs", "-q", "-t", "ext4", "-b", "1024", "-O", "64bit"], 8, "ext4", 1024),
        (["mke2fs", "-q", "-t", "ext3", "-b", "2048"], 8, "ext4", 2048),  # one driver serves all three
        (["mke2fs", "-q", "-t", "ext2", "-b", "4096"], 8, "ext4", 4096),
        (["mke2fs", "-q", "-F", "-t", "ext4", "-b", "65536"], 64, "ext4", 65536),
        (["mkfs.xfs", "-q"], 300, "xfs", 512),
        (["mkfs.xfs", "-q", "-s", "size=4096"], 300, "xfs", 4096),
        (["mkfs.btrfs", "-q"], 120, "btrfs", 4096),
        (["mksquashfs", "{tree}", "{image}", "-quiet"], 0, "squashfs", 1024),
        (["mkfs.erofs", "{image}", "{tree}"], 0, "erofs", 4096),
    ],
)
def test_made_by_its_own_tool(tmp_path: Path, command: list[str], megabytes: int, fstype: str, unit: int) -> None:
    """Type, sector and size; the size may be a block short of the file, and a file system never says more."""
    image = made(tmp_path / "image", command, megabytes)
    found = probe(head(image))
    assert found
    assert (found.fstype, found.unit, found.trouble) == (fstype, unit, "")
    assert image.stat().st_size - 65536 < found.size <= image.stat().st_size


def test_what_is_no_root(tmp_path: Path) -> None:
    assert probe(head(made(tmp_path / "swap", ["mkswap"], 8))) is None


@pytest.mark.parametrize(
    ("requests", "trouble"),
    [("ssv state 0", "journal"), ("ssv state 3", "errors"), ("feature needs_recovery", "journal"), ("ssv state 1", "")],
)
def test_what_an_ext4_says_of_its_state(tmp_path: Path, requests: str, trouble: str) -> None:
    image = made(tmp_path / "image", ["mke2fs", "-q", "-t", "ext4"], 8)
    subprocess.run(["debugfs", "-w", "-R", requests, str(image)], check=True, capture_output=True)
    found = probe(head(image))
    assert found and found.trouble == trouble


def written(offset: int, magic: bytes) -> bytes:
    return bytes(offset) + magic + bytes(HEAD - offset - len(magic))


@pytest.mark.parametrize(
    ("offset", "magic"),
    [(0, b"LUKS\xba\xbe"), (1, b"XFSB"), (0, b"#!/bin/sh"), (0x438, b"\x53\xee"), (1024, b"\xe2\xe1\xf5")],
)
def test_nothing_known(offset: int, magic: bytes) -> None:
    assert probe(written(offset, magic)) is None


def test_an_impossible_block_size_is_no_file_system() -> None:
    assert probe(written(0x418, b"\x07".ljust(0x20, b"\0") + b"\x53\xef")) is None
    assert probe(written(0, b"XFSB")) is None  # sectors of no bytes
    assert probe(written(1024, b"\xe2\xe1\xf5\xe0".ljust(12, b"\0") + b"\xff")) is None


@pytest.mark.parametrize("length", [0, 1, 3, 0x438, 0x439, 1025, HEAD - 1])
def test_short_files(length: int) -> None:
    assert probe(bytes(length)) is None
    assert probe(written(0x10040, b"_BHRfS_M")[: HEAD - 1]) is None
    assert probe(written(0x438, b"\x53\xef")[:0x439]) is None


@pytest.mark.parametrize(
    ("unit", "size", "expected"),
    [
        (4096, 1 << 30, 4096), (65536, 1 << 30, 4096), (1024, 1 << 30, 1024), (512, 1 << 30, 512),
        (4096, (1 << 30) + 512, 512), (4096, (1 << 30) + 2048, 2048), (4096, 1000, 512), (4096, 0, 4096),
    ],
)  # fmt: skip
def test_the_sector_fits_file_system_and_file(unit: int, size: int, expected: int) -> None:
    assert sector(unit, size) == expected
