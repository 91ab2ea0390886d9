"""The console: what is written there past the log, and a shell."""

from __future__ import annotations

import fcntl
import os

from init.system import syscalls
from init.system.cmodules import signal
from init.system.files import read_text
from init.system.spawn import PATH

LONGEST_WRITING = 2.0  # seconds: 2 kB at 9600 bit/s; a line that takes nothing is no reason to stop
# The signals by which busybox's halt, poweroff and reboot ask PID 1, unless -f has them do it (its init/halt.c).
_ASKED: dict[int, str] = {signal.SIGUSR1: "halt", signal.SIGUSR2: "poweroff", signal.SIGTERM: "reboot"}


def tell(lines: list[str]) -> None:
    """Write to the console itself, where `quiet` hides the log, before anything else is logged."""
    try:
        with open("/dev/console", "w", errors="replace") as console:
            console.write("".join(f"{line}\n" for line in lines))
            console.flush()
            # The kernel writes its log past the terminal's queue, into the middle of what is waiting there.
            syscalls.await_sent(console.fileno(), LONGEST_WRITING)
    except OSError:
        pass


def interactive_shell(greeting: str) -> str:
    """Run /bin/sh on the console, in a session of its own so that Ctrl-C works, until it is left.

    Answers "", or how the machine is to end where a command in the shell has asked PID 1 for that; the shell is ended.
    """
    awaited = (signal.SIGCHLD, *_ASKED)
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)  # what is blocked is kept even for PID 1
    child = os.fork()
    if child == 0:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited)
            _become_shell(greeting)
        finally:
            os._exit(127)
    try:
        while not os.waitpid(child, os.WNOHANG)[0]:
            if verb := _ASKED.get(signal.sigwait(awaited), ""):
                os.kill(child, signal.SIGKILL)
                return verb
        return ""
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited)


def console_terminal() -> str:
    """The terminal behind /dev/console, which itself cannot be a controlling one.

    It is the last console= of the command line, and the last in the kernel's list.
    """
    names = read_text("/sys/class/tty/console/active").split()
    path = f"/dev/{names[-1]}" if names else ""
    return path if path and os.path.exists(path) and path != "/dev/tty0" else "/dev/console"


def _become_shell(greeting: str) -> None:
    os.setsid()
    terminal = os.open(console_terminal(), os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(terminal, number)
    try:
        fcntl.ioctl(terminal, syscalls.TIOCSCTTY, 0)
    except OSError:
        pass  # no job control then
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.write(1, f"\nmkinitfs: {greeting}\n(the log: dmesg; the settings: cat /proc/cmdline; mounts: mount)\n".encode())
    environment = {"PATH": PATH, "TERM": os.environ.get("TERM", "linux"), "HOME": "/", "PS1": "(initramfs) "}
    os.execve("/bin/sh", ["sh", "-i"], environment)
