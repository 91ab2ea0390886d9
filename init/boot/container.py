"""The step `container`: the file on the share becomes a loop device, and what is in it is mounted.

A program without effects, as boot.boot() is: operations out, answers in. Whoever wants a container of his own uses
find(), attach() and detach(): find() only reads, so whatever has to be held before the first byte is written can be
taken between the two.
"""

from __future__ import annotations

from init import operations
from init.boot import filesystem, fsck
from init.boot.filesystem import Place
from init.cmdline.loopflags import Flags
from init.container_lease import admission
from init.operations import StepError
from init.system.log import INFO, WARNING
from init.system.places import SHARE_POINT, shown
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from init.boot.partitions import Partition, Table
    from init.cmdline.settings import Loop, Settings
    from init.operations import Steps

_KNOWN = "ext4, xfs, btrfs, squashfs, erofs"


class Mounted(NamedTuple):
    """A container that is in use; `describe` says what and how."""

    path: str
    device: str
    describe: str


def mount(settings: Settings, loop: Loop) -> Steps:
    """Attach the root's container and mount what is in it; a failure leaves no loop device behind."""
    path, target = f"{SHARE_POINT}/{loop.path}", settings.root_point
    mounted = yield from use(settings, path, target, loop, read_only=settings.read_only, written=not settings.overlay)
    return f"{mounted.describe} mounted on {target}"


def use(settings: Settings, path: str, target: str, loop: Loop, *, read_only: bool, written: bool) -> Steps:
    """Take the lease on the file `path`, attach it and mount what is in it on `target`; answers a Mounted.

    `read_only` is for the mount, which may be changed later; `written` says whether anybody ever may.
    """
    place: Place = yield from find(path, loop.fstype, loop.flags)
    written = written and not (place.read_only or loop.flags.read_only or "ro" in settings.source.options.split(","))
    terms = yield from admission.take(settings, path, write=written)
    try:
        return (yield from _use(settings, place, target, loop.flags, terms.write, read_only, beside=terms.beside))
    except StepError as error:
        yield from admission.give_up(path)
        raise error


def leave(mounted: Mounted, target: str) -> Steps:
    """Undo use() after a failure further on."""
    yield operations.Unmount(target)
    yield from detach(mounted.device)
    yield from admission.give_up(mounted.path)


def _use(
    settings: Settings, place: Place, target: str, flags: Flags, written: bool, read_only: bool, *, beside: bool
) -> Steps:
    """Attach and mount, by whoever has the lease; `beside` a machine that writes, its journal is not ours to replay."""
    device = yield from attach(place, read_only=not written, direct=flags.direct)
    source = f"{device}p{place.partition}" if place.partition else device
    mode = "ro" if read_only or not written else "rw"
    more = admission.without_recovery(place.fstype) if beside else ()
    try:
        if written:
            yield from fsck.check(shown(place.path), place, source, settings.fsck)
        yield operations.Mount(source, target, place.fstype, ",".join([mode, *flags.options, *more]))
    except StepError as error:
        yield from detach(device)
        raise error
    return Mounted(place.path, device, f"{shown(place.path)} ({place.fstype}, {mode}) on {source}")


def find(path: str, wanted: str = "", flags: Flags = Flags()) -> Steps:  # noqa: B008  (a value)
    """Answers the Place of the root's file system in the file `path`; `wanted` is its type, "" for any known one."""
    size: int = yield operations.FindContainer(path)
    asked = flags.partition or flags.partscan
    offset = flags.offset or 0
    head: bytes = yield operations.ReadAt(path, offset, filesystem.HEAD)
    found = filesystem.probe(head)
    if flags.offset is None and (asked or not found or found.fstype != (wanted or found.fstype)):
        from init.boot import partitions  # few containers have them

        table: Table | None = yield from partitions.read(path, size)
        if table:
            return (yield from _in_table(path, size, table, wanted, flags))
        if asked:
            raise StepError(f"{shown(path)}: no partition table", hint="loopflags= asks for a partition of it")
    return _place(path, size, offset, flags.size or size, found, wanted, flags)


def _in_table(path: str, size: int, table: Table, wanted: str, flags: Flags) -> Steps:
    """The place of the partition that is meant, or that can alone be meant."""
    from init.boot import partitions

    found: dict[Partition, filesystem.Filesystem | None] = {}
    for one in table.partitions:
        found[one] = filesystem.probe((yield operations.ReadAt(path, one.start, filesystem.HEAD)))
    types = {one: known.fstype if known else "" for one, known in found.items()}
    chosen = partitions.choose(shown(path), types, wanted, flags.partition)
    place = _place(path, size, chosen.start, chosen.size, found[chosen], wanted, flags)
    if flags.partscan:  # the kernel reads the table, in the sectors that it counts in
        place = place._replace(sector=table.sector, partition=chosen.number)
    return place


def _place(
    path: str, end: int, offset: int, length: int, found: filesystem.Filesystem | None, wanted: str, flags: Flags
) -> Place:
    """The place of the file system `found` in `length` bytes from `offset` on, in a file of `end` bytes."""
    there = min(length, end - offset)
    size = there if offset or there < end else 0
    there -= there % 512  # a device has no half sector
    if wanted and (not found or found.fstype != wanted):
        return Place(path, wanted, flags.sector or 512, offset, size)
    if there <= 0 or not found:
        raise StepError(
            f"{shown(path)}: no file system that is known here" + (f" at byte {offset}" if offset else ""),
            hint=f"is this the right file? Known are {_KNOWN}; loopfstype=TYPE names another, not recognised",
        )
    if found.size > there:
        raise StepError(
            f"{shown(path)}: cut off: its {found.fstype} takes {found.size} bytes, and {there} are there",
            hint="was it copied to the end? is there room on the server?",
        )
    sector = flags.sector or filesystem.sector(found.unit, there)
    return Place(path, found.fstype, sector, offset, size, 0, found.trouble)


def attach(place: Place, *, read_only: bool, direct: bool = True) -> Steps:
    """Attach the file at its place; answers the device's path."""
    part = (0, 0) if place.partition else (place.offset, place.size)
    attached: operations.Attached = yield operations.AttachLoop(
        place.path, read_only, place.sector, *part, direct, place.partition > 0
    )
    how = "direct I/O" if attached.direct else "through the share's page cache"
    yield operations.Log(
        INFO, f"container: {shown(place.path)} on {attached.device}, sectors of {place.sector} bytes, {how}"
    )
    return attached.device


def detach(device: str) -> Steps:
    """Detach after a failure; that this, too, fails is only logged."""
    try:
        yield operations.DetachLoop(device)
    except StepError as error:
        yield operations.Log(WARNING, f"container: {error.reason}")
