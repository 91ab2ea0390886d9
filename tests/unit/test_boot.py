"""Every path through a boot, on a machine made of answers."""

from __future__ import annotations

from typing import Any

import pytest

from init import boot, ops
from init.cmdline import parse
from init.ops import StepError
from init.places import SHARE_POINT, SYSROOT
from init.settings import STEPS, Settings, from_command_line
from tests.machine import Machine

PLAIN = "root=/dev/cifs cifsroot=//server/share,username=anna,password=secret ip=dhcp"
LOOP = f"{PLAIN} loop=images/root.img"
DOWN = StepError("//server/share: No route to host", retry=True, hint="is the server on?")
WRONG = StepError(
    "//server/share: Permission denied", ("mount error(13): Permission denied",), 13, hint="wrong password?"
)


def settings(text: str, arguments: tuple[str, ...] = ()) -> Settings:
    return from_command_line(parse(text), "", arguments)


def booted(text: str, answers: dict[type, Any] | None = None, arguments: tuple[str, ...] = ()) -> Machine:
    machine = Machine(answers)
    machine.run(boot.boot(settings(text, arguments)))
    return machine


def shells(*outcomes: Any) -> dict[type, Any]:
    """A share that fails as `outcomes` say, one try after the other."""
    return {ops.MountShare: list(outcomes)}


def test_plain_share_in_order() -> None:
    machine = booted(PLAIN)
    assert machine.names() == [
        "LoadDrivers", "ConfigureNetwork", "MountShare", "ReadAt", "TryRoot", "TakeHostName", "Resolve",
        "Resolve", "StageRamdisk", "Supervise",
    ]  # fmt: skip
    assert machine.of(ops.MountShare) == [
        ops.MountShare("//server/share", SYSROOT, "vers=3.1.1,posix,hard,username=anna,ro", "secret", 180.0)
    ]
    assert machine.of(ops.Supervise) == [ops.Supervise(("/sbin/init",))]
    assert machine.log() == [
        "drivers: 7 modules loaded [0.00 s]",
        "network: 0 configured [0.00 s]",
        "share: //server/share mounted on /sysroot with vers=3.1.1,posix,hard [0.00 s]",
        "root: init is /sbin/init [0.00 s]",
        "switch: shutdown ramdisk staged, 9.9 MB",
        "switch: starting /sbin/init, the way back is 'supervise'",
    ]


def test_container_in_order() -> None:
    machine = booted(LOOP)
    assert machine.names() == [
        "LoadDrivers", "ConfigureNetwork", "MountShare", "FindContainer", "ReadAt", "Claim", "AttachLoop",
        "CheckFilesystem", "Mount", "Resolve", "Resolve", "StageRamdisk", "Supervise",
    ]  # fmt: skip
    share = machine.of(ops.MountShare)[0]
    assert (share.target, share.options) == (SHARE_POINT, "vers=3.1.1,hard,nolease,username=anna")
    assert machine.of(ops.AttachLoop) == [ops.AttachLoop(f"{SHARE_POINT}/images/root.img", False, 4096)]
    assert machine.of(ops.Mount) == [ops.Mount("/dev/loop0", SYSROOT, "ext4", "ro")]
    assert "container: images/root.img (ext4, ro) on /dev/loop0 mounted on /sysroot [0.00 s]" in machine.log()


def test_no_secret_in_what_is_logged_or_described() -> None:
    machine = booted(f"{LOOP} panic=-1", {ops.Mount: WRONG})
    for operation in machine.done:
        assert "secret" not in operation.describe()
    assert not any("secret" in text for text in machine.log())
    assert not any("secret" in operation.text for operation in machine.of(ops.Report))


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
    assert [(one.fstype, one.options) for one in machine.of(ops.Mount)] == [mount]
    assert machine.of(ops.AttachLoop)[0].read_only is not written


@pytest.mark.parametrize(("word", "option"), [("", "ro"), ("rw", "rw"), ("ro", "ro")])
def test_plain_share_is_mounted_ro_or_rw(word: str, option: str) -> None:
    assert booted(f"{PLAIN} {word}").of(ops.MountShare)[0].options.split(",")[-1] == option


def test_domain_and_missing_user() -> None:
    share = booted("cifsroot=//s/x,user=LAB\\anna,pass=p").of(ops.MountShare)[0]
    assert share.options == "vers=3.1.1,posix,hard,username=anna,domain=LAB,ro"
    share = booted("cifsroot=//s/x").of(ops.MountShare)[0]
    assert (share.options, share.password) == ("vers=3.1.1,posix,hard,guest,ro", None)


def test_time_outs_handed_on() -> None:
    def seen(words: str) -> tuple[float, float]:
        machine = booted(f"{PLAIN} {words}")
        return machine.of(ops.ConfigureNetwork)[0].timeout, machine.of(ops.MountShare)[0].timeout

    assert seen("") == (180, 180)
    assert seen("rd.timeout=12") == (12, 12)
    assert seen("rd.retry=5") == (5, 30)  # one try of a mount is given 30 s at least
    assert seen("rd.retry=5 rd.timeout=7") == (7, 7)


# Retrying.


def test_retries_until_the_server_answers() -> None:
    machine = booted(PLAIN, shells(DOWN, DOWN, DOWN, None))
    assert [one.seconds for one in machine.of(ops.Sleep)] == [0.5, 0.75, 1.125]
    # the same reason is told but once
    assert machine.log(4) == ["share: //server/share: No route to host; trying again, for 180 s at most"]
    assert "share: //server/share mounted on /sysroot with vers=3.1.1,posix,hard [2.38 s]" in machine.log()
    assert machine.names()[-1] == "Supervise"


def test_each_new_reason_is_told() -> None:
    other = StepError("//server/share: Connection refused", retry=True)
    machine = booted(PLAIN, shells(DOWN, other, other, DOWN, None))
    assert machine.log(4) == [
        "share: //server/share: No route to host; trying again, for 180 s at most",
        "share: //server/share: Connection refused; trying again, for 180 s at most",
        "share: //server/share: No route to host; trying again, for 180 s at most",
    ]


def test_retry_runs_out_with_the_clock() -> None:
    machine = booted(f"{PLAIN} rd.retry=20 panic=-1", shells(DOWN))
    waits = [one.seconds for one in machine.of(ops.Sleep)]
    assert waits[-1] == 5.0 == max(waits)  # grows, but no further
    assert waits == sorted(waits)
    assert sum(waits) <= 20 < sum(waits) + 5
    assert machine.of(ops.End) == [ops.End("reboot")]
    assert machine.of(ops.Report)[0].text.startswith("mkinitfs: the step 'share' failed after ")


def test_time_that_the_tries_take_counts() -> None:
    machine = Machine()

    def slow(_: ops.MountShare) -> StepError:
        machine.now += 8
        return DOWN

    machine._answers[ops.MountShare] = slow
    machine.run(boot.boot(settings(f"{PLAIN} rd.retry=20 panic=-1")))
    assert len(machine.of(ops.MountShare)) == 3  # after 8, 16.5 and 25.25 s
    assert "failed after 25.2 s" in machine.of(ops.Report)[0].text


@pytest.mark.parametrize("words", ["rd.retry=0", "rd.retry=0.4", "rd.retry=-1"])
def test_no_time_no_retry(words: str) -> None:
    machine = booted(f"{PLAIN} {words} panic=-1", shells(DOWN))
    assert len(machine.of(ops.MountShare)) == 1
    assert not machine.of(ops.Sleep)


def test_no_retry_where_it_cannot_help() -> None:
    machine = booted(f"{PLAIN} panic=-1", shells(WRONG))
    assert machine.names() == ["LoadDrivers", "ConfigureNetwork", "MountShare", "Report", "End"]


def test_rootwait_never_gives_up() -> None:
    machine = booted(f"{PLAIN} rd.retry=1 rootwait panic=-1", shells(*[DOWN] * 200, None))
    assert machine.now - 1000 > 900
    assert machine.names()[-1] == "Supervise"
    # but what cannot be mended by waiting is not waited for
    machine = booted(f"{PLAIN} rootwait panic=-1", shells(WRONG))
    assert machine.of(ops.End)


def test_rootdelay_comes_before_the_share() -> None:
    machine = booted(f"{PLAIN} rootdelay=7.5")
    names = machine.names()
    assert names.index("Sleep") == names.index("MountShare") - 1
    assert machine.of(ops.Sleep) == [ops.Sleep(7.5)]
    assert "rootdelay: waiting 7.5 s" in machine.log()
    assert not booted(f"{PLAIN} rootdelay=0").of(ops.Sleep)


# Giving up.


def test_panic_waits_then_reboots() -> None:
    machine = booted(f"{PLAIN} panic=30", shells(WRONG))
    assert machine.names()[-3:] == ["Report", "Sleep", "End"]
    assert machine.of(ops.Sleep, ops.End) == [ops.Sleep(30.0), ops.End("reboot")]
    assert "panic=30: rebooting" in machine.log(3)


def test_negative_panic_reboots_at_once() -> None:
    machine = booted(f"{PLAIN} panic=-1", shells(WRONG))
    assert machine.names()[-2:] == ["Report", "End"]
    assert not machine.of(ops.Sleep, ops.Shell)


@pytest.mark.parametrize("words", ["", "panic=0", "panic=", "rd.shell=1", "rd.shell"])
def test_shell_otherwise(words: str) -> None:
    machine = booted(f"{PLAIN} {words}", {**shells(WRONG, None), ops.Resolve: _first_time_nothing()})
    assert machine.names()[2:6] == ["MountShare", "Report", "Shell", "Resolve"]
    assert machine.of(ops.Shell) == [
        ops.Shell("emergency shell: leave it to try 'share' again, or mount a root on /sysroot first")
    ]


@pytest.mark.parametrize("word", ["0", "no", "off"])
def test_no_shell_halts(word: str) -> None:
    machine = booted(f"{PLAIN} rd.shell={word}", shells(WRONG))
    assert machine.names()[-2:] == ["Report", "End"]
    assert machine.of(ops.End) == [ops.End("halt")]
    assert "rd.shell=0: no shell, the machine is halted" in machine.log(3)


def test_panic_before_no_shell() -> None:
    assert booted(f"{PLAIN} rd.shell=0 panic=-1", shells(WRONG)).of(ops.End) == [ops.End("reboot")]


def _first_time_nothing(candidates: int = 4) -> Any:
    """No init at the first look (each candidate asked for once), then all of them."""
    asked = []

    def resolve(operation: ops.Resolve) -> str:
        asked.append(operation)
        return operation.path if len(asked) > candidates else ""

    return resolve


def test_the_step_is_tried_again_after_the_shell() -> None:
    answers = {ops.LoadDrivers: [StepError("no modules for the running kernel"), 3]}
    machine = booted(PLAIN, {**answers, ops.Resolve: _first_time_nothing()})
    assert machine.names(ops.Resolve) == [
        "LoadDrivers", "Report", "Shell", "LoadDrivers", "ConfigureNetwork", "MountShare", "ReadAt",
        "TryRoot", "TakeHostName", "StageRamdisk", "Supervise",
    ]  # fmt: skip


@pytest.mark.parametrize(("words", "verb"), [("", "reboot"), ("rd.break=drivers", "poweroff")])
def test_the_shell_can_end_the_machine(words: str, verb: str) -> None:
    machine = booted(f"{PLAIN} {words}", {**shells(WRONG), ops.Shell: verb})
    assert machine.names()[-2:] == ["Shell", "End"]
    assert machine.of(ops.End) == [ops.End(verb)]


def test_retry_starts_afresh_after_the_shell() -> None:
    machine = Machine({ops.Resolve: _first_time_nothing(8)})
    in_shell: list[float] = []

    def shell(_: ops.Shell) -> None:
        machine.now += 3600
        in_shell.append(machine.now)

    machine._answers |= {ops.Shell: shell, ops.MountShare: [*[DOWN] * 8, None]}
    machine.run(boot.boot(settings(f"{PLAIN} rd.retry=3")))
    # three waits (2.38 s) before each shell: the hour in it is not counted, and waiting starts small again
    assert [one.seconds for one in machine.of(ops.Sleep)] == [0.5, 0.75, 1.125] * 2
    assert len(in_shell) == 2
    assert "failed after 2.4 s" in machine.of(ops.Report)[1].text
    # what is told once is told again to whoever looks after the shell
    assert machine.log(4).count("share: //server/share: No route to host; trying again, for 3 s at most") == 2


@pytest.mark.parametrize("failing", [ops.LoadDrivers, ops.ConfigureNetwork, ops.MountShare, ops.AttachLoop])
def test_a_root_mounted_by_hand_ends_the_search(failing: type) -> None:
    machine = booted(LOOP, {failing: StepError("broken")})
    names = machine.names()
    assert names[names.index("Shell") :] == ["Shell", "Resolve", "Resolve", "StageRamdisk", "Supervise"]
    assert "root: /sysroot was mounted by hand" in machine.log(5)


def test_breakpoints_of_skipped_steps_are_skipped() -> None:
    machine = booted(f"{LOOP} rd.break=root,switch", {ops.MountShare: WRONG})
    assert [one.greeting.partition(":")[0] for one in machine.of(ops.Shell)] == [
        "emergency shell",
        "rd.break=switch",
    ]


def test_no_init_in_the_root() -> None:
    machine = booted(f"{PLAIN} panic=-1", {ops.Resolve: ""})
    assert [one.path for one in machine.of(ops.Resolve)] == ["/sbin/init", "/etc/init", "/bin/init", "/bin/sh"]
    assert machine.of(ops.Report)[0].text == (
        "mkinitfs: the step 'root' failed after 0.0 s\n"
        "  what failed: no init in the root: /sbin/init, /etc/init, /bin/init, /bin/sh is no program there\n"
        "  to try:      init=PATH names another"
    )


def test_init_given() -> None:
    machine = booted(f"{PLAIN} init=/opt/start")
    assert {one.path for one in machine.of(ops.Resolve)} == {"/opt/start"}
    assert machine.of(ops.Supervise) == [ops.Supervise(("/opt/start",))]


def test_init_given_but_not_there_is_not_replaced() -> None:
    answers = {ops.Resolve: lambda operation: "" if operation.path == "/opt/start" else operation.path}
    machine = booted(f"{PLAIN} init=/opt/start panic=-1", answers)
    assert {one.path for one in machine.of(ops.Resolve)} == {"/opt/start"}
    assert "no init in the root: /opt/start is no program there" in machine.of(ops.Report)[0].text


def test_the_first_candidate_that_is_there() -> None:
    answers = {ops.Resolve: lambda operation: "/usr/bin/dash" if operation.path == "/bin/sh" else ""}
    machine = booted(PLAIN, answers)
    assert "root: init is /bin/sh (/usr/bin/dash) [0.00 s]" in machine.log()
    assert machine.of(ops.Supervise) == [ops.Supervise(("/bin/sh",))]


def test_arguments_reach_the_init() -> None:
    machine = booted(PLAIN, arguments=("single", "3"))
    assert machine.of(ops.Supervise) == [ops.Supervise(("/sbin/init", "single", "3"))]


# The container.


def test_a_failed_container_leaves_no_loop_device() -> None:
    wrong = StepError("/dev/loop0 (ext4): Invalid argument", ("EXT4-fs: bad",), 22, hint="fsck")
    machine = booted(f"{LOOP} panic=-1", {ops.Mount: wrong})
    assert machine.names()[3:] == [
        "FindContainer", "ReadAt", "Claim", "AttachLoop", "CheckFilesystem", "Mount", "DetachLoop", "GiveUp", "Report",
        "End",
    ]  # fmt: skip
    assert machine.of(ops.DetachLoop) == [ops.DetachLoop("/dev/loop0")]
    assert "what failed: /dev/loop0 (ext4): Invalid argument\n" in machine.of(ops.Report)[0].text


def test_an_unknown_file_system_is_not_even_attached() -> None:
    machine = booted(f"{LOOP} panic=-1", {ops.ReadAt: b""})
    assert machine.names()[3:] == ["FindContainer", "ReadAt", "ReadAt", "Report", "End"]
    assert "images/root.img: no file system that is known here" in machine.of(ops.Report)[0].text
    assert "loopfstype=TYPE" in machine.of(ops.Report)[0].text


def test_what_failed_first_is_what_is_told() -> None:
    """A loop device that cannot be detached must not hide why the container was not mounted."""
    broken = {ops.Mount: StepError("/dev/loop0: bad super block"), ops.DetachLoop: StepError("cannot detach")}
    machine = booted(f"{LOOP} panic=-1", broken)
    assert "what failed: /dev/loop0: bad super block" in machine.of(ops.Report)[0].text


def test_nothing_to_detach_where_nothing_was_attached() -> None:
    machine = booted(f"{LOOP} panic=-1", {ops.AttachLoop: StepError("no such file on the share")})
    assert machine.names()[3:] == ["FindContainer", "ReadAt", "Claim", "AttachLoop", "GiveUp", "Report", "End"]


def test_a_container_that_comes_later_is_attached_afresh() -> None:
    late = StepError("/dev/loop0: Input/output error", retry=True)
    devices = [ops.Attached("/dev/loop0", True), ops.Attached("/dev/loop1", False)]
    machine = booted(LOOP, {ops.Mount: [late, None], ops.AttachLoop: devices})
    assert [type(one).__name__ for one in machine.of(ops.AttachLoop, ops.Mount, ops.DetachLoop)] == [
        "AttachLoop", "Mount", "DetachLoop", "AttachLoop", "Mount",
    ]  # fmt: skip
    assert machine.of(ops.Mount)[1].source == "/dev/loop1"


# Breakpoints.


@pytest.mark.parametrize(
    ("step", "after"),
    [
        ("drivers", "LoadDrivers"),
        ("network", "ConfigureNetwork"),
        ("share", "MountShare"),
        ("container", "FindContainer"),
        ("root", "Resolve"),
        ("switch", "Resolve"),
    ],
)
def test_break_at_each_step(step: str, after: str) -> None:
    machine = booted(f"{LOOP} rd.break={step}")
    assert machine.of(ops.Shell) == [
        ops.Shell(f"rd.break={step}: stopped before the step '{step}'; leave the shell to go on")
    ]
    names = machine.names()
    assert names[names.index("Shell") + 1] == after
    assert [name for name in names if name != "Shell"] == booted(LOOP).names()


def test_break_everywhere_and_only_once_each() -> None:
    every = f"rd.break={','.join(STEPS)}"
    machine = booted(f"{LOOP} overlay=tmpfs {every}", shells(DOWN, DOWN, None))
    assert [one.greeting.split(":")[0] for one in machine.of(ops.Shell)] == [f"rd.break={name}" for name in STEPS]


# The switch.


@pytest.mark.parametrize(
    ("words", "real", "way", "final"),
    [
        ("", "/usr/lib/systemd/systemd", "ramdisk", ops.SwitchRoot),
        ("", "/bin/busybox", "supervise", ops.Supervise),
        ("", "/sbin/init", "supervise", ops.Supervise),
        ("rd.handoff=auto", "/lib/systemd/systemd", "ramdisk", ops.SwitchRoot),
        ("rd.handoff=ramdisk", "/sbin/init", "ramdisk", ops.SwitchRoot),
        ("rd.handoff=supervise", "/usr/lib/systemd/systemd", "supervise", ops.Supervise),
        ("rd.handoff=none", "/usr/lib/systemd/systemd", "none", ops.SwitchRoot),
        ("rd.handoff=none", "/sbin/init", "none", ops.SwitchRoot),
    ],
)
def test_handoff(words: str, real: str, way: str, final: type) -> None:
    machine = booted(f"{LOOP} {words}", {ops.Resolve: real})
    assert f"switch: starting /sbin/init, the way back is '{way}'" in machine.log(5)
    assert machine.done[-1] == final(("/sbin/init",))
    assert len(machine.of(ops.StageRamdisk)) == (way != "none")


def test_the_ramdisk_is_complete_before_the_real_init_starts() -> None:
    names = booted(LOOP).names()
    assert names.index("StageRamdisk") < names.index("Supervise")


def test_a_ramdisk_that_cannot_be_staged_stops_the_switch() -> None:
    machine = booted(f"{LOOP} panic=-1", {ops.StageRamdisk: StepError("No space left on device")})
    assert machine.names()[-3:] == ["StageRamdisk", "Report", "End"]


@pytest.mark.parametrize("final", [ops.SwitchRoot, ops.Supervise])
def test_an_init_that_cannot_be_executed_leaves_a_shell(final: type) -> None:
    words = f"{LOOP} rd.handoff={'supervise' if final is ops.Supervise else 'ramdisk'}"
    machine = booted(words, {final: [StepError("cannot start /sbin/init: Exec format error", errno=8), None]})
    assert machine.names()[-8:] == [
        "Resolve", "StageRamdisk", final.__name__, "Report", "Shell", "Resolve", "StageRamdisk", final.__name__,
    ]  # fmt: skip
    assert "the step 'switch' failed" in machine.of(ops.Report)[0].text
    assert "Exec format error" in machine.of(ops.Report)[0].text


def test_the_root_gone_at_the_last_moment() -> None:
    """The shell at rd.break=switch may have unmounted it."""
    machine = booted(f"{PLAIN} rd.break=switch panic=-1", {ops.Resolve: ["/sbin/init", ""]})
    assert "no init on /sysroot" in machine.of(ops.Report)[0].text


# Texts.


def test_report_in_full() -> None:
    error = StepError("//s/x: Permission denied", ("mount error(13)", "CIFS: logon failure"), hint="password?")
    assert boot.report("share", error, 12.34) == (
        "mkinitfs: the step 'share' failed after 12.3 s\n"
        "  what failed: //s/x: Permission denied\n"
        "  it said:     mount error(13)\n"
        "               CIFS: logon failure\n"
        "  to try:      password?"
    )
    assert boot.report("root", StepError("nothing"), 0) == (
        "mkinitfs: the step 'root' failed after 0.0 s\n  what failed: nothing"
    )


def refused(panic: int, shell: bool) -> Machine:
    machine = Machine(limit=12)
    machine.run(boot.refuse(("panic=x: a number of seconds is meant", "cifsroot=: missing"), panic, shell))
    return machine


def test_a_wrong_command_line_is_told_whole() -> None:
    machine = refused(-1, True)
    assert machine.names() == ["Report", "End"]
    assert machine.of(ops.Report)[0].text == (
        "mkinitfs: the step 'cmdline' failed after 0.0 s\n"
        "  what failed: the kernel command line is wrong\n"
        "  it said:     panic=x: a number of seconds is meant\n"
        "               cifsroot=: missing\n"
        "  to try:      mend it in the boot loader and start again"
    )
    assert machine.log(3)[0] == "cmdline: panic=x: a number of seconds is meant; cifsroot=: missing"


def test_a_wrong_command_line_ends_as_panic_and_shell_say() -> None:
    assert refused(9, True).names() == ["Report", "Sleep", "End"]
    assert refused(0, False).of(ops.End) == [ops.End("halt")]
    with pytest.raises(AssertionError, match="no end after 12 operations"):  # a shell, and another
        refused(0, True)


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
    assert ops.AttachLoop("/a", True, 512, 1024).describe() == "attach /a from byte 1024 on read-only"
    assert ops.Mount("a", "/b", "tmpfs", "").describe() == "mount a (tmpfs) on /b with defaults"
    for operation, text in (
        (ops.Now(), "look at the clock"),
        (ops.DetachLoop("/dev/loop3"), "detach /dev/loop3"),
        (ops.SwitchRoot(("/i", "1")), "switch root to /i"),
        (ops.Report("long"), "report"),
        (ops.Shell("hello"), "start a shell on the console"),
        (ops.End("halt"), "halt"),
    ):
        assert operation.describe() == text
