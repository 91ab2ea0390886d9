"""How a lock on the server is kept: a generator of acts, sent what came of each."""

from __future__ import annotations

from init.system.stdlib import Generator, NamedTuple


class Act(NamedTuple):
    """What the holder is to do next, and then to report how it went (see watch()).

    wait    let `seconds` pass
    relock  ask for the lock again, on top of what is held
    reopen  open the file anew: the descriptor is no more, its server was restarted
    retake  give the lock up and ask for it in one go
    warn    log `text`
    """

    do: str
    seconds: float = 0.0
    text: str = ""


PERIOD = 5.0  # seconds between two looks
GRACE = 20.0  # seconds that a newcomer leaves a holder whose lock was forgotten; it has taken it again by then
SOON = 0.25  # seconds between two tries once something is wrong
LONGEST_LOOK = 2.0  # seconds for which a lock taken by another may be a newcomer's look at it


def watch(stacking: bool) -> Generator[Act, str, None]:
    """Keep a lock: a generator of acts, sent each one's outcome, that ends when the lock is lost.

    Outcomes: "granted", "refused" (another lock is in the way), "gone" (the server or the file behind the
    descriptor), "superseded" (whatever the server says of the lock, another machine has taken over).

    `stacking` says what relock means while all is well: POSIX locks of one owner are granted again (NFS, `stacking`),
    SMB's are refused even to their own handle ([MS-SMB2] 3.3.5.14.2). So with SMB a grant says that the server had
    forgotten, and a handle that is no more that it was restarted. Its successor's locks the client's kernel pushes
    without looking at the answer: then only giving up and asking in one go tells ours from another's.
    """
    usual = "granted" if stacking else "refused"
    while True:
        yield Act("wait", PERIOD)
        outcome = yield Act("relock")
        if outcome == usual:
            continue
        if outcome == "superseded":
            return
        if outcome == "granted":
            yield Act("warn", text="the server had forgotten our lock; it is taken again")
            continue
        if outcome == "gone":
            yield from _come_back()
        if not (yield from _retaken()):
            return


def _come_back() -> Generator[Act, str, None]:
    """Wait until the server answers again."""
    said = False
    while (yield Act("reopen")) != "granted":
        if not said:
            yield Act("warn", text="the server does not answer for it; our lock may be forgotten there")
        said = True
        yield Act("wait", SOON)


def _retaken() -> Generator[Act, str, bool]:
    """Take the lock again; False when another machine has it for good."""
    waited = 0.0
    while waited <= LONGEST_LOOK:
        outcome = yield Act("retake")
        if outcome == "granted":
            yield Act("warn", text="the server was restarted or away; our lock is taken again")
            return True
        if outcome == "superseded":
            return False
        if outcome == "gone":
            yield from _come_back()
            waited = 0.0
            continue
        yield Act("wait", SOON)
        waited += SOON
    return False
