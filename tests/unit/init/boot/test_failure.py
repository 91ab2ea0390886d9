"""A boot that fails: tried again, told, and ended as panic= and the shell say; on a machine made of answers."""

from typing import Any

import pytest

from init import operations
from init.boot import failure, steps
from init.cmdline.settings import STEPS, Ending
from init.operations import End, LoadDrivers, MountShare, Report, Resolve, Shell, Sleep, StepError
from tests.machine import LOOP, PLAIN, Machine, booted, settings

DOWN = StepError("//server/share: No route to host", retry=True, hint="is the server on?")
WRONG = StepError(
    "//server/share: Permission denied", ("mount error(13): Permission denied",), 13, hint="wrong password?"
)


def shells(*outcomes: Any) -> dict[type, Any]:
    """A share that fails as `outcomes` say, one try after the other."""
    return {MountShare: list(outcomes)}


# Retrying.


def test_retries_until_the_server_answers() -> None:
    machine = booted(PLAIN, shells(DOWN, DOWN, DOWN, None))
    assert machine.of(Sleep) == [Sleep(0.5), Sleep(0.75), Sleep(1.125)]
    # the same reason is told but once
    assert machine.log(4) == ["share: //server/share: No route to host; trying again, for 180 s at most"]
    assert "share: //server/share mounted on /sysroot with vers=3.1.1,posix,nomapposix,hard [2.38 s]" in machine.log()
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
    seconds = [one.seconds for one in machine.of(Sleep)]
    assert seconds[-1] == 5.0 == max(seconds)  # grows, but no further
    assert seconds == sorted(seconds)
    assert sum(seconds) <= 20 < sum(seconds) + 5
    assert machine.of(End) == [End("reboot")]
    assert machine.of(Report)[0].text.startswith("mkinitfs: the step 'share' failed after ")


def test_time_that_the_tries_take_counts() -> None:
    machine = Machine()

    def slow(_: MountShare) -> StepError:
        machine.now += 8
        return DOWN

    machine.answers[MountShare] = slow
    machine.run(steps.boot(settings(f"{PLAIN} rd.retry=20 panic=-1")))
    assert len(machine.of(MountShare)) == 3  # after 8, 16.5 and 25.25 s
    assert "failed after 25.2 s" in machine.of(Report)[0].text


@pytest.mark.parametrize(
    ("words", "error"),
    [("rd.retry=0", DOWN), ("rd.retry=0.4", DOWN), ("rd.retry=-1", DOWN), ("", WRONG), ("rootwait", WRONG)],
)
def test_no_retry_without_time_and_where_it_cannot_help(words: str, error: StepError) -> None:
    machine = booted(f"{PLAIN} {words} panic=-1", shells(error))
    assert machine.names() == ["LoadDrivers", "ConfigureNetwork", "MountShare", "Report", "End"]


def test_rootwait_never_gives_up() -> None:
    machine = booted(f"{PLAIN} rd.retry=1 rootwait panic=-1", shells(*[DOWN] * 200, None))
    assert machine.now - 1000 > 900
    assert machine.names()[-1] == "Supervise"


def test_rootdelay_comes_before_the_share() -> None:
    machine = booted(f"{PLAIN} rootdelay=7.5")
    names = machine.names()
    assert names.index("Sleep") == names.index("MountShare") - 1
    assert machine.of(Sleep) == [Sleep(7.5)]
    assert "rootdelay: waiting 7.5 s" in machine.log()
    assert not booted(f"{PLAIN} rootdelay=0").of(Sleep)


# Giving up.


HALTED = "rd.shell=0: no shell, the machine is halted"


@pytest.mark.parametrize(
    ("words", "ends", "lines"),
    [
        ("panic=30", [Sleep(30.0), End("reboot")], {"panic=30: rebooting"}),
        ("panic=-1", [End("reboot")], set()),
        ("rd.shell=0", [End("halt")], {HALTED}),
        ("rd.shell=no", [End("halt")], {HALTED}),
        ("rd.shell=off", [End("halt")], {HALTED}),
        ("rd.shell=0 panic=-1", [End("reboot")], set()),  # panic= comes first
    ],
)
def test_the_end_without_a_shell(words: str, ends: list[Sleep | End], lines: set[str]) -> None:
    machine = booted(f"{PLAIN} {words}", shells(WRONG))
    assert machine.names()[-1 - len(ends) : -len(ends)] == ["Report"]
    assert machine.of(Sleep, Shell, End) == ends
    assert lines <= set(machine.log(3))


@pytest.mark.parametrize("words", ["", "panic=0", "panic=", "rd.shell=1", "rd.shell"])
def test_shell_otherwise(words: str) -> None:
    machine = booted(f"{PLAIN} {words}", {**shells(WRONG, None), Resolve: _first_time_nothing()})
    assert machine.names()[2:6] == ["MountShare", "Report", "Shell", "Resolve"]
    assert machine.of(Shell) == [
        Shell("emergency shell: leave it to try 'share' again, or mount a root on /sysroot first")
    ]


def _first_time_nothing(candidates: int = 4) -> Any:
    """No init at the first look (each candidate asked for once), then all of them."""
    asked = []

    def resolve(operation: Resolve) -> str:
        asked.append(operation)
        return operation.path if len(asked) > candidates else ""

    return resolve


def test_the_step_is_tried_again_after_the_shell() -> None:
    answers = {LoadDrivers: [StepError("no modules for the running kernel"), 3]}
    machine = booted(PLAIN, {**answers, Resolve: _first_time_nothing()})
    assert machine.names(Resolve) == [
        "LoadDrivers", "Report", "Shell", "LoadDrivers", "ConfigureNetwork", "MountShare", "ReadAt",
        "TryRoot", "TakeHostName", "ReadAt", "StageRamdisk", "Supervise",
    ]  # fmt: skip


@pytest.mark.parametrize(("words", "verb"), [("", "reboot"), ("rd.break=drivers", "poweroff")])
def test_the_shell_can_end_the_machine(words: str, verb: str) -> None:
    machine = booted(f"{PLAIN} {words}", {**shells(WRONG), Shell: verb})
    assert machine.names()[-2:] == ["Shell", "End"]
    assert machine.of(End) == [End(verb)]


def test_retry_starts_afresh_after_the_shell() -> None:
    machine = Machine({Resolve: _first_time_nothing(8)})
    in_shell: list[float] = []

    def shell(_: Shell) -> None:
        machine.now += 3600
        in_shell.append(machine.now)

    machine.answers |= {Shell: shell, MountShare: [*[DOWN] * 8, None]}
    machine.run(steps.boot(settings(f"{PLAIN} rd.retry=3")))
    # three waits (2.38 s) before each shell: the hour in it is not counted, and waiting starts small again
    assert machine.of(Sleep) == [Sleep(0.5), Sleep(0.75), Sleep(1.125)] * 2
    assert len(in_shell) == 2
    assert "failed after 2.4 s" in machine.of(Report)[1].text
    # what is told once is told again to whoever looks after the shell
    assert machine.log(4).count("share: //server/share: No route to host; trying again, for 3 s at most") == 2


@pytest.mark.parametrize("failing", [LoadDrivers, operations.ConfigureNetwork, MountShare, operations.AttachLoop])
def test_a_root_mounted_by_hand_ends_the_search(failing: type) -> None:
    machine = booted(LOOP, {failing: StepError("broken")})
    names = machine.names()
    assert names[names.index("Shell") :] == ["Shell", "Resolve", "Resolve", "StageRamdisk", "Supervise"]
    assert "root: /sysroot was mounted by hand" in machine.log(5)


def test_breakpoints_of_skipped_steps_are_skipped() -> None:
    machine = booted(f"{LOOP} rd.break=root,switch", {MountShare: WRONG})
    assert [one.greeting.partition(":")[0] for one in machine.of(Shell)] == ["emergency shell", "rd.break=switch"]


# Breakpoints.


@pytest.mark.parametrize(
    ("step", "after"),
    [
        ("drivers", "LoadDrivers"), ("network", "ConfigureNetwork"), ("share", "MountShare"),
        ("container", "FindContainer"), ("root", "Resolve"), ("switch", "Resolve"),
    ],
)  # fmt: skip
def test_break_at_each_step(step: str, after: str) -> None:
    machine = booted(f"{LOOP} rd.break={step}")
    assert machine.of(Shell) == [Shell(f"rd.break={step}: stopped before the step '{step}'; leave the shell to go on")]
    names = machine.names()
    assert names[names.index("Shell") + 1] == after
    assert [name for name in names if name != "Shell"] == booted(LOOP).names()


def test_break_everywhere_and_only_once_each() -> None:
    every = f"rd.break={','.join(STEPS)}"
    machine = booted(f"{LOOP} overlay=tmpfs {every}", shells(DOWN, DOWN, None))
    assert [one.greeting.split(":")[0] for one in machine.of(Shell)] == [f"rd.break={name}" for name in STEPS]


# Texts.


def test_report_in_full() -> None:
    error = StepError("//s/x: Permission denied", ("mount error(13)", "CIFS: logon failure"), hint="password?")
    assert failure.report("share", error, 12.34) == (
        "mkinitfs: the step 'share' failed after 12.3 s\n"
        "  what failed: //s/x: Permission denied\n"
        "  it said:     mount error(13)\n"
        "               CIFS: logon failure\n"
        "  to try:      password?"
    )
    assert failure.report("root", StepError("nothing"), 0) == (
        "mkinitfs: the step 'root' failed after 0.0 s\n  what failed: nothing"
    )


def refused(panic: int, shell: bool) -> Machine:
    machine = Machine(limit=12)
    mistakes = ("panic=x: a number of seconds is meant", "cifsroot=: missing")
    machine.run(failure.refuse(mistakes, Ending(panic, shell)))
    return machine


def test_a_wrong_command_line_is_told_whole() -> None:
    machine = refused(-1, True)
    assert machine.names() == ["Report", "End"]
    assert machine.of(Report)[0].text == (
        "mkinitfs: the step 'cmdline' failed after 0.0 s\n"
        "  what failed: the kernel command line is wrong\n"
        "  it said:     panic=x: a number of seconds is meant\n"
        "               cifsroot=: missing\n"
        "  to try:      mend it in the boot loader and start again"
    )
    assert machine.log(3)[0] == "cmdline: panic=x: a number of seconds is meant; cifsroot=: missing"


def test_a_wrong_command_line_ends_as_panic_and_shell_say() -> None:
    assert refused(9, True).names() == ["Report", "Sleep", "End"]
    assert refused(0, False).of(End) == [End("halt")]
    with pytest.raises(AssertionError, match="no end after 12 operations"):  # a shell, and another
        refused(0, True)
