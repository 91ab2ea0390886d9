"""PID 1 in the image: wires kernel, log and boot together."""

from __future__ import annotations

import errno
import os
import sys

from init.boot import failure, steps
from init.cmdline import words
from init.cmdline.settings import SettingsError, ending, from_command_line
from init.perform import performer, ramdisk
from init.perform.machine import Machine
from init.perform.patience import Patience
from init.system import console, syscalls
from init.system.files import read_text
from init.system.log import INFO, Log, limit_kernel_log
from init.system.places import CREDENTIALS

# Parameters of ours that the kernel, not knowing them, has put into our environment, or among our arguments where they
# stand alone (init/main.c, unknown_bootoption). The real init has no use for them, and cifsroot= may hold a password.
_OUR_PARAMETERS = (
    "cifsroot", "nfsroot", "nfsrootdebug", "nfsaddrs", "ip", "BOOTIF", "loop", "loopfstype", "loopflags",
    "vlan", "bond",
)  # fmt: skip


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
    log.write(INFO, f"/init runs, Python {sys.version.split()[0]}")
    arguments = tuple(word for word in sys.argv[1:] if word not in _OUR_PARAMETERS)
    try:
        settings = from_command_line(line, read_text(CREDENTIALS), arguments)
    except SettingsError as error:
        performer.run(Machine(log), failure.refuse(error.mistakes, ending(line, [])))
        return
    if settings.source.password:
        log.secrets.add(settings.source.password)

    def overdue(call: str, seconds: float) -> None:
        performer.run(Machine(log), failure.overdue(call, seconds, settings.ending))

    environment = {name: value for name, value in os.environ.items() if name not in _OUR_PARAMETERS and "." not in name}
    patience = Patience(settings.longest_call, log.write, overdue)
    machine = Machine(log, environment, settings.ending.panic, settings.debug, patience)
    performer.run(machine, steps.boot(settings))


def crashed() -> None:
    """A mistake of ours: show it whole, hand back what is attached where panic= says so, else leave a shell."""
    console.tell(["mkinitfs: /init failed; this is a mistake in it"])
    sys.__excepthook__(*sys.exc_info())  # the interpreter's own: the traceback module is not in the image
    try:
        line = words.parse(read_text("/proc/cmdline"))
        performer.run(Machine(Log()), failure.end_unless_shell(ending(line, [])))
    except BaseException:  # the mistake may be in the way of that, too
        sys.__excepthook__(*sys.exc_info())
    while True:
        if verb := console.interactive_shell("emergency shell after a crash; `reboot` restarts the machine"):
            performer.end(verb, Log().write)
