"""The lease on the container, for whoever comes to it: taken at once, waited for, or refused with its holder's name.

A program without effects, as container.mount() is, which it is a part of: take() comes before the container is
attached, and what the claimant answers to each try is in claim.py.
"""

from __future__ import annotations

from init import operations
from init.cmdline.cifsroot import Share
from init.container_lease.record import GRACE, decode
from init.operations import StepError
from init.system.log import ERROR, NOTICE, WARNING
from init.system.places import shown
from init.system.stdlib import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from init.cmdline.settings import Settings
    from init.container_lease.record import Answer
    from init.operations import Steps

POLL = 1.0  # seconds between two tries while waiting
TELL = 10.0  # seconds between two lines on the console meanwhile
_HINT = "rd.lease=wait waits for it, rd.lease=ro goes on read-only. Where that machine is gone for good: "
_SMB = "on Samba `smbstatus -B` names the process that keeps its lock, `smbcontrol PID close-share SHARE` ends it"
_NFS = "the server lets go of its lock by itself when NFS 4's lease time has run out (60 or 90 s as a rule)"


class Terms(NamedTuple):
    """How a container may be attached: to `write`, or to read; `beside` a machine that writes (rd.lease=ro)."""

    write: bool
    beside: bool = False


def take(settings: Settings, path: str, *, write: bool) -> Steps:
    """Take the lease on the container `path` before it is attached; answers the Terms.

    give_up() gives it back after a failure.
    """
    if settings.lease.mode == "off":
        yield operations.Log(WARNING, f"lease: rd.lease=off: nothing keeps another machine out of {shown(path)}")
        return Terms(write)
    queue = _Queue(settings, path, write, (yield operations.Now()))
    while True:
        answer: Answer = yield operations.Claim(path, write, queue.over)
        if answer.verdict == "granted":
            yield operations.Log(NOTICE, f"lease: {shown(path)} is ours to {'write' if write else 'read'}")
            if answer.text:
                yield operations.Log(WARNING, f"lease: {answer.text}")
            return Terms(write)
        if answer.verdict == "local":
            return (yield from _without(path, answer.text, write))
        if answer.verdict == "failed":
            raise StepError(f"{shown(path)}: no lease on it: {answer.text}", errno=answer.errno, retry=True)
        if answer.verdict == "held" and settings.lease.mode == "ro":
            yield operations.Log(
                ERROR,
                f"lease: {shown(path)} is held by {queue.name(answer)}: going on READ-ONLY (rd.lease=ro); "
                "what is written there meanwhile may be read half-changed, or not at all",
            )
            return Terms(write=False, beside=True)
        now = yield operations.Now()
        news = queue.hold_back(answer, now) if answer.verdict == "abandoned" else queue.stand(answer, now)
        if news:
            yield operations.Log(ERROR, f"lease: {shown(path)} {news}")
        yield operations.Sleep(POLL)


class _Queue:
    """One machine that waits for a lease; times are those of ops.Now."""

    def __init__(self, settings: Settings, path: str, write: bool, now: float) -> None:
        self.over = ""  # the record of the machine that has been waited for long enough
        self._settings, self._path, self._write = settings, path, write
        self._started = self._free_since = now
        self._told = now - TELL
        self._left_by = ""

    def name(self, answer: Answer) -> str:
        """Who holds it, in words."""
        if answer.verdict == "ours":
            return "this machine as it was before it was switched off"
        record = decode(answer.text)
        if record:
            return record.describe()
        return "a machine that left no name" + (", or several that read it" if self._write else "")

    def hold_back(self, answer: Answer, now: float) -> str:
        """The lock is free, but somebody may think that he has it: wait for him; answers what is new."""
        if answer.text != self._left_by:
            self._left_by, self._free_since = answer.text, now
            return f"is free, but was not given back by {self.name(answer)}; leaving it {GRACE:g} s to take it again"
        if now - self._free_since >= GRACE:
            self.over = answer.text
        return ""

    def stand(self, answer: Answer, now: float) -> str:
        """Somebody has it: wait, within limits; answers what is new. Raises StepError when it is enough."""
        self._left_by = self.over = ""
        mode, patience = self._settings.lease
        if answer.verdict == "ours" and mode != "wait":
            patience = float("inf") if self._settings.rootwait else self._settings.retry
        waited = now - self._started
        if waited >= patience:
            after = f"; waited for {waited:.0f} s" if patience else ""
            raise StepError(f"{shown(self._path)} is held by {self.name(answer)}{after}", hint=_hint(self._settings))
        if now - self._told < TELL:
            return ""
        self._told = now
        limit = "" if patience == float("inf") else f" of {patience:.0f} s at most"
        return f"is held by {self.name(answer)}; waiting, {waited:.0f} s{limit}"


def _hint(settings: Settings) -> str:
    return _HINT + (_SMB if isinstance(settings.source, Share) else _NFS)


def _without(path: str, why: str, write: bool) -> Steps:
    """Locks stay on this machine: by the user's own word that is said and no more, by NFS 3's default refused."""
    if why != "nobrl" and write:
        raise StepError(
            f"{shown(path)}: no lease can be had on it: {why} keeps locks on this machine, the server hears of none",
            hint="NFS 4 has locks (nfsroot=...,vers=4); rd.lease=off does without, where no other machine writes",
        )
    yield operations.Log(
        ERROR, f"lease: {why} keeps locks on this machine: NOTHING KEEPS ANOTHER ONE OUT of {shown(path)}"
    )
    return Terms(write)


def without_recovery(fstype: str) -> tuple[str, ...]:
    """The options that keep a mount beside a machine that writes from replaying that machine's journal."""
    return {"ext4": ("noload",), "xfs": ("norecovery",), "btrfs": ("rescue=nologreplay",)}.get(fstype, ())


def give_up(path: str) -> Steps:
    """Give the lease back after a failure further on."""
    yield operations.GiveUp(path)
