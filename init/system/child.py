"""The one child with a deadline."""

from __future__ import annotations

import os
import select

from init.system.cmodules import signal
from init.system.stdlib import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

UNANSWERED = "no answer within"
PATIENCE = 20.0  # seconds for one call; an unmount that writes back to a slow share needs some


def bounded(action: Callable[[], None], seconds: float = PATIENCE) -> str:
    """Run `action` in a child process, at most `seconds`; answers what went wrong, "" for nothing."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            action()
            os.write(writer, b"+")
        except OSError as error:
            os.write(writer, (error.strerror or str(error)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    ready = poll.poll(seconds * 1000)
    answer = os.read(reader, 4096) if ready else b""
    os.close(reader)
    if not ready:
        os.kill(child, signal.SIGKILL)  # reaped when it can be: it may be stuck in the kernel
        return f"{UNANSWERED} {seconds:g} s"
    os.waitpid(child, 0)
    return "" if answer == b"+" else answer.decode(errors="replace") or "the call ended without an answer"
