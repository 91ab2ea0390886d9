"""File systems as their own tools make them are told apart."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from init.fstype import HEAD, probe


def head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


@pytest.mark.parametrize(
    ("command", "megabytes", "fstype"),
    [
        (["mke2fs", "-q", "-t", "ext4"], 8, "ext4"),
        (["mke2fs", "-q", "-t", "ext3"], 8, "ext4"),  # one driver serves all three
        (["mke2fs", "-q", "-t", "ext2", "-b", "4096"], 8, "ext4"),
        (["mkfs.xfs", "-q"], 300, "xfs"),
        (["mkswap"], 8, ""),
    ],
)
def test_made_by_its_own_tool(tmp_path: Path, command: list[str], megabytes: int, fstype: str) -> None:
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    image.chmod(0o600)
    subprocess.run([*command, str(image)], check=True, capture_output=True)
    assert probe(head(image)) == fstype


def written(offset: int, magic: bytes) -> bytes:
    return bytes(offset) + magic + bytes(HEAD - offset - len(magic))


@pytest.mark.parametrize(
    ("offset", "magic", "fstype"),
    [
        (0, b"hsqs", "squashfs"),
        (1024, bytes.fromhex("e2e1f5e0"), "erofs"),
        (0x10040, b"_BHRfS_M", "btrfs"),
        (0x438, bytes.fromhex("53ef"), "ext4"),
        (0, b"XFSB", "xfs"),
        (0, b"LUKS\xba\xbe", ""),
        (1, b"XFSB", ""),
        (0, b"#!/bin/sh", ""),
    ],
)
def test_magic_numbers_where_the_formats_put_them(offset: int, magic: bytes, fstype: str) -> None:
    assert probe(written(offset, magic)) == fstype


@pytest.mark.parametrize("length", [0, 1, 3, 0x438, 0x439, 1025, HEAD - 1])
def test_short_files(length: int) -> None:
    assert probe(bytes(length)) == ""
    assert probe(written(0x10040, b"_BHRfS_M")[: HEAD - 1]) == ""
    assert probe(written(0x438, b"\x53\xef")[:0x439]) == ""
