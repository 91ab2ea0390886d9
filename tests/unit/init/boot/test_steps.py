"""Every path through a boot that ends in the real init, on a machine made of answers."""

from typing import Any

import pytest

from init import operations
from init.boot import steps
from init.cmdline.ip_request import Request
from init.cmdline.nfsroot import Export
from init.network.state import Missing, Network
from init.operations import StepError
from init.system.places import SHARE_POINT, SYSROOT
from tests.machine import LOOP, PLAIN, booted


def test_plain_share_in_order() -> None:
    machine = booted(PLAIN)
    assert machine.names() == [
        "LoadDrivers", "ConfigureNetwork", "MountShare", "ReadAt", "TryRoot", "TakeHostName", "ReadAt",
        "Resolve", "Resolve", "StageRamdisk", "Supervise",
    ]  # fmt: skip
    assert machine.of(operations.MountShare) == [
        operations.MountShare(
            "//server/share", SYSROOT, "vers=3.1.1,posix,nomapposix,hard,username=anna,ro", "secret", 180.0
        )
    ]
    assert machine.of(operations.Supervise) == [operations.Supervise(("/sbin/init",))]
    assert machine.log() == [
        "drivers: 7 modules loaded [0.00 s]",
        "network: 0 configured [0.00 s]",
        "share: //server/share mounted on /sysroot with vers=3.1.1,posix,nomapposix,hard [0.00 s]",
        "root: init is /sbin/init [0.00 s]",
        "switch: shutdown ramdisk staged, 9.9 MB",
        "switch: starting /sbin/init, the way back is 'supervise'",
    ]


def test_what_a_loader_left_empty_is_told_and_stops_nothing() -> None:
    machine = booted(f"{PLAIN} BOOTIF=01- ip=${{net0/ip}}")
    assert machine.log()[:2] == [
        "cmdline: ip=${net0/ip}: the boot loader knew nothing to fill in, so the field is empty",
        "cmdline: BOOTIF=01-: names no card, so it is left out",
    ]
    assert "Supervise" in machine.names()


LEFT_OUT = Missing(Request(device="eth1", autoconf="dhcp"), "eth1: no carrier")


def test_a_share_that_is_not_reached_names_the_missing_card() -> None:
    network = Network((), missing=(LEFT_OUT,))
    answers = {operations.ConfigureNetwork: network, operations.MountShare: StepError("no route", hint="is it on?")}
    machine = booted(f"{PLAIN} panic=-1 rd.retry=0", answers)
    assert "network: 0 configured, 1 missing [0.00 s]" in machine.log()
    (report,) = machine.of(operations.Report)
    assert "to try:      is the server behind what is missing? eth1: no carrier; is it on?" in report.text
    assert len(machine.of(operations.ConfigureNetwork)) == 1  # no retry: it is not for want of a way


def test_the_missing_card_is_looked_for_again_while_the_server_is_not_reached() -> None:
    found = [Network((), missing=(LEFT_OUT,)), StepError("eth1: no carrier"), Network(())]
    out = StepError("no answer", retry=True)
    answers = {operations.ConfigureNetwork: found, operations.MountShare: [out, out, out, None]}
    machine = booted(PLAIN, answers)
    again = operations.ConfigureNetwork((LEFT_OUT.request,), steps.LOOK_AGAIN, (), besides=True)
    assert machine.of(operations.ConfigureNetwork)[1:] == [again, again]  # then it is there
    assert "Supervise" in machine.names()


def test_container_in_order() -> None:
    machine = booted(LOOP)
    assert machine.names() == [
        "LoadDrivers", "ConfigureNetwork", "MountShare", "FindContainer", "ReadAt", "TakeContainerLease", "AttachLoop",
        "CheckFilesystem", "Mount", "Resolve", "Resolve", "StageRamdisk", "Supervise",
    ]  # fmt: skip
    share = machine.of(operations.MountShare)[0]
    assert (share.target, share.options) == (SHARE_POINT, "vers=3.1.1,hard,nolease,username=anna")
    assert machine.of(operations.AttachLoop) == [operations.AttachLoop(f"{SHARE_POINT}/images/root.img", False, 4096)]
    assert machine.of(operations.Mount) == [operations.Mount("/dev/loop0", SYSROOT, "ext4", "ro")]
    assert "container: images/root.img (ext4, ro) on /dev/loop0 mounted on /sysroot [0.00 s]" in machine.log()


def test_no_secret_in_what_is_logged_or_described() -> None:
    machine = booted(f"{LOOP} panic=-1", {operations.Mount: StepError("broken")})
    for operation in machine.done:
        assert "secret" not in operation.describe()
    assert not any("secret" in text for text in machine.log())
    assert not any("secret" in operation.text for operation in machine.of(operations.Report))


@pytest.mark.parametrize(
    ("words", "mount", "written"),
    [
        ("", ("ext4", "ro"), True),
        ("ro", ("ext4", "ro"), True),
        ("rw", ("ext4", "rw"), True),
        ("rw ro", ("ext4", "ro"), True),
        ("ro rw", ("ext4", "rw"), True),
        ("rw loopflags=noatime,nodiratime", ("ext4", "rw,noatime,nodiratime"), True),
        ("rw loopflags=ro", ("ext4", "ro"), False),
        ("rw loopflags=noatime,ro", ("ext4", "ro,noatime"), False),
        ("ro loopflags=rw", ("ext4", "ro"), True),
        ("rw loopfstype=xfs", ("xfs", "rw"), True),
        ("rw loopfstype=auto", ("ext4", "rw"), True),
        ("rw rootflags=ro", ("ext4", "ro"), False),
        ("rw rootflags=noperm,ro", ("ext4", "ro"), False),
    ],
)
def test_ro_rw_and_loop_words(words: str, mount: tuple[str, str], written: bool) -> None:
    machine = booted(f"{LOOP} {words}")
    assert [(one.fstype, one.options) for one in machine.of(operations.Mount)] == [mount]
    assert machine.of(operations.AttachLoop)[0].read_only is not written


@pytest.mark.parametrize(("word", "option"), [("", "ro"), ("rw", "rw"), ("ro", "ro")])
def test_plain_share_is_mounted_ro_or_rw(word: str, option: str) -> None:
    assert booted(f"{PLAIN} {word}").of(operations.MountShare)[0].options.split(",")[-1] == option


def test_domain_and_missing_user() -> None:
    (share,) = booted("cifsroot=//s/x,user=LAB\\anna,pass=p").of(operations.MountShare)
    assert share.options == "vers=3.1.1,posix,nomapposix,hard,username=anna,domain=LAB,ro"
    (share,) = booted("cifsroot=//s/x").of(operations.MountShare)
    assert (share.options, share.password) == ("vers=3.1.1,posix,nomapposix,hard,guest,ro", None)


def test_time_outs_handed_on() -> None:
    def seen(words: str) -> tuple[float, float]:
        machine = booted(f"{PLAIN} {words}")
        return machine.of(operations.ConfigureNetwork)[0].timeout, machine.of(operations.MountShare)[0].timeout

    assert seen("") == (180, 180)
    assert seen("rd.timeout=12") == (12, 12)
    assert seen("rd.retry=5") == (5, 30)  # one try of a mount is given 30 s at least
    assert seen("rd.retry=5 rd.timeout=7") == (7, 7)


# The init.


def test_no_init_in_the_root() -> None:
    machine = booted(f"{PLAIN} panic=-1", {operations.Resolve: ""})
    assert [one.path for one in machine.of(operations.Resolve)] == ["/sbin/init", "/etc/init", "/bin/init", "/bin/sh"]
    assert machine.of(operations.Report)[0].text == (
        "mkinitfs: the step 'root' failed after 0.0 s\n"
        "  what failed: no init in the root: /sbin/init, /etc/init, /bin/init, /bin/sh is no program there\n"
        "  to try:      init=PATH names another"
    )


def test_init_given_is_not_replaced_where_it_is_not_there() -> None:
    machine = booted(f"{PLAIN} init=/opt/start")
    assert {one.path for one in machine.of(operations.Resolve)} == {"/opt/start"}
    assert machine.of(operations.Supervise) == [operations.Supervise(("/opt/start",))]
    answers = {operations.Resolve: lambda operation: "" if operation.path == "/opt/start" else operation.path}
    machine = booted(f"{PLAIN} init=/opt/start panic=-1", answers)
    assert {one.path for one in machine.of(operations.Resolve)} == {"/opt/start"}
    assert "no init in the root: /opt/start is no program there" in machine.of(operations.Report)[0].text


def test_the_first_candidate_that_is_there() -> None:
    answers = {operations.Resolve: lambda operation: "/usr/bin/dash" if operation.path == "/bin/sh" else ""}
    machine = booted(PLAIN, answers)
    assert "root: init is /bin/sh (/usr/bin/dash) [0.00 s]" in machine.log()
    assert machine.of(operations.Supervise) == [operations.Supervise(("/bin/sh",))]


def test_arguments_reach_the_init() -> None:
    machine = booted(PLAIN, arguments=("single", "3"))
    assert machine.of(operations.Supervise) == [operations.Supervise(("/sbin/init", "single", "3"))]


# The container.


TAKEN = ["FindContainer", "ReadAt", "TakeContainerLease", "AttachLoop"]
GIVEN_BACK = ["GiveContainerLeaseBack", "Report", "End"]
WRONG = StepError("/dev/loop0 (ext4): Invalid argument", ("EXT4-fs: bad",), 22, hint="fsck")
BAD = {operations.Mount: StepError("/dev/loop0: bad super block"), operations.DetachLoop: StepError("cannot detach")}


@pytest.mark.parametrize(
    ("answers", "names", "told"),
    [
        (
            {operations.Mount: WRONG}, [*TAKEN, "CheckFilesystem", "Mount", "DetachLoop", *GIVEN_BACK],
            ["what failed: /dev/loop0 (ext4): Invalid argument\n"],
        ),
        (  # a loop device that cannot be detached must not hide why the container was not mounted
            BAD, [*TAKEN, "CheckFilesystem", "Mount", "DetachLoop", *GIVEN_BACK],
            ["what failed: /dev/loop0: bad super block"],
        ),
        ({operations.AttachLoop: StepError("no such file on the share")}, [*TAKEN, *GIVEN_BACK], []),
        (
            {operations.ReadAt: b""}, ["FindContainer", "ReadAt", "ReadAt", "Report", "End"],
            ["images/root.img: no file system that is known here", "loopfstype=TYPE"],
        ),
    ],
)  # fmt: skip
def test_a_failed_container_leaves_no_loop_device(answers: dict[type, Any], names: list[str], told: list[str]) -> None:
    machine = booted(f"{LOOP} panic=-1", answers)
    assert machine.names()[3:] == names
    assert set(machine.of(operations.DetachLoop)) <= {operations.DetachLoop("/dev/loop0")}
    assert all(text in machine.of(operations.Report)[0].text for text in told)


def test_a_container_that_comes_later_is_attached_afresh() -> None:
    late = StepError("/dev/loop0: Input/output error", retry=True)
    devices = [operations.Attached("/dev/loop0", True), operations.Attached("/dev/loop1", False)]
    machine = booted(LOOP, {operations.Mount: [late, None], operations.AttachLoop: devices})
    done = machine.of(operations.AttachLoop, operations.Mount, operations.DetachLoop)
    assert [type(one).__name__ for one in done] == ["AttachLoop", "Mount", "DetachLoop", "AttachLoop", "Mount"]
    assert machine.of(operations.Mount)[1].source == "/dev/loop1"


# The export.


def test_the_boot_asks_for_the_export() -> None:
    machine = booted("root=/dev/nfs nfsroot=/x ip=dhcp rw", {operations.MountExport: "10.0.2.2:/x"})
    assert machine.of(operations.MountExport) == [
        operations.MountExport(Export("", "/x", ""), "/sysroot", "rw", False, 180.0)
    ]
    assert machine.of(operations.MountShare) == []
    assert any("share: 10.0.2.2:/x mounted on /sysroot" in line for line in machine.log())


@pytest.mark.parametrize(("words", "mode"), [("ro", "ro"), ("", "ro"), ("rw", "rw"), ("ro loop=disk.img", "rw")])
def test_read_only_is_the_roots_affair(words: str, mode: str) -> None:
    machine = booted(f"nfsroot=/x {words}", {operations.MountExport: "10.0.2.2:/x"})
    (asked,) = machine.of(operations.MountExport)
    assert (asked.mode, asked.container) == (mode, "loop" in words)


def test_a_server_that_is_late_is_waited_for() -> None:
    late = StepError("10.0.2.2:/x: Connection refused", retry=True)
    machine = booted("nfsroot=/x rw", {operations.MountExport: [late, late, "10.0.2.2:/x"]})
    assert len(machine.of(operations.MountExport)) == 3
    assert machine.of(operations.Report) == []


# The switch.


@pytest.mark.parametrize(
    ("words", "real", "way", "final"),
    [
        ("", "/usr/lib/systemd/systemd", "ramdisk", operations.SwitchRoot),
        ("", "/bin/busybox", "supervise", operations.Supervise),
        ("", "/sbin/init", "supervise", operations.Supervise),
        ("rd.handoff=auto", "/lib/systemd/systemd", "ramdisk", operations.SwitchRoot),
        ("rd.handoff=ramdisk", "/sbin/init", "ramdisk", operations.SwitchRoot),
        ("rd.handoff=supervise", "/usr/lib/systemd/systemd", "supervise", operations.Supervise),
        ("rd.handoff=none", "/usr/lib/systemd/systemd", "none", operations.SwitchRoot),
        ("rd.handoff=none", "/sbin/init", "none", operations.SwitchRoot),
    ],
)
def test_handoff(words: str, real: str, way: str, final: type) -> None:
    machine = booted(f"{LOOP} {words}", {operations.Resolve: real})
    assert f"switch: starting /sbin/init, the way back is '{way}'" in machine.log(5)
    assert machine.done[-1] == final(("/sbin/init",))
    assert len(machine.of(operations.StageRamdisk)) == (way != "none")


def test_the_ramdisk_is_complete_before_the_real_init_starts_or_there_is_no_switch() -> None:
    names = booted(LOOP).names()
    assert names.index("StageRamdisk") < names.index("Supervise")
    machine = booted(f"{LOOP} panic=-1", {operations.StageRamdisk: StepError("No space left on device")})
    assert machine.names()[-3:] == ["StageRamdisk", "Report", "End"]


@pytest.mark.parametrize("final", [operations.SwitchRoot, operations.Supervise])
def test_an_init_that_cannot_be_executed_leaves_a_shell(final: type) -> None:
    words = f"{LOOP} rd.handoff={'supervise' if final is operations.Supervise else 'ramdisk'}"
    machine = booted(words, {final: [StepError("cannot start /sbin/init: Exec format error", errno=8), None]})
    assert machine.names()[-8:] == [
        "Resolve", "StageRamdisk", final.__name__, "Report", "Shell", "Resolve", "StageRamdisk", final.__name__,
    ]  # fmt: skip
    assert "the step 'switch' failed" in machine.of(operations.Report)[0].text
    assert "Exec format error" in machine.of(operations.Report)[0].text


def test_the_root_gone_at_the_last_moment() -> None:
    """The shell at rd.break=switch may have unmounted it."""
    machine = booted(f"{PLAIN} rd.break=switch panic=-1", {operations.Resolve: ["/sbin/init", ""]})
    assert "no init on /sysroot" in machine.of(operations.Report)[0].text


def test_operations_describe_themselves() -> None:
    assert [operation.describe() for operation in booted(f"{LOOP} rootdelay=2").done] == [
        "load drivers",
        "log: drivers: 7 modules loaded [0.00 s]",
        "configure the network (at most 180 s)",
        "log: network: 0 configured [0.00 s]",
        "log: rootdelay: waiting 2 s",
        "wait 2 s",
        "mount //server/share on /run/initramfs/share with vers=3.1.1,hard,nolease,username=anna",
        "log: share: //server/share mounted on /run/initramfs/share [0.00 s]",
        "look for /run/initramfs/share/images/root.img",
        "read 65753 bytes of /run/initramfs/share/images/root.img at 0",
        "take the lease on /run/initramfs/share/images/root.img to write",
        "log: lease: images/root.img is ours to write",
        "attach /run/initramfs/share/images/root.img",
        "log: container: images/root.img on /dev/loop0, sectors of 4096 bytes, direct I/O",
        "/sbin/e2fsck -p -C1 /dev/loop0",
        "mount /dev/loop0 (ext4) on /sysroot with ro",
        "log: container: images/root.img (ext4, ro) on /dev/loop0 mounted on /sysroot [0.00 s]",
        "look for /sbin/init below /sysroot",
        "log: root: init is /sbin/init [0.00 s]",
        "look for /sbin/init below /sysroot",
        "stage the shutdown ramdisk",
        "log: switch: shutdown ramdisk staged, 9.9 MB",
        "log: switch: starting /sbin/init, the way back is 'supervise'",
        "start /sbin/init under the supervisor",
    ]
    for operation, text in (
        (operations.AttachLoop("/a", True, 512, 1024), "attach /a from byte 1024 on read-only"),
        (operations.Mount("a", "/b", "tmpfs", ""), "mount a (tmpfs) on /b with defaults"),
        (operations.Now(), "look at the clock"),
        (operations.DetachLoop("/dev/loop3"), "detach /dev/loop3"),
        (operations.SwitchRoot(("/i", "1")), "switch root to /i"),
        (operations.Report("long"), "report"),
        (operations.Shell("hello"), "start a shell on the console"),
        (operations.End("halt"), "halt"),
    ):
        assert operation.describe() == text
