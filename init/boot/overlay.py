"""The step `overlay`: a writable layer over a root that many machines share and none may write.

    overlay=tmpfs[:SIZE]    in memory, forgotten at the end; SIZE as tmpfs(5) has it: 512M, 50%
    overlay=PATH[:SIZE]     in a container of the machine's own beside the root, made when it is not there

In PATH stand %m for the MAC address (colons as hyphens, as in pxelinux's file names), %h for the host name, %i
for the IP address and %% for a percent sign; SIZE is that of a container to be made, in bytes or with K, M, G, T.
A program without effects, as boot.boot() is.
"""

from __future__ import annotations

from init import operations
from init.boot import container
from init.cmdline.loopflags import Flags
from init.cmdline.overlay import Overlay
from init.cmdline.settings import Loop
from init.operations import StepError
from init.system.log import NOTICE
from init.system.places import LAYER, LOWER, SHARE_POINT, SYSROOT, shown
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from init.boot.container import Mounted
    from init.cmdline.settings import Settings
    from init.operations import Steps

_FORBIDDEN = str.maketrans({"/": "-", "\0": "-", ":": "-"})


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
        path = f"{folder}/{expand(wanted.path, (yield operations.MachineNames()))}"
        if (yield operations.MakeContainer(path, int(wanted.size))):
            yield operations.Log(NOTICE, f"overlay: made {shown(path)}, {int(wanted.size) >> 20} MiB at most")
        loop = Loop(path, "", Flags())
        own = yield from container.use(settings, path, LAYER, loop, read_only=False, written=True)
    else:
        size = f",size={wanted.size}" if wanted.size else ""
        yield operations.Mount("overlay", LAYER, "tmpfs", f"rw,mode=755{size}")
    try:
        upper, work = f"{LAYER}/upper", f"{LAYER}/work"
        yield operations.MakeFolders((upper, work))
        # Read-write whatever ro says: the root below is not written, and a layer that is not written is none.
        yield operations.Mount("overlay", SYSROOT, "overlay", f"rw,lowerdir={LOWER},upperdir={upper},workdir={work}")
    except StepError as error:
        if own:
            yield from container.leave(own, LAYER)
        else:
            yield operations.Unmount(LAYER)
        raise error
    return f"what is written goes to {own.describe if own else 'memory'}"
