"""What speaks while PID 1 waits for a server: a process of its own, told before and after each call that may wait.

A stat, an open or a mount on a server that has gone comes back when the server does, and nothing ends it before: the
share is mounted `hard`. They stay PID 1's own calls all the same. A child's call that was given up might still
succeed later, and write to a container whose container lease is another machine's by then.
"""

from __future__ import annotations

import os
import select
import sys
import time

from init.system.cmodules import signal
from init.system.log import ERROR, Say
from init.system.stdlib import Callable

TELL = 10.0  # seconds until the console shows what is waited for


class Patience:
    """Says when a call waits for long; after `seconds` of it runs `overdue`, which is told the call and how long."""

    def __init__(self, seconds: float, say: Say, overdue: Callable[[str, float], object]) -> None:
        self._seconds, self._say, self._overdue = seconds, say, overdue
        self._child, self._writer = 0, -1

    def begin(self, call: str) -> None:
        """What follows may wait; `call` names it."""
        if not self._child:
            self._start()
        os.write(self._writer, f"{call}\n".encode(errors="replace"))

    def over(self) -> None:
        os.write(self._writer, b"\n")

    def stop(self) -> None:
        if self._child:
            os.close(self._writer)
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = 0

    def _start(self) -> None:
        reader, self._writer = os.pipe2(os.O_CLOEXEC)
        self._child = os.fork()
        if self._child == 0:
            try:
                os.close(self._writer)
                self._listen(reader)
            except BaseException:  # a child must never go on as PID 1
                sys.__excepthook__(*sys.exc_info())
            finally:
                os._exit(0)
        os.close(reader)

    def _listen(self, reader: int) -> None:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        call, began, due, told = "", 0.0, float("inf"), False
        while True:
            wait = min(max(0.0, due - time.monotonic()), 86400.0)
            if poll.poll(None if due == float("inf") else wait * 1000 + 1):
                heard = os.read(reader, 65536).decode(errors="replace")
                if not heard:
                    return
                call, began, told = heard.split("\n")[-2], time.monotonic(), False
                due = began + min(TELL, self._seconds) if call else float("inf")
            elif not told:
                told = True
                limit = "" if self._seconds == float("inf") else f", for {self._seconds:g} s at most"
                self._say(ERROR, f"no answer from the server to: {call}; waiting{limit}")
                due = began + self._seconds
            else:
                due = float("inf")
                self._overdue(call, time.monotonic() - began)
