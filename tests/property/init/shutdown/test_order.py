"""Any forest of mounts and loop devices is released by its plan, and no step of it does what the kernel refuses."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from init.shutdown.order import NETWORK, Detach, Move, Release, plan
from init.system.mount_table import LoopDevice, MountPoint

OLD_ROOT = "/sysroot"


class Tables(NamedTuple):
    mounts: tuple[MountPoint, ...]
    loops: tuple[LoopDevice, ...]


def mount(number: int, parent: int, device: str, fstype: str = "tmpfs", source: str = "") -> MountPoint:
    return MountPoint(number, parent, device, "/", "", fstype, source or fstype)


@st.composite
def forests(draw: st.DrawFn) -> Tables:
    """Mounts on mounts, containers on any of them, copies of any of them, and then some carried elsewhere."""
    mounts = [mount(1, 0, "0:1"), mount(2, 1, "0:2")]  # the ramdisk, and the old root
    loops: list[LoopDevice] = []
    for number in range(3, 3 + draw(st.integers(0, 12))):
        parent = draw(st.sampled_from(mounts)).number
        kind = draw(st.sampled_from(["tmpfs", "cifs", "container", "btrfs", "copy", "loop"]))
        if kind in ("tmpfs", "cifs"):
            mounts.append(mount(number, parent, f"0:{number}", kind))
        elif kind == "copy":
            mounts.append(draw(st.sampled_from(mounts[1:]))._replace(number=number, parent=parent))
        else:
            path, own = f"/dev/loop{len(loops)}", f"7:{len(loops)}"
            loops.append(LoopDevice(path, own, draw(st.sampled_from(mounts)).device, f"file {number}"))
            if kind != "loop":
                device = f"0:{number}" if kind == "btrfs" else own
                mounts.append(mount(number, parent, device, "btrfs" if kind == "btrfs" else "ext4", path))
    for _ in range(draw(st.integers(0, 4))):
        moved, target = draw(st.sampled_from(mounts[2:] or mounts[1:])), draw(st.sampled_from(mounts))
        if moved.number != 2 and moved.number not in line_of(mounts, target):
            mounts[mounts.index(moved)] = moved._replace(parent=target.number)
    return Tables(tuple(draw(st.permutations(named(mounts)))), tuple(loops))


def line_of(mounts: list[MountPoint], start: MountPoint) -> list[int]:
    """The numbers of a mount and of all it stands on."""
    by_number = {one.number: one for one in mounts}
    line = [start.number]
    while by_number[line[-1]].parent in by_number:
        line.append(by_number[line[-1]].parent)
    return line


def named(mounts: list[MountPoint]) -> list[MountPoint]:
    """Every mount with its point, as its line of parents makes it."""
    names = {1: "", 2: OLD_ROOT}
    lines = [reversed(line_of(mounts, one)) for one in mounts]
    points = ["".join(names.get(number, f"/m{number}") for number in line) or "/" for line in lines]
    return [one._replace(point=point) for one, point in zip(mounts, points, strict=True)]


def lies_on(one: MountPoint, loop: LoopDevice) -> bool:
    return one.device == loop.device or one.source == loop.path


def execute(tables: Tables, step: Release) -> Tables:
    """Do as the kernel would, which refuses what is busy; a move of what an earlier move has taken along fails."""
    mounts, loops = tables
    if isinstance(step, Detach):
        loop = next(one for one in loops if one.path == step.path)
        assert not any(lies_on(one, loop) for one in mounts), f"{step} is in use"
        return Tables(mounts, tuple(one for one in loops if one is not loop))
    found = [one for one in mounts if one.point == step.point]
    if isinstance(step, Move):
        if not found:
            return tables
        inside = [one for one in mounts if found[0].number in line_of(list(mounts), one)]
        changed = {one.number: one._replace(point=step.target + one.point.removeprefix(step.point)) for one in inside}
        changed[found[0].number] = changed[found[0].number]._replace(parent=1)
        return Tables(tuple(changed.get(one.number, one) for one in mounts), loops)
    (one,) = found
    assert not any(other.parent == one.number for other in mounts), f"{step}: something is mounted on it"
    assert not any(loop.backing_device == one.device for loop in loops), f"{step}: a loop device's file is there"
    return Tables(tuple(other for other in mounts if other is not one), loops)


def releasable(one: MountPoint) -> bool:
    below = one.point == OLD_ROOT or one.point.startswith(OLD_ROOT + "/")
    return below or one.device.startswith("7:") or one.fstype in NETWORK


@settings(max_examples=400, deadline=None)
@given(forests())
def test_everything_is_released_in_a_legal_order(tables: Tables) -> None:
    for _ in range(20):
        steps = plan(*tables, OLD_ROOT)
        if not steps:
            break
        for step in steps:
            tables = execute(tables, step)
    else:
        raise AssertionError(f"no end: {plan(*tables, OLD_ROOT)}")
    assert not tables.loops
    assert not [one for one in tables.mounts if releasable(one)]
    assert [one for one in tables.mounts if one.number == 1]


@given(forests())
def test_nothing_is_done_twice(tables: Tables) -> None:
    steps = plan(*tables, OLD_ROOT)
    assert len(set(steps)) == len(steps)
    assert not any(isinstance(step, Move) for step in steps) or all(isinstance(step, Move) for step in steps)
