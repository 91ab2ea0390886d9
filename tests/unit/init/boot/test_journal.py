"""A container with a journal to be replayed, met by machines that only read: every way that this can go."""

import errno
from typing import Any

import pytest

from init import operations
from init.boot import container, journal
from init.container_lease.messages import UNKEPT, Answer
from init.container_lease.record import JOURNAL
from init.operations import AttachLoop, CheckFilesystem, DetachLoop, GiveContainerLeaseBack, Mount, StepError, Unmount
from init.operations import TakeContainerLease as Take
from tests.machine import Machine, settings
from tests.unit.init.container_lease.test_record import ANNA

PATH = "/run/initramfs/share/images/disk.img"
LEFT = StepError("/dev/loop0 (ext4): Read-only file system", ("EXT4-fs: write access unavailable",), errno.EROFS)
READERS = Answer("held")
REPLAYED_BY_ANNA = Answer("held", ANNA._replace(task=JOURNAL).encode("disk.img"))
MINE = Answer("granted")


def booted(words: str, *, mounts: list[Any], writer: list[Any], reader: list[Any] | None = None) -> tuple[Machine, Any]:
    """The machine, and what container.mount() answered or raised; the leases' answers by what was asked for."""
    answers = {True: list(writer), False: list(reader or [MINE])}

    def take(operation: Take) -> Answer:
        rest = answers[operation.write]
        return rest.pop(0) if len(rest) > 1 else rest[0]  # type: ignore[no-any-return]

    machine = Machine({Mount: mounts, Take: take, CheckFilesystem: None})
    wanted = settings(f"root=/dev/cifs cifsroot=//s/x loop=images/disk.img {words}")
    assert wanted.loop
    try:
        return machine, machine.returned(container.mount(wanted, wanted.loop))
    except StepError as error:
        return machine, error


def test_replayed_once_with_the_writer_s_lease() -> None:
    machine, done = booted("overlay=tmpfs", mounts=[LEFT, None], writer=[MINE])
    assert "disk.img (ext4, ro)" in done
    kinds = (Take, AttachLoop, Mount, Unmount, DetachLoop, GiveContainerLeaseBack)
    lower, device = "/run/initramfs/lower", "/dev/loop0"
    read_only, writable = AttachLoop(PATH, True, 4096), AttachLoop(PATH, False, 4096)
    mounted = Mount(device, lower, "ext4", "ro")
    back = [DetachLoop(device), GiveContainerLeaseBack(PATH)]
    assert machine.of(*kinds) == [
        *(Take(PATH, False), read_only, mounted, *back),
        *(Take(PATH, True, task=JOURNAL), writable, mounted._replace(options="rw"), Unmount(lower), *back),
        *(Take(PATH, False), read_only, mounted),
    ]
    assert "container: images/disk.img was not unmounted, its journal is replayed" in machine.log()


def test_others_come_at_the_same_time() -> None:
    """Nobody holds a reader's lease while it waits for its turn; who replays it is waited for in the queue."""
    machine, done = booted("overlay=tmpfs", mounts=[LEFT, None], writer=[READERS, READERS, MINE])
    assert "disk.img (ext4, ro)" in done and machine.now == 1000 + 2 * journal.BETWEEN
    machine, done = booted(
        "overlay=tmpfs", mounts=[LEFT, None], writer=[REPLAYED_BY_ANNA], reader=[MINE, REPLAYED_BY_ANNA, MINE]
    )
    assert "disk.img (ext4, ro)" in done and not machine.of(Unmount)
    assert [take.write for take in machine.of(Take)] == [False, True, False, False]
    assert "by anna (10.0.0.7" in machine.log(3)[0] and "which replays its journal; waiting" in machine.log(3)[0]
    machine, done = booted("overlay=tmpfs", mounts=[LEFT, LEFT, None], writer=[READERS])
    assert "disk.img (ext4, ro)" in done and len(machine.of(Take)) == 3 + (1 + 2) * journal.TRIES


@pytest.mark.parametrize(
    ("words", "writer", "reader", "why"),
    [
        ("loopflags=ro", MINE, MINE, "loopflags=ro"),
        ("overlay=tmpfs loopflags=ro", MINE, MINE, "loopflags=ro"),
        ("cifsroot=//s/x,ro", MINE, MINE, "the share's option ro"),
        ("overlay=tmpfs rd.lease=off", MINE, MINE, "no lease is held"),
        ("overlay=tmpfs", MINE, Answer("local", "nobrl"), "no lease is held"),
        ("overlay=tmpfs", Answer("local", UNKEPT), MINE, "the server keeps no locks"),
        ("overlay=tmpfs", Answer("failed", "Permission denied", errno.EACCES), MINE, "Permission denied"),
        ("overlay=tmpfs", READERS, MINE, "machines that read it hold its lease"),
        ("overlay=tmpfs", MINE, MINE, "it was there again after it had been replayed"),
    ],
)
def test_it_stays_and_the_cures_are_named(words: str, writer: Answer, reader: Answer, why: str) -> None:
    rw_works: list[Any] = [LEFT, None, LEFT] if writer == MINE else [LEFT]
    machine, error = booted(words, mounts=rw_works, writer=[writer], reader=[reader])
    assert isinstance(error, StepError)
    assert error.reason == f"images/disk.img: was not unmounted, and its journal is not replayed from here: {why}"
    assert error.said == LEFT.said and not error.retry
    assert "with rw, without overlay= and loopflags=ro" in error.hint and "`e2fsck -p disk.img`" in error.hint
    assert machine.now - 1000 <= 2 * journal.LONGEST
    assert len(machine.of(AttachLoop)) == len(machine.of(DetachLoop))


def test_a_journal_that_cannot_be_replayed_fails_as_a_writer_s_would() -> None:
    broken = StepError("/dev/loop0 (ext4): Structure needs cleaning", errno=errno.EUCLEAN)
    machine, error = booted("overlay=tmpfs", mounts=[LEFT, broken], writer=[MINE])
    assert error is broken and len(machine.of(GiveContainerLeaseBack)) == 2


def test_what_is_no_journal() -> None:
    """Other errors, other file systems; a writer and a machine beside one have no such mount."""
    other = StepError("/dev/loop0 (ext4): Input/output error", errno=errno.EIO)
    assert booted("overlay=tmpfs", mounts=[other], writer=[MINE])[1] is other
    assert booted("overlay=tmpfs loopfstype=f2fs", mounts=[LEFT], writer=[MINE])[1] is LEFT
    assert booted("rw", mounts=[LEFT], writer=[MINE])[1] is LEFT
    words = StepError("/dev/loop0 (btrfs): Input/output error", ("log replay required on RO media",), errno.EIO)
    assert "mount -o loop" in booted("loopflags=ro loopfstype=btrfs", mounts=[words], writer=[MINE])[1].hint


def test_beside_a_writer_it_is_that_one_s() -> None:
    machine, _ = booted("overlay=tmpfs rd.lease=ro", mounts=[None], writer=[MINE], reader=[Answer("held", "host=anna")])
    assert machine.of(Mount) == [operations.Mount("/dev/loop0", "/run/initramfs/lower", "ext4", "ro,noload")]


def test_a_record_that_no_reader_can_remove_is_waited_for_once() -> None:
    """Then it is gone over: whoever left it has had the grace."""
    left = Answer("abandoned", ANNA.encode("disk.img"))
    machine, done = booted(
        "overlay=tmpfs", mounts=[LEFT, LEFT, None], writer=[left, MINE], reader=[left, MINE, left, MINE, MINE]
    )
    assert "disk.img (ext4, ro)" in done
    assert [take.over for take in machine.of(Take) if take.write] == ["", left.text]
