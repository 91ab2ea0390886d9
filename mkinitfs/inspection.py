"""Looking into an existing image: what `list`, `cat` and `extract` show of any initramfs."""

import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mkinitfs.archive.cpio import Member, Record
from mkinitfs.archive.extract import extract
from mkinitfs.archive.image import members_of
from mkinitfs.errors import MkinitfsError

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def _name(record: Record) -> str:
    """Without the leading "./" that some tools write."""
    return record.name.removeprefix("./").lstrip("/") or "."


def unpack(image: Path, folder: Path, paths: Sequence[str] = ()) -> list[str]:
    """Unpack the members at and below `paths`, or all, into `folder`; return warnings.

    Raises MkinitfsError, with nothing unpacked, for a path that is not in the image.
    """
    wanted = [path.strip("/") for path in paths]
    if wanted:
        names = {_name(member.record) for _, _, member in members_of(image)}
        missing = [path for path in wanted if not any(_below(name, path) for name in names)]
        if missing:
            raise MkinitfsError(
                f"{image}: there is no /{missing[0]} in it", f"mkinitfs list {image} shows what there is"
            )
    chosen = (
        member
        for _, _, member in members_of(image)
        if not wanted or any(_below(_name(member.record), path) for path in wanted)
    )
    return extract(chosen, folder)


def _below(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path}/")


def lines(image: Path, *, long: bool) -> Iterator[str]:
    """A line for each member, in the order of the archive; in the long form a headline for each segment."""
    last = None
    for segment, compression, member in members_of(image):
        if long and segment != last:
            last = segment
            yield f"segment {segment}: {compression}"
        yield _long(member) if long else _name(member.record)


def _long(member: Member) -> str:
    record = member.record
    device = stat.S_ISCHR(record.mode) or stat.S_ISBLK(record.mode)
    size = f"{record.rdevmajor},{record.rdevminor}" if device else str(record.size)
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(record.mtime))
    target = f" -> {member.target}" if member.target else ""
    owner = f"{record.uid}/{record.gid}"
    return f"{stat.filemode(record.mode)} {record.nlink:>2} {owner:<7} {size:>9} {when} {_name(record)}{target}"


def values(image: Path) -> Iterator[dict[str, Any]]:
    """The members for a script."""
    for segment, compression, member in members_of(image):
        record = member.record
        item: dict[str, Any] = {
            "path": _name(record),
            "type": _KINDS.get(stat.S_IFMT(record.mode), "unknown"),
            "mode": f"{stat.S_IMODE(record.mode):04o}",
            "uid": record.uid,
            "gid": record.gid,
            "size": record.size,
            "mtime": record.mtime,
            "nlink": record.nlink,
            "segment": segment,
            "compression": compression,
        }
        if member.target:
            item["target"] = member.target
        if stat.S_ISCHR(record.mode) or stat.S_ISBLK(record.mode):
            item["device"] = f"{record.rdevmajor}:{record.rdevminor}"
        yield item
