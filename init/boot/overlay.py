"""The step `overlay`: a writable layer over a root that many machines share and none may write (cmdline/overlay.py)."""

from __future__ import annotations

from init.boot import container
from init.cmdline.loopflags import Flags
from init.cmdline.overlay import Overlay
from init.cmdline.settings import Loop, Settings
from init.operations import Log, MachineNames, MakeContainer, MakeFolders, Mount, StepError, Steps, Unmount
from init.system.log import NOTICE
from init.system.places import LAYER, LOWER, SHARE_POINT, SYSROOT, shown

# A name is one part of a path; a MAC address has hyphens for its colons, as in pxelinux's file names.
_IN_A_PATH = str.maketrans({"/": "-", "\0": "-", ":": "-"})


def expand(path: str, names: dict[str, str]) -> str:
    """Put this machine's `names` (m, h, i) into `path`. Raises StepError where there is none of what it asks for.

    No name that came over the network leads out of the folder it stands in.
    """
    done, rest = "", path
    while "%" in rest:
        before, _, after = rest.partition("%")
        name = "%" if after[:1] == "%" else names[after[:1]].translate(_IN_A_PATH)
        if not name.strip("."):
            raise StepError(f"overlay={path}: nothing is known for %{after[:1]}", hint="%m, the MAC address, always is")
        done, rest = done + before + name, after[1:]
    return done + rest


def mount(settings: Settings, asked: Overlay) -> Steps:
    """Put a layer over the root that is mounted on LOWER; the two together are mounted on SYSROOT."""
    own: container.Mounted | None = None
    if asked.path:
        folder = SHARE_POINT if settings.loop else LOWER
        path = f"{folder}/{expand(asked.path, (yield MachineNames()))}"
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
    return f"what is written goes to {own.describe if own else 'memory'}"
