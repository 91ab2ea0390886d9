"""Damage of any kind to a real ELF file ends in a MkinitfsError or in a reading of what is left."""

import functools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mkinitfs.elf import elf
from mkinitfs.errors import MkinitfsError

FILES = [path for path in ("/usr/bin/true", "/usr/sbin/losetup", "/lib32/libc.so.6") if Path(path).exists()]


@functools.cache
def content(path: str) -> bytes:
    return Path(path).read_bytes()


def test_files_are_there() -> None:
    assert FILES


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_truncation_is_seen(data: st.DataObject) -> None:
    whole = content(data.draw(st.sampled_from(FILES)))
    near = st.integers(0, 2000) | st.integers(0, len(whole) - 1)
    with pytest.raises(MkinitfsError, match=r"^/x: "):
        elf.parse(whole[: data.draw(near)], "/x")


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_flipped_bytes_raise_nothing_else(data: st.DataObject) -> None:
    whole = bytearray(content(data.draw(st.sampled_from(FILES))))
    dynamic = whole.find(b"\0GLIBC_") & ~0xFFF
    place = st.integers(0, 1200) | st.integers(dynamic, dynamic + 8000) | st.integers(0, len(whole) - 1)
    for position in data.draw(st.lists(place, min_size=1, max_size=6)):
        whole[min(position, len(whole) - 1)] ^= data.draw(st.integers(1, 255))
    try:
        assert isinstance(elf.parse(bytes(whole), "/x"), elf.ElfInfo)
    except MkinitfsError as error:
        assert error.message.startswith("/x: ")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_noise_behind_the_magic_raises_nothing_else(noise: bytes) -> None:
    for head in (b"", elf.MAGIC, elf.MAGIC + b"\2\1\1", elf.MAGIC + b"\1\2\1"):
        with pytest.raises(MkinitfsError):
            elf.parse(head + noise, "/x")
