"""The grammar of `loopflags=`: mount options, and beside them what losetup(8), mount(8) and root= call these things."""

from __future__ import annotations

from init.system.stdlib import NamedTuple

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}  # losetup(8): KiB and K are the same
_SECTORS = ("512", "1024", "2048", "4096")


class Flags(NamedTuple):
    """`options` are the file system's. 0 and "" mean automatic; `offset` is None for that. Sizes in bytes.

    `partition` is a word of the kernel's root=: PARTUUID=..., PARTLABEL=...
    """

    options: tuple[str, ...] = ()
    read_only: bool = False
    offset: int | None = None
    size: int = 0
    sector: int = 0
    direct: bool = True
    partscan: bool = False
    partition: str = ""


def parse(text: str, mistakes: list[str]) -> Flags:
    """Read the words of loopflags=; what is wrong with them is appended to `mistakes`."""
    flags = Flags()
    for word in filter(None, text.split(",")):
        flags = _word(flags, word, mistakes)
    if flags.offset is not None and (flags.partition or flags.partscan):
        mistakes.append("loopflags=: offset= says where, so neither a partition's name nor partscan can")
    if flags.size and flags.offset is None:
        mistakes.append("loopflags=: sizelimit= means nothing without offset=")
    return flags


def _word(flags: Flags, word: str, mistakes: list[str]) -> Flags:
    name, _, value = word.partition("=")
    match name:
        case "offset":
            return flags._replace(offset=_size(word, value, mistakes))
        case "sizelimit":
            return flags._replace(size=_size(word, value, mistakes))
        case "sector-size":
            if value not in _SECTORS:
                mistakes.append(f"loopflags={word}: one of {', '.join(_SECTORS)} is meant")
            return flags._replace(sector=int(value) if value in _SECTORS else 0)
        case "direct-io":
            if value not in ("", "on", "off"):
                mistakes.append(f"loopflags={word}: on or off is meant")
            return flags._replace(direct=value != "off")
        case "PARTUUID" | "PARTLABEL":
            return flags._replace(partition=word)
    if word == "partscan":
        return flags._replace(partscan=True)
    if word in ("ro", "rw"):
        return flags._replace(read_only=flags.read_only or word == "ro")
    return flags._replace(options=(*flags.options, word))


def _size(word: str, value: str, mistakes: list[str]) -> int:
    number = size(value)
    if number is None:
        mistakes.append(f"loopflags={word}: a number of bytes is meant")
    return number or 0


def size(text: str) -> int | None:
    """A number of bytes as losetup(8) writes it (1048576, 1024K, 1MiB), None for anything else."""
    digits = text.rstrip("KMGTiB")
    unit = text[len(digits) :].removesuffix("iB")
    known = digits.isascii() and digits.isdigit() and len(digits) < 20 and unit in _UNITS
    return int(digits) * _UNITS[unit] if known and int(digits) * _UNITS[unit] < 1 << 63 else None
