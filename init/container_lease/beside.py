"""What the record beside a container tells the writer that has left it."""

from __future__ import annotations

import time

from init.container_lease.messages import Held
from init.container_lease.record import Record
from init.container_lease.record_file import read, write_record
from init.container_lease.watch import GRACE


def clock() -> float:
    """Seconds that count on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Beside:
    """A writer's record: whoever takes over puts its own in that one's place, and removes it in the end; or it is a
    reader, who removes ours. So it tells what a lock does not: that a machine was away for too long, and that a
    cluster's other node, or a server that grants everything after all, has given the lock to somebody else.
    """

    def __init__(self, held: Held) -> None:
        self._held, self._well = held, clock()
        self._ours: Record | None = None  # what it said at the last look

    def after(self, act: str, outcome: str) -> str:
        """What has become of the lock: the `outcome` of "relock" or "retake", or else "superseded"."""
        if not self._held.named:
            return outcome
        is_held = outcome == "granted" or (act == "relock" and not self._held.stacking)
        away = clock() - self._well
        try:
            if self._is_superseded(is_held, away >= GRACE / 2):
                return "superseded"
        except OSError:
            return outcome  # nothing was learned, and so this was no look at which all was well
        if is_held:
            self._well = clock()
        return outcome

    def _is_superseded(self, is_held: bool, was_away: bool) -> bool:
        """Whether the record is another's or, where somebody may have come and gone meanwhile, removed.

        Raises OSError where it cannot be read.
        """
        try:
            record = Record.decode(read(self._held.folder, self._held.name))
        except FileNotFoundError:
            if is_held and not was_away:
                self._write_again()
            return is_held and was_away
        if record is None or record.boot != self._held.boot:
            return record is not None
        self._ours = record._replace(asked="")
        if record.asked and is_held:
            self._write_again()
        return False

    def _write_again(self) -> None:
        """Answer a machine that asks whether we are there, or make good what a person has removed."""
        try:
            if self._ours:
                write_record(self._held.folder, self._held.name, self._ours)
        except OSError:
            pass  # another look comes
