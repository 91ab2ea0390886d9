"""Children with a deadline: what they answer, and what is left of those that do not."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from init.system import child


def children() -> set[str]:
    """The processes that this one has, zombies included."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def reaped(before: set[str]) -> bool:
    """Whether what was killed ends: it was not waited for."""
    end = time.monotonic() + 10
    while children() - before and time.monotonic() < end:
        for pid in children() - before:
            os.waitpid(int(pid), 0)
    return not children() - before


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No test leaves a process or a descriptor behind."""
    processes, descriptors = children(), sorted(os.listdir("/proc/self/fd"))
    yield
    assert reaped(processes)
    assert sorted(os.listdir("/proc/self/fd")) == descriptors


def says(*words: bytes, then: Callable[[], object] = int) -> Callable[[int], None]:
    """What a child does that answers `words`."""

    def action(answers: int) -> None:
        for word in words:
            os.write(answers, word)
        then()

    return action


def raises(error: BaseException) -> Callable[..., None]:
    def action(*_: int) -> None:
        raise error

    return action


def sleeps() -> None:
    time.sleep(60)


def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("words", [[], [b"one"], [b"one\n", b"two\n"], [b"more than a pipe holds" * 9999]])
def test_round_trip(words: list[bytes]) -> None:
    assert child.ask(says(*words), 60) == (b"".join(words), True)


@pytest.mark.parametrize("then", [int, dies])
def test_a_child_that_ended_by_itself_is_reaped_and_has_said_what_it_said(then: Callable[[], object]) -> None:
    before = children()
    assert child.ask(says(b"said", then=then), 60) == (b"said", True)
    assert children() == before


def test_the_deadline_ends_a_child_and_keeps_what_it_said() -> None:
    started = time.monotonic()
    assert child.ask(says(b"so far", then=sleeps), 0.3) == (b"so far", False)
    assert 0.3 <= time.monotonic() - started < 30


def test_a_child_that_is_reaped_at_once_is_no_error() -> None:
    """Killed and gone before it is looked at again: whichever comes first."""
    for _ in range(20):
        assert child.ask(says(then=sleeps), 0.01) == (b"", False)
        assert child.ask(says(then=sleeps), 0.01, last_words=5.0) == (b"", False)


def test_last_words_are_waited_for() -> None:
    """An answer that another process of the child's gives after the deadline, while the child is being ended."""

    def action(answers: int) -> None:
        if os.fork() == 0:
            time.sleep(0.4)
            os.write(answers, b"just in time")
            os._exit(0)
        sleeps()

    assert child.ask(action, 0.1) == (b"", False)
    assert child.ask(action, 0.1, last_words=30.0) == (b"just in time", False)


def test_a_chatty_child_does_not_talk_past_its_deadline() -> None:
    def action(answers: int) -> None:
        while True:
            os.write(answers, b"y\n" * 1000)

    started = time.monotonic()
    said, ended = child.ask(action, 0.2)
    assert (said[:2], ended) == (b"y\n", False)
    assert time.monotonic() - started < 30


def test_a_child_never_goes_on_as_its_parent(capfd: pytest.CaptureFixture[str]) -> None:
    assert child.ask(raises(ValueError("a mistake")), 60) == (b"", True)
    assert "ValueError: a mistake" in capfd.readouterr().err
    assert child.ask(raises(SystemExit(3)), 60) == (b"", True)


@pytest.mark.parametrize(
    ("action", "seconds", "answer"),
    [
        (int, 60, ""),
        (raises(OSError(16, "Device or resource busy")), 60, "Device or resource busy"),
        (raises(OSError("odd")), 60, "odd"),
        (raises(ValueError("a mistake")), 60, "the call ended without an answer"),
        (dies, 60, "the call ended without an answer"),
        (sleeps, 0.3, "no answer within 0.3 s"),
    ],
)
def test_bounded(action: Callable[[], None], seconds: float, answer: str) -> None:
    assert child.bounded(action, seconds) == answer


def test_what_is_heard_is_told_piece_by_piece() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"one \xff")
    pieces: list[str] = []
    assert child.read(reader, 0.1, pieces.append) == (b"one \xff", False)
    os.close(writer)
    assert child.read(reader, 60, pieces.append) == (b"", True)
    os.close(reader)
    assert pieces == ["one \ufffd"]


def test_a_status_is_waited_for_so_long_and_no_longer() -> None:
    one = child.start(says(then=sleeps))
    os.close(one.answers)
    assert child.wait(one.pid, 0.05) is None
    child.kill(one.pid)
    with pytest.raises(ChildProcessError):
        os.waitpid(one.pid, 0)
    ended = child.start(says())
    os.close(ended.answers)
    assert child.wait(ended.pid, 60) == 0


def test_a_program_is_executed() -> None:
    one = child.start_program(lambda: os.execve("/bin/sh", ["sh", "-c", "exit 3"], {}))
    assert child.executed(one) == one.pid
    assert os.waitstatus_to_exitcode(os.waitpid(one.pid, 0)[1]) == 3


@pytest.mark.parametrize("path", ["/nowhere/sh", "/nowhere/caf\udce9\nlines"])
def test_a_program_that_cannot_be_executed_says_why(path: str) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        child.executed(child.start_program(lambda: os.execve(path, ["sh"], {})))
    assert (raised.value.strerror, raised.value.filename) == ("No such file or directory", path)
