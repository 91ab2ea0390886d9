"""The step `container`: the file on the share becomes a loop device, and what is in it is mounted.

find() only reads: the container lease is taken between it and attach(), before the first byte is written.
"""

from __future__ import annotations

import errno

from init.boot import filesystem, fsck
from init.boot.filesystem import Filesystem, Place
from init.cmdline.loopflags import Flags
from init.cmdline.settings import Loop, Settings
from init.container_lease import admission
from init.container_lease.admission import Terms
from init.operations import AttachLoop, DetachLoop, FindContainer, Log, Mount, ReadAt, StepError, Steps, Unmount
from init.system.log import INFO, WARNING
from init.system.places import SHARE_POINT, shown
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from init.boot.journal import Journal
    from init.boot.partitions import Partition, Table

_KNOWN = "ext4, xfs, btrfs, squashfs, erofs"


class Mounted(NamedTuple):
    """A container that is in use."""

    path: str  # of the file
    device: str  # the loop device
    describe: str  # what is mounted, and how


class _Container(NamedTuple):
    """A file, and what the command line says of it."""

    path: str
    size: int  # bytes
    fstype: str  # "" for any that is known here
    flags: Flags


def mount(settings: Settings, loop: Loop) -> Steps:
    """Attach the root's container and mount what is in it; a failure leaves no loop device behind."""
    path, target = f"{SHARE_POINT}/{loop.path}", settings.root_point
    if "%" in path:
        from init.boot import identity  # late: few boots need it

        path = yield from identity.expand(path, "loop")
    mounted = yield from use(settings, path, target, loop, read_only=settings.read_only, written=not settings.overlay)
    return f"{mounted.describe} mounted on {target}"


def use(settings: Settings, path: str, target: str, loop: Loop, *, read_only: bool, written: bool) -> Steps:
    """Take the container lease on the file `path`, attach it and mount what is in it on `target`; answers a Mounted.

    `read_only` is for the mount, and may be changed later; `written` says whether it is ever to be written.
    """
    place: Place = yield from find(path, loop.fstype, loop.flags)
    never = "loopflags=ro" if loop.flags.read_only else "the share's option ro" if "ro" in _words(settings) else ""
    written = written and not (place.read_only or never)
    journal: Journal | None = None
    while True:
        terms: Terms = yield from admission.take(settings, path, write=written)
        try:
            return (yield from _use(settings, place, target, loop.flags, terms, read_only))
        except StepError as error:
            yield from admission.give_back(path)
            if terms.write or terms.beside or error.errno not in (errno.EROFS, errno.EIO):
                raise error
            from init.boot.journal import Journal  # late: few boots need it

            journal = journal or Journal(place, "no lease is held" if terms.unguarded else never)
            if (yield from journal.turn(error)):
                yield from _replay(settings, place, target, loop.flags)


def _words(settings: Settings) -> list[str]:
    """The share's mount options."""
    return settings.source.options.split(",")


def _replay(settings: Settings, place: Place, target: str, flags: Flags) -> Steps:
    """Have the kernel replay the journal, with the writer's lease, and give everything back."""
    try:
        mounted: Mounted = yield from _use(settings, place, target, flags, Terms(write=True), read_only=False)
    except StepError as error:
        yield from admission.give_back(place.path)
        raise error
    yield from leave(mounted, target)


def leave(mounted: Mounted, target: str) -> Steps:
    """Undo use() after a failure further on."""
    yield Unmount(target)
    yield from detach(mounted.device)
    yield from admission.give_back(mounted.path)


def _use(settings: Settings, place: Place, target: str, flags: Flags, terms: Terms, read_only: bool) -> Steps:
    """Attach and mount what the container lease has been had for."""
    device = yield from attach(place, read_only=not terms.write, direct=flags.direct)
    source = f"{device}p{place.partition}" if place.partition else device
    mode = "ro" if read_only or not terms.write else "rw"
    # Beside a machine that writes, the journal is that machine's to replay.
    more = admission.without_recovery(place.fstype) if terms.beside else ()
    try:
        if terms.write:
            yield from fsck.check(shown(place.path), place, source, settings.fsck)
        yield Mount(source, target, place.fstype, ",".join([mode, *flags.options, *more]))
    except StepError as error:
        yield from detach(device)
        raise error
    return Mounted(place.path, device, f"{shown(place.path)} ({place.fstype}, {mode}) on {source}")


def find(path: str, fstype: str = "", flags: Flags = Flags()) -> Steps:  # noqa: B008  (a value)
    """Answers the Place of the root's file system in the file `path`; `fstype` is "" for any known one."""
    size: int = yield FindContainer(path)
    container = _Container(path, size, fstype, flags)
    asked = flags.partition or flags.partscan
    offset = flags.offset or 0
    head: bytes = yield ReadAt(path, offset, filesystem.HEAD)
    known = filesystem.probe(head)
    if flags.offset is None and (asked or not known or known.fstype != (fstype or known.fstype)):
        from init.boot import partitions  # late: few boots need it

        table: Table | None = yield from partitions.read(path, size)
        if table:
            return (yield from _in_table(container, table))
        if asked:
            raise StepError(f"{shown(path)}: no partition table", hint="loopflags= asks for a partition of it")
    return _place(container, offset, flags.size or size, known)


def _in_table(container: _Container, table: Table) -> Steps:
    """The place of the partition that is meant, or that can alone be meant."""
    from init.boot import partitions  # late: few boots need it

    filesystems: dict[Partition, Filesystem | None] = {}
    for one in table.partitions:
        filesystems[one] = filesystem.probe((yield ReadAt(container.path, one.start, filesystem.HEAD)))
    types = {one: known.fstype if known else "" for one, known in filesystems.items()}
    chosen = partitions.choose(shown(container.path), types, container.fstype, container.flags.partition)
    place = _place(container, chosen.start, chosen.size, filesystems[chosen])
    if container.flags.partscan:  # the kernel reads the table, in the sectors that it counts in
        place = place._replace(sector=table.sector, partition=chosen.number)
    return place


def _place(container: _Container, offset: int, length: int, known: Filesystem | None) -> Place:
    """The place of a file system in `length` bytes from `offset` on; `known` is what its beginning says."""
    path, end, fstype, flags = container
    there = min(length, end - offset)
    size = there if offset or there < end else 0
    there -= there % 512  # a device has no half sector
    if fstype and (not known or known.fstype != fstype):
        return Place(path, fstype, flags.sector or 512, offset, size)
    if there <= 0 or not known:
        raise StepError(
            f"{shown(path)}: no file system that is known here" + (f" at byte {offset}" if offset else ""),
            hint=f"is this the right file? Known are {_KNOWN}; loopfstype=TYPE names another, not recognised",
        )
    if known.size > there:
        raise StepError(
            f"{shown(path)}: cut off: its {known.fstype} takes {known.size} bytes, and {there} are there",
            hint="was it copied to the end? is there room on the server?",
        )
    sector = flags.sector or filesystem.sector(known.unit, there)
    return Place(path, known.fstype, sector, offset, size, 0, known.trouble)


def attach(place: Place, *, read_only: bool, direct: bool = True) -> Steps:
    """Attach the file at its place; answers the device's path."""
    part = (0, 0) if place.partition else (place.offset, place.size)
    device, is_direct = yield AttachLoop(place.path, read_only, place.sector, *part, direct, place.partition > 0)
    how = "direct I/O" if is_direct else "through the share's page cache"
    yield Log(INFO, f"container: {shown(place.path)} on {device}, sectors of {place.sector} bytes, {how}")
    return device


def detach(device: str) -> Steps:
    """Detach after a failure; that this, too, fails is only logged."""
    try:
        yield DetachLoop(device)
    except StepError as error:
        yield Log(WARNING, f"container: {error.reason}")
