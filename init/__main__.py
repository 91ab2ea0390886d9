"""PID 1 in the image: wires kernel, log and boot together."""

from __future__ import annotations

import os
import sys

from init.boot import failure, steps
from init.cmdline import settings, words
from init.perform import patience, performer, ramdisk
from init.system import console, syscalls
from init.system import log as system_log
from init.system.files import read_text
from init.system.log import INFO, Log
from init.system.places import CREDENTIALS

# Names of ours that the kernel, not knowing them, has put into our environment (init/main.c,
# unknown_bootoption). The real init has no use for them, and cifsroot= may hold a password.
_OURS = (
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
            if error.errno != 16:  # EBUSY: the kernel mounted devtmpfs itself
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
    system_log.limit_kernel_log("on")
    log = Log()
    line = words.parse(read_text("/proc/cmdline"))
    log.write(INFO, f"/init runs, Python {sys.version.split()[0]}")
    try:
        arguments = tuple(word for word in sys.argv[1:] if word not in _OURS)  # "bond" and "nfsrootdebug" stand alone
        chosen = settings.from_command_line(line, read_text(CREDENTIALS), arguments)
    except settings.SettingsError as error:
        performer.Performer(log, {}, 0).run(failure.refuse(error.mistakes, *settings.ending(line, [])))
        return
    if chosen.source.password:
        log.secrets.add(chosen.source.password)
    environment = {name: value for name, value in os.environ.items() if name not in _OURS and "." not in name}

    def overdue(call: str, seconds: float) -> None:
        performer.Performer(log, {}, 0).run(failure.overdue(chosen, call, seconds))

    waiting = patience.Patience(failure.waits(chosen), log.write, overdue)
    performer.Performer(log, environment, chosen.panic, chosen.debug, waiting).run(steps.boot(chosen))


def crashed() -> None:
    """A mistake of ours: show it whole, hand back what is attached where panic= says so, else leave a shell."""
    console.tell(["mkinitfs: /init failed; this is a mistake in it"])
    sys.__excepthook__(*sys.exc_info())  # the interpreter's own: the traceback module is not in the image
    try:
        ending = settings.ending(words.parse(read_text("/proc/cmdline")), [])
        performer.Performer(Log(), {}, 0).run(failure.end_unless_shell(*ending))
    except BaseException:  # the mistake may be in the way of that, too
        sys.__excepthook__(*sys.exc_info())
    while True:
        if verb := console.interactive_shell("emergency shell after a crash; `reboot` restarts the machine"):
            performer.end(verb, Log())
