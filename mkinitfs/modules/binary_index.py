"""The binary indexes that kmod's modprobe reads, where busybox's and /init read the text: modules.dep.bin and others.

A tree of prefixes from keys to values, as libkmod-index.h describes it: numbers of 32 bits, the most significant byte
first; an offset's upper four bits tell which parts of a node are there.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mkinitfs.modules.closure import Closure
from mkinitfs.modules.depmod import normalise

_MAGIC, _VERSION = 0xB007F457, 0x00020001
_PREFIX, _VALUES, _CHILDREN = 1 << 31, 1 << 30, 1 << 29

Pairs = Iterable[tuple[str, str]]


@dataclass(slots=True)
class _Node:
    prefix: bytes = b""
    children: dict[int, "_Node"] = field(default_factory=dict)  # by the first byte of the rest of the key
    values: list[tuple[int, bytes]] = field(default_factory=list)  # with their priority, the lowest number first

    def insert(self, key: bytes, value: tuple[int, bytes]) -> None:
        pairs = enumerate(zip(self.prefix, key, strict=False))
        common = next((at for at, (one, other) in pairs if one != other), min(len(self.prefix), len(key)))
        if common < len(self.prefix):
            rest = _Node(self.prefix[common + 1 :], self.children, self.values)
            self.prefix, self.children, self.values = self.prefix[:common], {self.prefix[common]: rest}, []
        key = key[common:]
        if not key:
            self.values.append(value)
        elif key[0] in self.children:
            self.children[key[0]].insert(key[1:], value)
        else:
            self.children[key[0]] = _Node(key[1:], values=[value])

    def write(self, out: bytearray) -> int:
        """Append the children and then the node; returns its offset with the flags."""
        offsets = {byte: child.write(out) for byte, child in self.children.items()}
        offset = len(out)
        if self.prefix:
            offset |= _PREFIX
            out += self.prefix + b"\0"
        if offsets:
            offset |= _CHILDREN
            first, last = min(offsets), max(offsets)
            out += struct.pack(">BB", first, last)
            out += b"".join(struct.pack(">I", offsets.get(byte, 0)) for byte in range(first, last + 1))
        if self.values:
            offset |= _VALUES
            out += struct.pack(">I", len(self.values))
            out += b"".join(struct.pack(">I", priority) + value + b"\0" for priority, value in self.values)
        return offset


def pack(pairs: Pairs) -> bytes:
    """The index of (key, value) pairs; of several values for a key the first comes first."""
    root = _Node()
    for priority, (key, value) in enumerate(pairs):
        root.insert(_bytes(key), (priority, _bytes(value)))
    out = bytearray(12)
    struct.pack_into(">III", out, 0, _MAGIC, _VERSION, root.write(out))
    return bytes(out)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def files(closure: Closure, texts: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """The binary twins of the indexes in `texts` (index.index_files()), by file name."""
    kernel = closure.kernel
    lines = texts["modules.dep"].splitlines()
    dep = [(line.partition(":")[0].rpartition("/")[2].removesuffix(".ko").replace("-", "_"), line) for line in lines]
    alias = [(normalise(pattern), name) for pattern, name in kernel.alias_lines if name in closure.chosen]
    builtin_alias = [(normalise(pattern), name) for name, pattern in kernel.builtin_info.get("alias", ())]
    yield "modules.dep.bin", pack(dep)
    yield "modules.alias.bin", pack(alias)
    yield "modules.symbols.bin", pack([])
    yield "modules.builtin.bin", pack((name, "") for name in sorted(kernel.builtin))
    yield "modules.builtin.alias.bin", pack(builtin_alias)
