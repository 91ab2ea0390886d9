"""A container lease for a newcomer: taken at once, waited for, or refused with its holder's name.

A program without effects, as container.mount() is, which it is a part of: take() comes before the container is
attached. Theory of operation: holder.py.
"""

from __future__ import annotations

from init.cmdline.cifsroot import Share
from init.cmdline.settings import Settings
from init.container_lease.messages import UNKEPT
from init.container_lease.record import JOURNAL, Record
from init.container_lease.watch import GRACE
from init.operations import GiveContainerLeaseBack, Log, Now, Sleep, StepError, Steps, TakeContainerLease
from init.system.log import ERROR, NOTICE, WARNING
from init.system.places import shown
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from init.container_lease.messages import Answer

POLL = 1.0  # seconds between two tries while waiting
TELL = 10.0  # seconds between two lines on the console meanwhile
_READ_ONLY = "going on READ-ONLY (rd.lease=ro); what is written there meanwhile may be read half-changed, or not at all"
_HINT = "rd.lease=wait waits for it, rd.lease=ro goes on read-only. Where that machine is gone for good: "
_SMB = "on Samba `smbstatus -B` names the process that keeps its lock, `smbcontrol PID close-share SHARE` ends it"
_NFS = "the server lets go of its lock by itself when NFS 4's lease time has run out (60 or 90 s as a rule)"


class Terms(NamedTuple):
    """How a container may be attached."""

    write: bool  # or else to read
    beside: bool = False  # a machine that writes (rd.lease=ro)
    unguarded: bool = False  # no lease is held: nothing keeps another machine out


def take(settings: Settings, path: str, *, write: bool) -> Steps:
    """Take the lease on the container `path` before it is attached; answers the Terms.

    give_back() is for a failure afterwards.
    """
    if settings.container_lease.mode == "off":
        yield Log(WARNING, f"lease: rd.lease=off: nothing keeps another machine out of {shown(path)}")
        return Terms(write, unguarded=True)
    queue = _Queue(settings, path, write, (yield Now()))
    while True:
        answer: Answer = yield TakeContainerLease(path, write, queue.over, asked=queue.asked)
        if answer.verdict == "granted":
            yield Log(NOTICE, f"lease: {shown(path)} is ours to {'write' if write else 'read'}")
            if answer.text:
                yield Log(WARNING, f"lease: {answer.text}")
            return Terms(write)
        if answer.verdict == "local":
            return (yield from _without(path, answer.text, write))
        if answer.verdict == "failed":
            raise StepError(f"{shown(path)}: no lease on it: {answer.text}", errno=answer.errno, retry=True)
        if answer.verdict == "held" and settings.container_lease.mode == "ro" and not _passing(answer):
            yield Log(ERROR, f"lease: {shown(path)} is held by {queue.name(answer)}: {_READ_ONLY}")
            return Terms(write=False, beside=True)
        now = yield Now()
        news = queue.hold_back(answer, now) if answer.verdict == "abandoned" else queue.stand(answer, now)
        if news:
            yield Log(ERROR, f"lease: {shown(path)} {news}")
        yield Sleep(POLL)


class _Queue:
    """One machine that waits for a lease; times are those of operations.Now."""

    def __init__(self, settings: Settings, path: str, write: bool, now: float) -> None:
        self.over = ""  # the record of the machine that has been waited for long enough
        self.asked = False  # the machine that holds it and looks like this one, whether it is there
        self._settings, self._path, self._write = settings, path, write
        self._started = self._free_since = now
        self._told = now - TELL
        self._left_by = ""

    def name(self, answer: Answer) -> str:
        """Who holds it, in words."""
        if answer.verdict == "ours":
            return "this machine as it was before it was switched off"
        record = Record.decode(answer.text)
        if record:
            return record.describe()
        return "a machine that left no name" + (", or several that read it" if self._write else "")

    def hold_back(self, answer: Answer, now: float) -> str:
        """The lock is free, but a machine may think that it has it: wait for that one; answers what is new."""
        if answer.text != self._left_by:
            self._left_by, self._free_since = answer.text, now
            return f"is free, but was not given back by {self.name(answer)}; leaving it {GRACE:g} s to take it again"
        if now - self._free_since >= GRACE:
            self.over = answer.text
        return ""

    def stand(self, answer: Answer, now: float) -> str:
        """Another machine has it: wait, within limits; answers what is new. Raises StepError when it is enough."""
        self._left_by = self.over = ""
        if answer.verdict == "ours":
            record = Record.decode(answer.text)
            self.asked = record is not None and record.asked != ""
        mode, longest = self._settings.container_lease
        if (answer.verdict == "ours" or _passing(answer)) and mode != "wait":
            longest = float("inf") if self._settings.rootwait else self._settings.retry
        waited = now - self._started
        if waited >= longest:
            after = f"; waited for {waited:.0f} s" if longest else ""
            hint = _HINT + (_SMB if isinstance(self._settings.source, Share) else _NFS)
            raise StepError(f"{shown(self._path)} is held by {self.name(answer)}{after}", hint=hint)
        if now - self._told < TELL:
            return ""
        self._told = now
        limit = "" if longest == float("inf") else f" of {longest:.0f} s at most"
        return f"is held by {self.name(answer)}; waiting, {waited:.0f} s{limit}"


def _passing(answer: Answer) -> bool:
    """Whether it is held for a moment only."""
    record = Record.decode(answer.text) if answer.verdict == "held" else None
    return record is not None and record.task == JOURNAL


def _without(path: str, why: str, write: bool) -> Steps:
    """Nobody keeps a lock. By the user's own word, or the server's, that is said; by NFS 3's default it is refused."""
    if why == UNKEPT:
        reason = 'the server keeps no locks (on Samba: "locking = yes" in the share\'s section)'
    elif why == "nobrl" or not write:
        reason = f"{why} keeps locks on this machine"
    else:
        raise StepError(
            f"{shown(path)}: no lease can be had on it: {why} keeps locks on this machine, the server hears of none",
            hint="NFS 4 has locks (nfsroot=...,vers=4); rd.lease=off does without, where no other machine writes",
        )
    yield Log(ERROR, f"lease: {reason}: NOTHING KEEPS ANOTHER ONE OUT of {shown(path)}")
    return Terms(write, unguarded=True)


def without_recovery(fstype: str) -> tuple[str, ...]:
    """The options that keep a mount beside a machine that writes from replaying that machine's journal."""
    return {"ext4": ("noload",), "xfs": ("norecovery",), "btrfs": ("rescue=nologreplay",)}.get(fstype, ())


def give_back(path: str) -> Steps:
    """Give the lease back after a failure further on."""
    yield GiveContainerLeaseBack(path)
