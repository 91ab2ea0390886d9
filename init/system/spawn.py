"""Starting a program and hearing what it has to say, without the weight of `subprocess`."""

from __future__ import annotations

import os
import time

from init.system import child
from init.system.cmodules import signal
from init.system.stdlib import Callable, NamedTuple

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Finished(NamedTuple):
    """How a program ended."""

    code: int  # its exit code, negative for a signal
    output: str  # both its streams
    timed_out: bool


def run(
    argv: tuple[str, ...], *, timeout: float, secret: str | None = None, heard: Callable[[str], None] | None = None
) -> Finished:
    """Run `argv` to its end, at most `timeout` seconds, then kill it; `heard` is told what it says while it says it.

    `secret` is handed over through a pipe whose number stands in PASSWD_FD (mount.cifs(8)): neither an
    argument list nor the environment nor a file ever holds it. Raises OSError where there is no such program.
    """
    pid, output = _start(argv, secret)
    deadline = time.monotonic() + timeout
    try:
        said = child.read(output, timeout, heard)[0].decode(errors="replace")
    finally:
        os.close(output)
    status = child.wait(pid, deadline - time.monotonic())
    if status is None:
        child.kill(pid)
        return Finished(-signal.SIGKILL, said, True)
    return Finished(os.waitstatus_to_exitcode(status), said, False)


def _start(argv: tuple[str, ...], secret: str | None) -> tuple[int, int]:
    """Start `argv`; its PID, and our end of the pipe that takes its output."""
    output, theirs = os.pipe2(os.O_CLOEXEC)
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    environment = {"PATH": PATH}
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, theirs, 1), (os.POSIX_SPAWN_DUP2, theirs, 2)]
    handed_over = -1
    if secret is not None:
        handed_over, writer = os.pipe2(os.O_CLOEXEC)
        os.write(writer, os.fsencode(secret))  # no newline: mount.cifs takes all it reads
        os.close(writer)
        actions.append((os.POSIX_SPAWN_DUP2, handed_over, 3))
        environment["PASSWD_FD"] = "3"  # noqa: S105  (a number, not a password)
    try:
        return os.posix_spawn(argv[0], argv, environment, file_actions=actions), output
    except OSError:
        os.close(output)
        raise
    finally:
        for descriptor in (theirs, null, handed_over):
            if descriptor >= 0:
                os.close(descriptor)
