"""Every answer that a newcomer may get for a container lease."""

from typing import Any

from init import operations
from init.container_lease import admission
from init.container_lease.admission import Terms
from init.container_lease.messages import UNKEPT, Answer
from init.container_lease.record import JOURNAL, Record
from init.container_lease.watch import GRACE
from init.operations import StepError
from tests.machine import Machine, settings
from tests.unit.init.container_lease.test_record import ANNA

OTTO = Record("otto", "10.0.0.8", "52:54:00:00:00:0b", "6c1d-b", "boot-2", "2026-11-21 16:00:00 UTC")
HELD, ABANDONED = Answer("held", ANNA.encode("disk.img")), Answer("abandoned", ANNA.encode("disk.img"))
GRANTED, OURS = Answer("granted"), Answer("ours", OTTO.encode("disk.img"))
PATH = "/run/initramfs/share/images/disk.img"


def taken(words: str, *answers: Any, write: bool = True) -> tuple[Machine, Any]:
    """The machine, and what take() answered or raised."""
    machine = Machine({operations.TakeContainerLease: list(answers)})
    wanted = settings(f"cifsroot=//s/x loop=images/disk.img {words}")
    try:
        return machine, machine.returned(admission.take(wanted, PATH, write=write))
    except StepError as error:
        return machine, error


def test_free() -> None:
    machine, answer = taken("", GRANTED)
    assert answer == Terms(write=True)
    assert machine.of(operations.TakeContainerLease) == [operations.TakeContainerLease(PATH, True)]
    assert machine.log() == ["lease: images/disk.img is ours to write"]
    assert taken("", GRANTED, write=False)[1] == Terms(write=False)


def test_without_a_record_that_is_said() -> None:
    machine, answer = taken("", Answer("granted", "disk.img.lease cannot be written"))
    assert answer == Terms(write=True) and machine.log(4)[-1] == "lease: disk.img.lease cannot be written"


def test_held() -> None:
    machine, error = taken("", HELD)
    assert isinstance(error, StepError) and not error.retry
    assert error.reason == f"images/disk.img is held by {ANNA.describe()}"
    for word in ("rd.lease=wait", "rd.lease=ro", "smbstatus -B", "smbcontrol PID close-share"):
        assert word in error.hint
    assert machine.now == 1000.0


def test_held_by_a_machine_without_a_name() -> None:
    assert "by a machine that left no name, or several that read it" in taken("", Answer("held"))[1].reason
    assert taken("", Answer("held"), write=False)[1].reason.endswith("by a machine that left no name")


def test_waiting() -> None:
    machine, answer = taken("rd.lease=wait", *[HELD] * 25, GRANTED)
    assert answer == Terms(write=True)
    assert machine.now == 1025.0
    assert [line.rpartition("; ")[2] for line in machine.log(3)] == ["waiting, 0 s", "waiting, 10 s", "waiting, 20 s"]
    assert all(f"images/disk.img is held by {ANNA.describe()}" in line for line in machine.log(3))


def test_waiting_ends() -> None:
    machine, error = taken("rd.lease=wait:30", HELD)
    assert error.reason.endswith("; waited for 30 s")
    assert machine.now == 1030.0
    assert machine.log(3)[0].endswith("waiting, 0 s of 30 s at most")


def test_our_own_of_before_the_power_cut_is_waited_for_in_any_case() -> None:
    for words, seconds in (("", 180), ("rd.retry=50", 50), ("rd.lease=ro", 180), ("rd.lease=wait:7", 7)):
        machine, error = taken(words, OURS)
        assert "is held by this machine as it was before it was switched off" in error.reason
        assert machine.now == 1000.0 + seconds
    machine, answer = taken("rootwait", *[OURS] * 300, GRANTED)
    assert answer == Terms(write=True) and machine.now == 1300.0


def test_who_looks_like_us_and_answers_is_another() -> None:
    asked = Answer("ours", OTTO._replace(asked="yes").encode("disk.img"))
    machine, error = taken("", OURS, asked, asked, Answer("held", OTTO.encode("disk.img")))
    assert [take.asked for take in machine.of(operations.TakeContainerLease)] == [False, False, True, True]
    assert error.reason == f"images/disk.img is held by {OTTO.describe()}" and machine.now == 1003.0


def test_read_only_beside_a_writer() -> None:
    machine, answer = taken("rd.lease=ro", HELD)
    assert answer == Terms(write=False, beside=True)
    (line,) = machine.log(3)
    assert "READ-ONLY" in line and "half-changed" in line
    assert taken("rd.lease=ro", HELD, write=False)[1].beside
    assert taken("rd.lease=ro", GRANTED)[1] == Terms(write=True)
    assert admission.without_recovery("ext4") == ("noload",)
    assert admission.without_recovery("squashfs") == ()


def test_left_by_another_machine() -> None:
    """It may be there still, and a server that was restarted has forgotten its lock: it is left time to take it."""
    machine, answer = taken("", *[ABANDONED] * 21, GRANTED)
    assert answer == Terms(write=True)
    assert machine.now - 1000 == GRACE + 1
    tries = machine.of(operations.TakeContainerLease)
    assert [bool(one.over) for one in tries].index(True) == 21  # only after all of GRACE
    assert tries[-1].over == ABANDONED.text
    (line,) = machine.log(3)
    assert line.startswith(f"lease: images/disk.img is free, but was not given back by {ANNA.describe()}")


def test_a_machine_that_takes_its_lock_again_is_not_overtaken() -> None:
    _, error = taken("", *[ABANDONED] * 5, HELD)
    assert "is held by anna" in error.reason
    machine, _ = taken("rd.lease=wait", *[ABANDONED] * 15, HELD, *[ABANDONED] * 15, GRANTED)
    assert not any(one.over for one in machine.of(operations.TakeContainerLease))


def test_another_record_meanwhile_is_waited_for_anew() -> None:
    other = Answer("abandoned", OTTO.encode("disk.img"))
    machine, _ = taken("", *[ABANDONED] * 15, *[other] * 21, GRANTED)
    assert machine.now - 1000 == 15 + GRACE + 1
    assert machine.of(operations.TakeContainerLease)[-1].over == other.text


def test_locks_that_nobody_keeps() -> None:
    machine, answer = taken("", Answer("local", "nobrl"))
    assert answer == Terms(write=True, unguarded=True)
    assert machine.log(3) == [
        "lease: nobrl keeps locks on this machine: NOTHING KEEPS ANOTHER ONE OUT of images/disk.img"
    ]
    machine, answer = taken("", Answer("local", UNKEPT))
    assert answer == Terms(write=True, unguarded=True)
    (line,) = machine.log(3)
    assert line.startswith("lease: the server keeps no locks") and "locking = yes" in line and "NOTHING KEEPS" in line
    assert "is ours" not in "".join(machine.log())
    _, error = taken("", Answer("local", "nolock"))
    assert "nolock keeps locks on this machine" in error.reason and "rd.lease=off" in error.hint
    assert taken("", Answer("local", "nolock"), write=False)[1] == Terms(write=False, unguarded=True)
    machine, answer = taken("rd.lease=off")
    assert answer == Terms(write=True, unguarded=True) and machine.of(operations.TakeContainerLease) == []


def test_a_machine_that_replays_the_journal_is_waited_for_in_any_case() -> None:
    """Within bounds, and under rd.lease=ro, too: what is read beside it would be read half-changed."""
    passing = Answer("held", ANNA._replace(task=JOURNAL).encode("disk.img"))
    for words in ("", "rd.lease=ro", "rd.lease=wait:1"):
        machine, answer = taken(words, passing, GRANTED, write=False)
        assert answer == Terms(write=False)
        (line,) = machine.log(3)
        assert ", which replays its journal; waiting, 0 s" in line
    machine, error = taken("rd.lease=ro", passing, write=False)
    assert "which replays its journal; waited for 180 s" in error.reason


def test_a_failure_may_pass() -> None:
    _, error = taken("", Answer("failed", "Input/output error", 5))
    assert (error.retry, error.errno) == (True, 5)
    assert error.reason == "images/disk.img: no lease on it: Input/output error"
