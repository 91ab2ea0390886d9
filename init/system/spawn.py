"""Starting a program and hearing what it has to say, without the weight of `subprocess`."""

from __future__ import annotations

import os
import select
import time

from init.system.cmodules import signal
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Finished(NamedTuple):
    """How a program ended: `code` is its exit code, negative for a signal; `output` both its streams."""

    code: int
    output: str
    timed_out: bool


def run(
    argv: tuple[str, ...], *, timeout: float, secret: str | None = None, heard: Callable[[str], None] | None = None
) -> Finished:
    """Run `argv` to its end, at most `timeout` seconds, then kill it; `heard` is told what it says while it says it.

    `secret` is handed over through a pipe whose number stands in PASSWD_FD (mount.cifs(8)): neither an
    argument list nor the environment nor a file ever holds it. Raises OSError where there is no such program.
    """
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    environment = {"PATH": PATH}
    actions = [
        (os.POSIX_SPAWN_DUP2, null, 0),
        (os.POSIX_SPAWN_DUP2, theirs, 1),
        (os.POSIX_SPAWN_DUP2, theirs, 2),
    ]
    handed_over = -1
    if secret is not None:
        handed_over, writer = os.pipe2(os.O_CLOEXEC)
        os.write(writer, os.fsencode(secret))  # no newline: mount.cifs takes all it reads
        os.close(writer)
        actions.append((os.POSIX_SPAWN_DUP2, handed_over, 3))
        environment["PASSWD_FD"] = "3"  # noqa: S105  (a number, not a password)
    try:
        child = os.posix_spawn(argv[0], argv, environment, file_actions=actions)
    except OSError:
        os.close(ours)
        raise
    finally:
        for descriptor in (theirs, null, handed_over):
            if descriptor >= 0:
                os.close(descriptor)
    deadline = time.monotonic() + timeout
    try:
        output = _read(ours, deadline, heard)
    finally:
        os.close(ours)
    status = _status_within(child, deadline - time.monotonic())
    if status is None:
        os.kill(child, signal.SIGKILL)
        _status_within(child, 5.0)  # one that is stuck in the kernel is left behind: PID 1 goes on
        return Finished(-signal.SIGKILL, output, True)
    return Finished(os.waitstatus_to_exitcode(status), output, False)


def _read(descriptor: int, deadline: float, heard: Callable[[str], None] | None = None) -> str:
    """Everything written to a pipe until it is closed or the deadline has passed."""
    data = b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            return data.decode(errors="replace")
        chunk = os.read(descriptor, 65536)
        if not chunk:
            return data.decode(errors="replace")
        data += chunk
        if heard:
            heard(chunk.decode(errors="replace"))


def _status_within(child: int, seconds: float) -> int | None:
    """Wait for a child, but not for ever; answers its wait status, None while it goes on."""
    deadline = time.monotonic() + seconds
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.005)
