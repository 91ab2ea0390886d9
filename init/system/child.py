"""Child processes with a deadline: what a dead server would never let return happens in one of these.

A child that is stuck in the kernel cannot be killed, and waiting for it would be as endless. It is left behind.
"""

from __future__ import annotations

import os
import select
import sys
import time

from init.system.cmodules import signal
from init.system.stdlib import Callable, Mapping, NamedTuple

UNANSWERED = "no answer within"
LONGEST_CALL = 20.0  # seconds; an unmount that writes back to a slow share needs some


_NONE: Mapping[str, str] = {}


class Child(NamedTuple):
    """A child process and our end of the pipe that it answers on."""

    pid: int
    answers: int


def start(action: Callable[[int], object]) -> Child:
    """Fork; the child runs `action`, which is given the pipe to answer on, and ends. Raises OSError."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            action(writer)
        except BaseException:  # a child must never go on as its parent, which may be PID 1
            sys.__excepthook__(*sys.exc_info())
        finally:
            os._exit(0)
    os.close(writer)
    return Child(pid, reader)


def start_program(action: Callable[[], None]) -> Child:
    """Fork; the child runs `action`, which executes a program: executed() says whether it could. Raises OSError."""

    def run(answers: int) -> None:
        try:
            action()
        except OSError as error:
            os.write(answers, os.fsencode(f"{error.errno or 0}\n{error.strerror}\n{error.filename or ''}"))

    return start(run)


def become_python(script: str, *arguments: str, environment: Mapping[str, str] = _NONE) -> None:
    """Execute `script` by this interpreter, in a root that may have no /dev.

    Its environment is shut out as /init's is under -I, but for the seed of its hashes, which is given here: it would
    ask for one, and dies without /dev/urandom as long as the kernel's generator is not seeded.
    """
    argv = [sys.executable, "-sSPB", script, *arguments]
    os.execve(sys.executable, argv, {**environment, "PYTHONHASHSEED": str(time.monotonic_ns() % (1 << 32))})


def executed(child: Child) -> int:
    """Wait until a child has executed its program; answers its PID. Raises the OSError for which it could not."""
    answer = os.read(child.answers, 4096)  # nothing but the end of the pipe, once it has
    os.close(child.answers)
    if answer:
        os.waitpid(child.pid, 0)
        number, reason, path = os.fsdecode(answer).split("\n", 2)
        raise OSError(int(number), reason, path)
    return child.pid


def read(pipe: int, seconds: float, heard: Callable[[str], None] | None = None) -> tuple[bytes, bool]:
    """All that a pipe brings, at most `seconds` long; whether it was closed by then. `heard` is told piece by piece."""
    deadline, said = time.monotonic() + seconds, b""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0 and poll.poll(left * 1000):
        piece = os.read(pipe, 65536)
        if not piece:
            return said, True
        said += piece
        if heard:
            heard(piece.decode(errors="replace"))
    return said, False


def wait(pid: int, seconds: float) -> int | None:
    """A child's wait status, None where it goes on for longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.005)


def kill(pid: int) -> None:
    """End a child, and reap it where it ends within some seconds."""
    os.kill(pid, signal.SIGKILL)
    wait(pid, 5.0)


def ask(action: Callable[[int], object], seconds: float, last_words: float = 0.0) -> tuple[bytes, bool]:
    """Run `action` in a child for at most `seconds`; all that it has answered, and whether it ended by itself.

    One that is killed may have answered just in time: its answer is waited for, `last_words` seconds at most.
    """
    child = start(action)
    try:
        said, ended = read(child.answers, seconds)
        if not ended:
            os.kill(child.pid, signal.SIGKILL)
            said += read(child.answers, last_words)[0]
    finally:
        os.close(child.answers)
    os.waitpid(child.pid, 0 if ended else os.WNOHANG)
    return said, ended


def bounded(action: Callable[[], None], seconds: float = LONGEST_CALL) -> str:
    """Run `action` in a child for at most `seconds`; answers what went wrong, "" for nothing."""

    def answer(writer: int) -> None:
        try:
            action()
        except OSError as error:
            os.write(writer, (error.strerror or str(error)).encode())
        else:
            os.write(writer, b"+")

    said, ended = ask(answer, seconds)
    if not said:
        return "the call ended without an answer" if ended else f"{UNANSWERED} {seconds:g} s"
    return "" if said == b"+" else said.decode(errors="replace")
