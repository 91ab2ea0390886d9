"""The step `overlay`: a writable layer over a root that many machines share and none may write (cmdline/overlay.py)."""

from __future__ import annotations

from init.boot import container, identity
from init.cmdline.loopflags import Flags
from init.cmdline.overlay import Overlay
from init.cmdline.settings import Loop, Settings
from init.operations import Log, MakeContainer, MakeFolders, Mount, StepError, Steps, Unmount
from init.system.log import NOTICE
from init.system.places import LAYER, LOWER, SHARE_POINT, SYSROOT, shown


def mount(settings: Settings, asked: Overlay) -> Steps:
    """Put a layer over the root that is mounted on LOWER; the two together are mounted on SYSROOT."""
    own: container.Mounted | None = None
    if asked.path:
        folder = SHARE_POINT if settings.loop else LOWER
        path = f"{folder}/{(yield from identity.expand(asked.path, 'overlay'))}"
        if (yield MakeContainer(path, int(asked.size))):
            yield Log(NOTICE, f"overlay: made {shown(path)}, {int(asked.size) >> 20} MiB at most")
        loop = Loop(path, "", Flags())
        own = yield from container.use(settings, path, LAYER, loop, read_only=False, written=True)
    else:
        size = f",size={asked.size}" if asked.size else ""
        yield Mount("overlay", LAYER, "tmpfs", f"rw,mode=755{size}")
    try:
        upper, work = f"{LAYER}/upper", f"{LAYER}/work"
        yield MakeFolders((upper, work))
        # Read-write whatever ro says: the root below is not written, and a layer that is not written is none.
        yield Mount("overlay", SYSROOT, "overlay", f"rw,lowerdir={LOWER},upperdir={upper},workdir={work}")
    except StepError as error:
        if own:
            yield from container.leave(own, LAYER)
        else:
            yield Unmount(LAYER)
        raise error
    if not settings.keep_identity:
        yield from identity.give(SYSROOT)
    return f"what is written goes to {own.describe if own else 'memory'}"
