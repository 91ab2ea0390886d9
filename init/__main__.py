"""PID 1 in the image: wires kernel, log and boot together."""

from __future__ import annotations

import errno
import io
import os
import sys

from init.boot import failure, steps
from init.cmdline import handed_on, secrets, words
from init.cmdline.settings import SettingsError, ending, from_command_line
from init.perform import performer, ramdisk
from init.perform.machine import Machine
from init.perform.patience import Patience
from init.system import console, syscalls
from init.system.files import read_text
from init.system.log import INFO, Log, limit_kernel_log, masked
from init.system.places import CREDENTIALS


def mount_pseudo_file_systems() -> None:
    """/proc, /sys, /dev and /run, as INITRD_INTERFACE wants to find them."""
    safe = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    for source, target, flags, data in (
        ("proc", "/proc", safe, ""),
        ("sysfs", "/sys", safe, ""),
        ("devtmpfs", "/dev", syscalls.MS_NOSUID, "mode=755"),
        ("tmpfs", "/run", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=755"),
    ):
        os.makedirs(target, exist_ok=True)
        try:
            syscalls.mount(source, target, source, flags, data)
        except OSError as error:
            if error.errno != errno.EBUSY:  # the kernel mounted devtmpfs itself
                raise
    ramdisk.mount_tmpfs()


def main() -> None:
    """Boot. Only the real init, a reboot or the machine's end leave this function."""
    try:
        _boot()
    except BaseException:  # PID 1 must not end, whatever happened: the kernel would panic
        crashed()


def _boot() -> None:
    os.umask(0o022)
    os.chdir("/")
    mount_pseudo_file_systems()
    limit_kernel_log("on")
    log = Log()
    line = words.parse(read_text("/proc/cmdline"))
    credentials = read_text(CREDENTIALS)
    log.secrets |= secrets.found(line.words) | secrets.in_credentials(credentials)
    log.write(INFO, f"/init runs, Python {sys.version.split()[0]}")
    try:
        settings = from_command_line(line, credentials, handed_on.arguments(sys.argv[1:]))
    except SettingsError as error:
        performer.run(Machine(log), failure.refuse(error.mistakes, ending(line, [])))
        return

    def overdue(call: str, seconds: float) -> None:
        performer.run(Machine(log), failure.overdue(call, seconds, settings.ending))

    environment = handed_on.environment(os.environ)
    patience = Patience(settings.longest_call, log.write, overdue)
    machine = Machine(log, environment, settings.ending.panic, settings.debug, patience)
    performer.run(machine, steps.boot(settings))


def crashed() -> None:
    """A mistake of ours: show it whole, hand back what is attached where panic= says so, else leave a shell."""
    console.tell(["mkinitfs: /init failed; this is a mistake in it", *_traceback()])
    try:
        line = words.parse(read_text("/proc/cmdline"))
        performer.run(Machine(Log()), failure.end_unless_shell(ending(line, [])))
    except BaseException:  # the mistake may be in the way of that, too
        console.tell(_traceback())
    while True:
        if verb := console.interactive_shell("emergency shell after a crash; `reboot` restarts the machine"):
            performer.end(verb, Log().write)


def _traceback() -> list[str]:
    """The exception being handled, as the interpreter tells it: the traceback module is not in the image.

    Its message may quote the command line. Where what is secret there cannot be looked up, only places are told.
    """
    sys.stderr = told = io.StringIO()
    try:
        sys.__excepthook__(*sys.exc_info())
        line = words.parse(read_text("/proc/cmdline"))
        known = secrets.found(line.words) | secrets.in_credentials(read_text(CREDENTIALS))
        return masked(told.getvalue(), known).splitlines()
    except BaseException:
        return [line for line in told.getvalue().splitlines() if line.startswith('  File "')]
    finally:
        sys.stderr = sys.__stderr__
