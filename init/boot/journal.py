"""A journal that a power cut left, met by machines that only read: one of them replays it, the others wait for that.

The kernel replays a journal whatever `ro` says, but not on a device that cannot be written: ext4, xfs and btrfs then
refuse the mount, with EROFS (btrfs of some kernels: EIO). That is the one sign that they share; xfs's super block, for
one, says nothing of its log.

Whoever is to replay it takes the writer's lease for that moment. Many machines come at the same time when the power is
back, each with a reader's lease, which keeps a writer out: so each gives its own up first, and asks for a while
without holding one.
"""

from __future__ import annotations

import errno

from init.boot.filesystem import Place
from init.container_lease.messages import UNKEPT, Answer
from init.container_lease.record import JOURNAL
from init.operations import Log, Now, Sleep, StepError, Steps, TakeContainerLease
from init.system.log import NOTICE
from init.system.places import shown

LONGEST = 60.0  # seconds in which it has to be our turn, or another's who replays it
BETWEEN = 0.5  # seconds between two tries for the writer's lease
# So many before another look: has somebody else replayed it? And twice as many each time: machines of one pace might
# look in turns otherwise, each in the others' way.
TRIES = 4
_ON_THE_SERVER = {
    "ext4": "`e2fsck -p {}`",
    "xfs": "`mount -o loop {} /mnt && umount /mnt`, and `xfs_repair` only where that fails",
    "btrfs": "`mount -o loop {} /mnt && umount /mnt`",
}


class Journal:
    """The journal of one container, from the first mount that failed."""

    def __init__(self, place: Place, why_not: str = "") -> None:
        """`why_not` says why it may not be replayed from here, "" where the lease decides."""
        self._place, self._why_not = place, why_not
        self._started, self._tries = -1.0, TRIES
        self._over = ""  # a record that nobody could remove, and whose machine has been waited for

    def turn(self, error: StepError) -> Steps:
        """After the mount's `error`, with no lease held: answers True once the writer's is held, for the journal to be
        replayed, False where it is worth another look. Raises StepError where nothing of that helps.
        """
        if not self._is_left(error):
            raise error
        if self._why_not:
            raise self._stays(error)
        if self._started < 0:
            self._started = yield Now()
        for _ in range(self._tries):
            answer: Answer = yield TakeContainerLease(self._place.path, True, self._over, JOURNAL)
            if answer.verdict == "granted":
                yield Log(NOTICE, f"container: {shown(self._place.path)} was not unmounted, its journal is replayed")
                self._why_not = "it was there again after it had been replayed"
                return True
            if answer.verdict in ("local", "failed"):
                self._why_not = "the server keeps no locks" if answer.text == UNKEPT else answer.text
                raise self._stays(error)
            if answer.text:
                self._over = answer.text if answer.verdict == "abandoned" else ""
                return False  # the newcomer's queue is where a machine with a name is waited for
            yield Sleep(BETWEEN)
        self._tries *= 2
        if (yield Now()) - self._started >= LONGEST:
            self._why_not = "machines that read it hold its lease"
            raise self._stays(error)
        return False

    def _is_left(self, error: StepError) -> bool:
        """Whether a mount from a read-only device failed for a journal that is to be replayed."""
        if self._place.fstype not in _ON_THE_SERVER:
            return False
        return error.errno == errno.EROFS or any("log replay required" in line for line in error.said)

    def _stays(self, error: StepError) -> StepError:
        path = shown(self._place.path)
        there = _ON_THE_SERVER[self._place.fstype].format(path.rpartition("/")[2])
        return StepError(
            f"{path}: was not unmounted, and its journal is not replayed from here: {self._why_not}",
            error.said,
            error.errno,
            hint=f"boot one machine with rw, without overlay= and loopflags=ro, once; or on the server: {there}",
        )
