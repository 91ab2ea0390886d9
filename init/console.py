"""The console: a shell for whoever has to look."""

from __future__ import annotations

import fcntl
import os

from .cheap import signal
from .spawn import PATH

_TIOCSCTTY = 0x540E


def tell(lines: list[str]) -> None:
    """Write to the console itself: `quiet` hides the log, but not this."""
    try:
        with open("/dev/console", "w", errors="replace") as console:
            console.write("".join(f"{line}\n" for line in lines))
    except OSError:
        pass


def interactive_shell(greeting: str) -> None:
    """Run /bin/sh on the console, in a session of its own so that Ctrl-C works, until it is left."""
    child = os.fork()
    if child == 0:
        try:
            _become_shell(greeting)
        finally:
            os._exit(127)
    while True:
        try:
            if os.waitpid(child, 0)[0] == child:
                return
        except InterruptedError:
            continue


def console_terminal() -> str:
    """The terminal behind /dev/console, which itself cannot be a controlling one (console_ioctl(4)).

    The last console= of the command line is the one; the kernel lists it last, too.
    """
    try:
        with open("/sys/class/tty/console/active") as file:
            names = file.read().split()
    except OSError:
        names = []
    path = f"/dev/{names[-1]}" if names else ""
    return path if path and os.path.exists(path) and path != "/dev/tty0" else "/dev/console"


def _become_shell(greeting: str) -> None:
    os.setsid()
    terminal = os.open(console_terminal(), os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(terminal, number)
    try:
        fcntl.ioctl(terminal, _TIOCSCTTY, 0)
    except OSError:
        pass  # no job control then
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.write(
        1,
        f"\nmkinitfs: {greeting}\n(the log: dmesg; the settings: cat /proc/cmdline; mounts: mount)\n".encode(),
    )
    environment = {"PATH": PATH, "TERM": os.environ.get("TERM", "linux"), "HOME": "/", "PS1": "(initramfs) "}
    os.execve("/bin/sh", ["sh", "-i"], environment)
