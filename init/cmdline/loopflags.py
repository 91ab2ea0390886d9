"""The grammar of `loopflags=`: mount options, and beside them what losetup(8), mount(8) and root= call these things."""

from __future__ import annotations

from init.system.stdlib import NamedTuple

_SECTORS = ("512", "1024", "2048", "4096")


class Flags(NamedTuple):
    """Where in a container the root lies, and how the two are attached and mounted; sizes in bytes."""

    options: tuple[str, ...] = ()  # the file system's own, for its mount
    read_only: bool = False  # nothing is ever written
    offset: int | None = None  # None: found out
    size: int = 0  # 0: all that follows
    sector: int = 0  # the loop device's logical block size; 0: as large as fits
    direct: bool = True  # direct I/O, where the share can do it
    partscan: bool = False  # the whole file is attached, and the kernel reads its table
    partition: str = ""  # a word of the kernel's root=: PARTUUID=..., PARTLABEL=...; "": found out


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
    from init.cmdline import size  # late: few boots need it

    number = size.losetup(value)
    if number is None:
        mistakes.append(f"loopflags={word}: a number of bytes is meant")
    return number or 0
