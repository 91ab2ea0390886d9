"""The check before mounting: with what words, and what e2fsck's answer means (e2fsck(8), systemd-fsck@.service(8)).

Only ext2, ext3 and ext4 are checked: xfs and btrfs replay their logs while they are mounted, and repairing them is a
decision that a person takes (fsck.xfs(8), fsck.btrfs(8)). Nobody else may hold the device: container.py asks for this
when it has the container lease, and before the mount.
"""

from __future__ import annotations

from init.boot.filesystem import Place
from init.cmdline.settings import Fsck
from init.operations import Checked, CheckFilesystem, Log, Now, StepError, Steps
from init.system.log import INFO, WARNING

_PROGRAM = "/sbin/e2fsck"
_REPAIR = {"preen": "-p", "yes": "-y", "no": "-n"}
_CORRECTED, _LEFT = 3, 4  # exit codes: 1 and 2 (a reboot is not needed before the first mount); 4 and more


def check(name: str, place: Place, device: str, asked: Fsck) -> Steps:
    """Check the file system on `device`; raises StepError where errors are left, or the check itself failed."""
    if asked.mode == "skip":
        return
    if place.fstype != "ext4":
        if asked.mode == "force":
            yield Log(WARNING, f"container: {place.fstype} is not checked: what its log holds is replayed by the mount")
        return
    forced = ("-f",) if asked.mode == "force" else ()
    argv = (_PROGRAM, _REPAIR[asked.repair], *forced, "-C1", device)
    started: float = yield Now()
    checked: Checked | None = yield CheckFilesystem(argv)
    seconds: float = (yield Now()) - started
    if checked is None:
        state = {"errors": "has errors", "journal": "was not unmounted"}.get(place.trouble, "")
        if state or forced:
            yield Log(
                WARNING,
                f"container: {name} {state or 'is to be checked'}, and this image has no e2fsck (profile part fsck)",
            )
        return
    if checked.code & ~_CORRECTED:
        raise _left(name, place, checked)
    level, what = (WARNING, "repaired") if checked.code else (INFO, "checked")
    for line in checked.said if checked.code else ():
        yield Log(level, f"container: e2fsck: {line}")
    yield Log(level, f"container: {name} {what} by e2fsck [{seconds:.2f} s]")


def _left(name: str, place: Place, checked: Checked) -> StepError:
    """Errors that nobody may repair unasked (4), or a check that did not come to its end (8 and more)."""
    where = f"{place.path}?offset={place.offset}" if place.offset else place.path  # as e2fsprogs name a part of a file
    left = checked.code > 0 and checked.code & _LEFT
    return StepError(
        f"{name}: " + ("its file system has errors left" if left else f"e2fsck ended with {checked.code}"),
        checked.said[-8:],
        hint=f"in the shell: e2fsck -f '{where}'; or fsck.repair=yes repairs all, fsck.mode=skip looks away",
    )
