"""Many machines that come back at the same moment, and one journal: in any order of theirs each of them boots."""

import errno
import heapq
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from init import operations
from init.boot import container
from init.container_lease.messages import Answer
from init.container_lease.record import JOURNAL, Record
from init.operations import StepError, Steps
from tests.machine import WORKS
from tests.machine import settings as line

LEFT = StepError("/dev/loop0 (ext4): Read-only file system", errno=errno.EROFS)
WORDS = line("root=/dev/cifs cifsroot=//s/x loop=disk.img overlay=tmpfs")
RECORD = Record("anna", task=JOURNAL).encode("disk.img")


class Server:
    """The container, its locks and its journal, as all machines have them."""

    def __init__(self) -> None:
        self.readers: set[int] = set()
        self.writer: int | None = None
        self.dirty = True
        self.replays = 0

    def answer(self, who: int, operation: operations.Operation) -> Any:
        """Of `who`'s operation; raises StepError where the kernel would refuse."""
        if isinstance(operation, operations.TakeContainerLease):
            if self.writer is not None or (operation.write and self.readers):
                return Answer("held", RECORD if self.writer is not None else "")
            if operation.write:
                self.writer = who
            else:
                self.readers.add(who)
            return Answer("granted")
        if isinstance(operation, operations.GiveContainerLeaseBack):
            self.readers.discard(who)
            self.writer = None if self.writer == who else self.writer
        if isinstance(operation, operations.Mount):
            if "rw" in operation.options:
                assert self.writer == who and not self.readers
            elif self.dirty:
                assert who in self.readers
                raise LEFT
        if isinstance(operation, operations.Unmount):
            assert self.writer == who
            self.dirty, self.replays = False, self.replays + 1
        answer = WORKS.get(type(operation))
        return answer(operation) if callable(answer) else answer


def boot_all(starts: list[float], pace: list[float]) -> tuple[list[float], int]:
    """When each machine had its root, of machines that start at `starts`, every operation taking its next `pace`; and
    how often the journal was replayed.
    """
    server, done = Server(), [0.0] * len(starts)
    steps: list[Steps] = [container.mount(WORDS, WORDS.loop) for _ in starts]  # type: ignore[arg-type]
    events = [(start, who, None, None) for who, start in enumerate(starts)]
    heapq.heapify(events)
    count = 0
    while events:
        now, who, answer, error = heapq.heappop(events)
        try:
            operation = steps[who].throw(error) if error else steps[who].send(answer)
        except StopIteration:
            done[who] = now
            assert who in server.readers
            continue
        count += 1
        took, answer, error = 0.0, None, None
        if isinstance(operation, operations.Now):
            answer = now
        elif isinstance(operation, operations.Sleep):
            took = operation.seconds
        elif not isinstance(operation, operations.Log):
            took = pace[count % len(pace)]
            try:
                answer = server.answer(who, operation)
            except StepError as raised:
                error = raised
        heapq.heappush(events, (now + took + count * 1e-9, who, answer, error))
    return done, server.replays


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(0, 5), min_size=1, max_size=20), st.lists(st.floats(0.001, 2), min_size=1, max_size=31))
def test_everybody_gets_it(starts: list[float], pace: list[float]) -> None:
    done, replays = boot_all(starts, pace)
    assert replays >= 1 and len(done) == len(starts)


def test_a_room_full_of_machines_switched_on_at_once() -> None:
    done, replays = boot_all([0.0] * 40, [0.05])
    assert replays == 1 and max(done) < 6
