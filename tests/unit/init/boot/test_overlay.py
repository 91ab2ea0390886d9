"""The step `overlay`: what is mounted where."""

from typing import Any

from init import operations
from init.operations import StepError
from init.system.places import LAYER, LOWER, SHARE_POINT, SYSROOT
from tests.machine import Machine
from tests.machine import booted as boot_of

NAMES = {"m": "52:54:00:12:34:56", "h": "kiosk", "i": "10.0.2.15", "u": ""}
CIFS = "root=/dev/cifs cifsroot=//server/share,username=anna,password=p ip=dhcp"
OVER = f"lowerdir={LOWER},upperdir={LAYER}/upper,workdir={LAYER}/work"


def booted(words: str, answers: dict[type, Any] | None = None) -> Machine:
    return boot_of(words, {operations.MachineNames: NAMES, operations.MakeContainer: True} | (answers or {}))


def test_a_container_below_and_memory_above() -> None:
    machine = booted(f"{CIFS} loop=root.img rw overlay=tmpfs:512M")
    assert [(one.target, one.fstype, one.options) for one in machine.of(operations.Mount)] == [
        (LOWER, "ext4", "ro"), (LAYER, "tmpfs", "rw,mode=755,size=512M"), (SYSROOT, "overlay", f"rw,{OVER}"),
    ]  # fmt: skip
    assert [one.read_only for one in machine.of(operations.AttachLoop)] == [True]
    assert [one.write for one in machine.of(operations.TakeContainerLease)] == [False]
    assert "overlay: what is written goes to memory [0.00 s]" in machine.log()
    assert machine.names()[-1] == "Supervise"


def test_a_container_of_its_own_above() -> None:
    machine = booted(f"{CIFS} loop=root.img ro overlay=own/%m.img:2G")
    path = f"{SHARE_POINT}/own/52-54-00-12-34-56.img"
    assert machine.of(operations.MakeContainer) == [operations.MakeContainer(path, 2 << 30)]
    assert [(one.target, one.fstype, one.options) for one in machine.of(operations.Mount)] == [
        (LOWER, "ext4", "ro"), (LAYER, "ext4", "rw"), (SYSROOT, "overlay", f"rw,{OVER}"),
    ]  # fmt: skip
    assert [(one.path, one.write) for one in machine.of(operations.TakeContainerLease)] == [
        (f"{SHARE_POINT}/root.img", False), (path, True),
    ]  # fmt: skip
    assert "overlay: made own/52-54-00-12-34-56.img, 2048 MiB at most" in machine.log()
    assert machine.of(operations.MountShare)[0].target == SHARE_POINT


def test_a_share_below_is_mounted_read_only_unless_the_layer_lies_on_it() -> None:
    (share,) = booted(f"{CIFS} rw rootflags=vers=1.0 overlay=tmpfs").of(operations.MountShare)
    assert (share.target, share.options.split(",")[-1]) == (LOWER, "ro")
    machine = booted(f"{CIFS} rw rootflags=vers=3.1.1,posix overlay=own.img")
    (share,) = machine.of(operations.MountShare)
    assert (share.target, share.options.split(",")[-1], "nolease" in share.options) == (LOWER, "rw", True)
    assert machine.of(operations.MakeContainer)[0].path == f"{LOWER}/own.img"


def test_an_export_below() -> None:
    line, answers = "root=/dev/nfs nfsroot=10.0.0.1:/srv/root ip=dhcp", {operations.MountExport: "10.0.0.1:/srv/root"}
    for words, mode, container in (("rw overlay=tmpfs", "ro", False), ("overlay=%h.img", "rw", True)):
        (export,) = booted(f"{line} {words}", answers).of(operations.MountExport)
        assert (export.target, export.mode, export.container) == (LOWER, mode, container)


def test_what_fails_leaves_nothing_behind() -> None:
    failure = StepError("overlay: No such device")
    answers: dict[type, Any] = {operations.Mount: lambda one: failure if one.fstype == "overlay" else None}
    machine = booted(f"{CIFS} loop=root.img overlay=tmpfs panic=-1", answers)
    assert machine.names(operations.Report)[-3:] == ["Mount", "Unmount", "End"]
    machine = booted(f"{CIFS} loop=root.img overlay=own.img panic=-1", answers)
    assert machine.names(operations.Report)[-5:] == ["Mount", "Unmount", "DetachLoop", "GiveContainerLeaseBack", "End"]
