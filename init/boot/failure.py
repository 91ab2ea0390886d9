"""How a boot that failed ends: the report, then a shell or what panic= says."""

from __future__ import annotations

from init import operations
from init.cmdline.settings import Settings
from init.operations import StepError
from init.system.log import ERROR
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from init.operations import Steps


def end_unless_shell(panic: int, wants_shell: bool) -> Steps:
    """What panic= says (seconds until the reboot; negative: at once), else a halt where no shell is wanted."""
    if panic:
        yield operations.Log(ERROR, f"panic={panic}: rebooting")
        if panic > 0:
            yield operations.Sleep(float(panic))
        yield operations.End("reboot")
    if not wants_shell:
        yield operations.Log(ERROR, "rd.shell=0: no shell, the machine is halted")
        yield operations.End("halt")


def overdue(settings: Settings, call: str, seconds: float) -> Steps:
    """A server has been silent for longer than a boot waits: what patience.py's process does about it.

    PID 1 waits in the call, so there is no going on in a shell; where the server comes back the boot goes on.
    """
    error = StepError(
        f"no answer from the server to: {call}", hint="is the server on? the boot goes on as soon as it answers"
    )
    yield operations.Log(ERROR, error.reason)
    yield operations.Report(report("share", error, seconds))
    yield from end_unless_shell(settings.panic, settings.shell)


def waits(settings: Settings) -> float:
    """The seconds that one call to a server may take."""
    return float("inf") if settings.rootwait else settings.timeout or max(30.0, settings.retry)


def shell(greeting: str) -> Steps:
    """A shell, until it is left: to go on, or to end the machine."""
    verb = yield operations.Shell(greeting)
    if verb:
        yield operations.End(verb)


def refuse(mistakes: tuple[str, ...], panic: int, wants_shell: bool) -> Steps:
    """A command line that cannot be booted: everything wrong with it, then a shell or what panic= says."""
    error = StepError("the kernel command line is wrong", mistakes, hint="mend it in the boot loader and start again")
    yield operations.Log(ERROR, f"cmdline: {'; '.join(mistakes)}")
    yield operations.Report(report("cmdline", error, 0.0))
    yield from end_unless_shell(panic, wants_shell)
    while True:
        yield from shell("emergency shell: the command line cannot be changed from here, `reboot` starts again")


def report(name: str, error: StepError, seconds: float) -> str:
    """What failed, what the kernel said, what to try: the text shown on the console."""
    lines = [f"mkinitfs: the step '{name}' failed after {seconds:.1f} s", f"  what failed: {error.reason}"]
    lines += [f"  {'it said:' if index == 0 else '        '}     {line}" for index, line in enumerate(error.said)]
    if error.hint:
        lines.append(f"  to try:      {error.hint}")
    return "\n".join(lines)
