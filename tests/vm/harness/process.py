"""Long-lived helper processes (QEMU, smbd): started in sessions of their own, ended with all they forked.

One-shot programs go through tests.command.run.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

# smbd, mke2fs and their like lie in /usr/sbin, which is not on an unprivileged user's path.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


class Daemon:
    """A running program, its output in a file; leaving the context ends it and its children."""

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        log: Path,
        *,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start `argv`, both outputs appended to `log`."""
        self.log = log
        with log.open("ab") as output:
            # setpriv: the kernel ends the program even when this Python is killed before it can.
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *argv],
                stdin=subprocess.PIPE,  # smbd leaves by itself when the other end is closed
                stdout=output,
                stderr=output,
                cwd=cwd,
                pass_fds=pass_fds,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process and process group id."""
        return self._child.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send `number` to the program and all that it forked."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def close(self) -> None:
        """End the program and its children: politely, then for good."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(5)
        self.signal(signal.SIGKILL)
        self._child.wait()
        if self._child.stdin:
            self._child.stdin.close()

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], object], timeout: float, what: str) -> None:
    """Ask `condition` ten times a second until it holds; AssertionError naming `what` after `timeout` s."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {timeout:g} s"
        time.sleep(0.1)


def tail(path: Path, lines: int = 40) -> str:
    """The last `lines` lines of a log, for the message of a failed assertion."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`: one pytest worker makes a thing, the others wait for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
