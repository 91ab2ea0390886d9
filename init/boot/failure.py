"""How a boot that failed ends: the report, then what panic= says, or a shell."""

from __future__ import annotations

from init.cmdline.settings import Ending
from init.operations import End, Log, Report, Shell, Sleep, StepError, Steps
from init.system.log import ERROR


def give_up(step: str, error: StepError, seconds: float, ending: Ending) -> Steps:
    """The report, and what panic= says; comes back where a shell is to follow."""
    yield Report(report(step, error, seconds))
    yield from end_unless_shell(ending)


def report(step: str, error: StepError, seconds: float) -> str:
    """What failed, what the kernel said, what to try: the text shown on the console."""
    lines = [f"mkinitfs: the step '{step}' failed after {seconds:.1f} s", f"  what failed: {error.reason}"]
    lines += [f"  {'it said:' if index == 0 else '        '}     {line}" for index, line in enumerate(error.said)]
    if error.hint:
        lines.append(f"  to try:      {error.hint}")
    return "\n".join(lines)


def end_unless_shell(ending: Ending) -> Steps:
    """A reboot where panic= says so, else a halt where no shell is wanted."""
    if ending.panic:
        yield Log(ERROR, f"panic={ending.panic}: rebooting")
        if ending.panic > 0:
            yield Sleep(float(ending.panic))
        yield End("reboot")
    if not ending.shell:
        yield Log(ERROR, "rd.shell=0: no shell, the machine is halted")
        yield End("halt")


def shell(greeting: str) -> Steps:
    """A shell, until it is left: to go on, or to end the machine."""
    verb = yield Shell(greeting)
    if verb:
        yield End(verb)


def refuse(mistakes: tuple[str, ...], ending: Ending) -> Steps:
    """A boot that cannot begin: everything that is wrong with the command line, and the end or a shell for good."""
    error = StepError("the kernel command line is wrong", mistakes, hint="mend it in the boot loader and start again")
    yield Log(ERROR, f"cmdline: {'; '.join(mistakes)}")
    yield from give_up("cmdline", error, 0.0, ending)
    while True:
        yield from shell("emergency shell: the command line cannot be changed from here, `reboot` starts again")


def overdue(call: str, seconds: float, ending: Ending) -> Steps:
    """A server that has been silent for longer than a boot waits: what the process beside PID 1 does about it.

    PID 1 waits in the call (perform/patience.py), so there is no going on in a shell; where the server comes back,
    the boot goes on.
    """
    error = StepError(
        f"no answer from the server to: {call}", hint="is the server on? the boot goes on as soon as it answers"
    )
    yield Log(ERROR, error.reason)
    yield from give_up("share", error, seconds, ending)
