"""Files that a profile or `--add SRC[:DEST]` names, with all below them and all they need.

SRC is a path on this machine. Libraries and interpreters of what is added come from the sysroot, looked for
from DEST, where the file will lie when it runs.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from mkinitfs.elf import elf, ldso
from mkinitfs.errors import MkinitfsError
from mkinitfs.manifest import Device, Directory, Entry, Fifo, File, OnDisk, Symlink, follow
from mkinitfs.placement import place
from mkinitfs.sysroot import Found, Sysroot

_LATER = ("dev", "proc", "run", "sys", "tmp")  # folders that are filled while the system runs
_HINT = "SRC lies on this machine; SRC:DEST puts it at DEST in the image"
_MODE = 0o755  # as for every file of the sysroot: no set-id bit, only the owner writes


class _Grafted(Sysroot):
    """A sysroot with files from elsewhere put into it; `grafts` maps a real path to the file read for it."""

    def __init__(self, root: Path, grafts: Mapping[str, Path]) -> None:
        super().__init__(root)
        self._grafts = grafts

    def find(self, path: str) -> Found | None:
        return Found(path, path, ()) if path in self._grafts else super().find(path)

    def host(self, real: str) -> Path:
        return self._grafts.get(real) or super().host(real)

    def stat(self, real: str) -> os.stat_result:
        return self._grafts[real].stat() if real in self._grafts else super().stat(real)

    def read(self, path: str, limit: int = -1) -> bytes:
        if path not in self._grafts:
            return super().read(path, limit)
        with self._grafts[path].open("rb") as stream:
            return stream.read(limit)


def from_option(sysroot: Sysroot, text: str, machine: str | None = None) -> list[tuple[str, Entry]]:
    """The entries for one `--add SRC[:DEST]`; a DEST that ends in a slash is the folder to put SRC into.

    `machine` ("EM_X86_64") is what programs have to be for, None for whatever the first one is for.
    """
    source, dest = _split(text)
    if not os.path.lexists(source):
        raise MkinitfsError(f"--add {text}: {source}: no such file or folder", _HINT)
    if not dest:
        absolute = Path(os.path.normpath(source.absolute()))
        inside = absolute.is_relative_to(sysroot.root)
        dest = f"/{absolute.relative_to(sysroot.root)}" if inside else str(absolute)
        if inside and source.is_symlink():
            return from_sysroot(sysroot, dest, f"--add {text}", machine)
    if dest.endswith("/"):
        dest += source.name
    dest = os.path.normpath("/" + dest.lstrip("/"))
    try:
        real = Path(os.path.realpath(source, strict=True))  # resolve() calls a circle of links a RuntimeError
    except OSError as error:
        raise MkinitfsError.of(f"--add {text}", error, f"look where {source} leads to") from error
    return _collect(sysroot, real, dest, f"--add {text}", machine)


def _split(text: str) -> tuple[Path, str]:
    """SRC and DEST. A colon that belongs to the name of an existing file does not part the two."""
    source, colon, dest = text.rpartition(":")
    if text and (not colon or os.path.lexists(text)):
        return Path(text), ""
    if not source or not dest:
        raise MkinitfsError(f"--add {text}: expected SRC or SRC:DEST", _HINT)
    return Path(source), dest


def from_sysroot(sysroot: Sysroot, path: str, reason: str, machine: str | None = None) -> list[tuple[str, Entry]]:
    """The entries for the file or folder at `path` of the sysroot, with the links on the way to it."""
    found = sysroot.require(path)
    links: list[tuple[str, Entry]] = [(link[1:], Symlink(target, reason)) for link, target in found.links]
    return links + _collect(sysroot, sysroot.host(found.real), found.real, reason, machine)


def led_to(
    manifest: Mapping[str, Entry], sysroot: Sysroot, machine: str | None = None
) -> tuple[list[tuple[str, Entry]], list[str]]:
    """The files of the sysroot that links of `manifest` lead to and that are not in it, with all they need; and the
    links ("/a -> b") that lead nowhere, but for those that do so in the sysroot, and what only runs later has.
    """
    links = {path: entry.target for path, entry in manifest.items() if isinstance(entry, Symlink)}
    found: dict[str, Entry] = {}
    lost: list[str] = []
    for path, target in links.items():
        end = follow(path, links)
        merged = "/" not in path  # /bin, whether or not anything is in it
        if merged or end in manifest or end in found or end.partition("/")[0] in _LATER:
            continue
        if sysroot.is_file(f"/{end}"):
            found |= from_sysroot(sysroot, f"/{end}", f"led to by /{path}", machine)
        elif not _lost_there(sysroot, path, target):
            lost.append(f"/{path} -> {target}")
    return list(found.items()), lost


def _lost_there(sysroot: Sysroot, path: str, target: str) -> bool:
    """Whether the sysroot has the same link, and that leads nowhere either."""
    host = sysroot.host(f"/{path}")
    return host.is_symlink() and str(host.readlink()) == target and sysroot.find(f"/{path}") is None


def _collect(sysroot: Sysroot, source: Path, dest: str, reason: str, machine: str | None) -> list[tuple[str, Entry]]:
    real, links = place(sysroot, dest)
    entries = [*links, *_walk(source, real, reason)]
    grafts = {
        f"/{path}": entry.content.path
        for path, entry in entries
        if isinstance(entry, File) and isinstance(entry.content, OnDisk)
    }
    tree = _Grafted(sysroot.root, grafts)
    for path, file in grafts.items():
        if _runs(file):
            entries += ldso.closure(tree, [path], reason, machine=machine)
    return entries


def _runs(file: Path) -> bool:
    """Whether other files are needed with it: a program, a library, an executable script."""
    try:
        with file.open("rb") as stream:
            head = stream.read(4)
        return elf.is_elf(head) or (head.startswith(b"#!") and bool(file.stat().st_mode & 0o111))
    except OSError as error:
        raise MkinitfsError.of(file, error) from error


def _walk(source: Path, path: str, reason: str) -> Iterator[tuple[str, Entry]]:
    """`source` and all below it, links as they are."""
    try:
        status = source.lstat()
        names = sorted(item.name for item in source.iterdir()) if stat.S_ISDIR(status.st_mode) else []
        yield path, _entry(source, status, reason)
    except OSError as error:
        raise MkinitfsError.of(source, error) from error
    for name in names:
        yield from _walk(source / name, f"{path}/{name}", reason)


def _entry(source: Path, status: os.stat_result, reason: str) -> Entry:
    mode = status.st_mode & _MODE
    device = os.major(status.st_rdev), os.minor(status.st_rdev), mode, reason
    match stat.S_IFMT(status.st_mode):
        case stat.S_IFREG:
            return File(OnDisk(source), mode, reason)
        case stat.S_IFDIR:
            return Directory(mode, reason)
        case stat.S_IFLNK:
            return Symlink(str(source.readlink()), reason)
        case stat.S_IFCHR:
            return Device("c", *device)
        case stat.S_IFBLK:
            return Device("b", *device)
        case stat.S_IFIFO:
            return Fifo(mode, reason)
    raise MkinitfsError(f"{source}: a socket cannot be in an image", "leave it out, or stop what listens on it")
