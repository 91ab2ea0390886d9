"""kmod's index of prefixes: what goes in is found again, in order."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from mkinitfs.modules.binary_index import pack


def read(data: bytes) -> list[tuple[str, str, int]]:
    """Every (key, value, priority), walking the tree as libkmod does."""
    magic, version, root = struct.unpack_from(">III", data)
    assert (magic, version) == (0xB007F457, 0x00020001)
    found: list[tuple[str, str, int]] = []

    def text(at: int) -> tuple[str, int]:
        end = data.index(b"\0", at)
        return data[at:end].decode(), end + 1

    def walk(offset: int, key: str) -> None:
        at = offset & 0x0FFFFFFF
        if offset >> 31 & 1:
            prefix, at = text(at)
            key += prefix
        if offset >> 29 & 1:
            first, last = data[at], data[at + 1]
            at += 2
            for byte in range(first, last + 1):
                (child,) = struct.unpack_from(">I", data, at)
                at += 4
                if child:
                    walk(child, key + chr(byte))
        if offset >> 30 & 1:
            (count,) = struct.unpack_from(">I", data, at)
            at += 4
            for _ in range(count):
                (priority,) = struct.unpack_from(">I", data, at)
                value, at = text(at + 4)
                found.append((key, value, priority))

    walk(root, "")
    return found


word = st.text(st.sampled_from("ab:*_"), max_size=5)


@given(st.lists(st.tuples(word.filter(bool), word), max_size=20))
def test_what_goes_in_is_found_again(pairs: list[tuple[str, str]]) -> None:
    expected = [(key, value, number) for number, (key, value) in enumerate(pairs)]
    assert sorted(read(pack(pairs)), key=lambda item: item[2]) == expected
