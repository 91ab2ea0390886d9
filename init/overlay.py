"""The step `overlay`: a writable layer over a root that many machines share and none may write.

    overlay=tmpfs[:SIZE]    in memory, forgotten at the end; SIZE as tmpfs(5) has it: 512M, 50%
    overlay=PATH[:SIZE]     in a container of the machine's own beside the root, made when it is not there

In PATH stand %m for the MAC address (colons as hyphens, as in pxelinux's file names), %h for the host name, %i
for the IP address and %% for a percent sign; SIZE is that of a container to be made, in bytes or with K, M, G, T.
A program without effects, as boot.boot() is.
"""

from __future__ import annotations

from . import container, ops
from .cheap import TYPE_CHECKING, NamedTuple
from .loopflags import Flags
from .ops import StepError
from .places import LAYER, LOWER, SHARE_POINT, SYSROOT, shown
from .settings import Loop

if TYPE_CHECKING:
    from .boot import Steps
    from .container import Mounted
    from .settings import Settings

DEFAULT_SIZE = 8 << 30  # bytes of a new container: sparse, so it takes what is written
_SMALLEST = 4 << 20  # mke2fs leaves out the journal of anything smaller
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_FORBIDDEN = str.maketrans({"/": "-", "\0": "-", ":": "-"})


class Overlay(NamedTuple):
    """`path` is "" for tmpfs, whose `size` is tmpfs(5)'s word; else `size` is the bytes of a container to be made."""

    path: str
    size: str


def parse(value: str) -> Overlay:
    """Read the value of overlay=. Raises ValueError, which says what is wrong."""
    head, colon, size = value.rpartition(":")
    if not colon:
        head, size = value, ""
    if head == "tmpfs":
        percent = int(size[:-1]) if size.endswith("%") and size[:-1].isdecimal() else 0
        if colon and not _bytes(size) and not 0 < percent <= 100:
            raise ValueError(f"overlay={value}: a size is 512M, 2G or 50%")
        return Overlay("", size)
    parts = [part for part in head.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or head.endswith("/"):
        raise ValueError(f"overlay={value}: tmpfs[:SIZE] or a path beside the root is meant")
    for after in "/".join(parts).replace("%%", "").split("%")[1:]:
        if after[:1] not in ("m", "h", "i"):
            raise ValueError(f"overlay={value}: %{after[:1]} is none of %m (MAC), %h (host name), %i (IP address), %%")
    found = _bytes(size) if colon else DEFAULT_SIZE
    if found < _SMALLEST:
        raise ValueError(f"overlay={value}: a container's size is 8G or 500M, at least 4M")
    return Overlay("/".join(parts), str(found))


def _bytes(text: str) -> int:
    """The size in bytes, 0 for none that is understood."""
    unit = text[-1:].upper() if text[-1:].isalpha() else ""
    number = text.removesuffix(text[-1:]) if unit else text
    return int(number) * _UNITS.get(unit, 0) if number.isascii() and number.isdecimal() else 0


def expand(path: str, names: dict[str, str]) -> str:
    """Put this machine's `names` (m, h, i) into `path`. Raises StepError where there is none of what it asks for.

    No name that came over the network leads out of the folder it stands in.
    """
    done, rest = "", path
    while "%" in rest:
        before, _, after = rest.partition("%")
        name = "%" if after[:1] == "%" else names[after[:1]].translate(_FORBIDDEN)
        if not name.strip("."):
            raise StepError(f"overlay={path}: nothing is known for %{after[:1]}", hint="%m, the MAC address, always is")
        done, rest = done + before + name, after[1:]
    return done + rest


def mount(settings: Settings, wanted: Overlay) -> Steps:
    """Put a layer over the root that is mounted on LOWER; the two together are mounted on SYSROOT."""
    own: Mounted | None = None
    if wanted.path:
        folder = SHARE_POINT if settings.loop else LOWER
        path = f"{folder}/{expand(wanted.path, (yield ops.MachineNames()))}"
        if (yield ops.MakeContainer(path, int(wanted.size))):
            yield ops.Log(5, f"overlay: made {shown(path)}, {int(wanted.size) >> 20} MiB at most")
        loop = Loop(path, "", Flags())
        own = yield from container.use(settings, path, LAYER, loop, read_only=False, written=True)
    else:
        size = f",size={wanted.size}" if wanted.size else ""
        yield ops.Mount("overlay", LAYER, "tmpfs", f"rw,mode=755{size}")
    try:
        upper, work = f"{LAYER}/upper", f"{LAYER}/work"
        yield ops.MakeFolders((upper, work))
        # Read-write whatever ro says: the root below is not written, and a layer that is not written is none.
        yield ops.Mount("overlay", SYSROOT, "overlay", f"rw,lowerdir={LOWER},upperdir={upper},workdir={work}")
    except StepError as error:
        if own:
            yield from container.leave(own, LAYER)
        else:
            yield ops.Unmount(LAYER)
        raise error
    return f"what is written goes to {own.describe if own else 'memory'}"
