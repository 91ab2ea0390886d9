"""The lease on the container: its record, the claimant's watch, and every answer that a newcomer may get."""

from __future__ import annotations

from typing import Any

import pytest

from init import operations
from init.cmdline import cifsroot
from init.cmdline.settings import Lease, Settings, SettingsError, from_command_line
from init.cmdline.words import parse
from init.container_lease import admission, record, watch
from init.container_lease.admission import Terms
from init.container_lease.record import GRACE, OFFSET, Answer, Record
from init.container_lease.watch import Act
from init.operations import StepError
from tests.machine import Machine

ANNA = Record("anna", "10.0.0.7 2001:db8::7", "52:54:00:00:00:0a", "6c1d-a", "boot-1", "2026-11-21 15:00:01 UTC")
OTTO = Record("otto", "10.0.0.8", "52:54:00:00:00:0b", "6c1d-b", "boot-2", "2026-11-21 16:00:00 UTC")
HELD, ABANDONED = Answer("held", ANNA.encode("disk.img")), Answer("abandoned", ANNA.encode("disk.img"))
GRANTED, OURS = Answer("granted"), Answer("ours", OTTO.encode("disk.img"))
PATH = "/run/initramfs/share/images/disk.img"


# The record.


def test_a_record_comes_back_as_it_was() -> None:
    assert record.decode(ANNA.encode("disk.img")) == ANNA
    assert ANNA.encode("disk.img").startswith("# Who writes disk.img.")
    assert record.decode(Record().encode("disk.img")) is None


@pytest.mark.parametrize("text", ["", "\n", "no record", "\0\0\0", "=\n==\n", "x" * 5000])
def test_what_is_no_record(text: str) -> None:
    assert record.decode(text) is None


def test_a_record_brings_nothing_but_words_to_the_console() -> None:
    found = record.decode("host=a\x1b[2Jb\rc\nsince=" + "9" * 1000)
    assert found and found.describe() == "a?[2Jb?c since " + "9" * 200
    assert Record(host="a\nsince=forged").encode("x") == Record(host="a?since=forged").encode("x")


def test_a_machine_is_known_by_its_card() -> None:
    assert ANNA.is_machine(ANNA._replace(boot="another", addresses="", host="new"))
    assert ANNA.is_machine(ANNA._replace(machine="", macs="52:54:00:00:00:01 52:54:00:00:00:0a"))
    assert not ANNA.is_machine(ANNA._replace(machine="6c1d-c"))
    assert not ANNA.is_machine(ANNA._replace(macs="52:54:00:00:00:01"))  # boards of one make may share a machine-id
    assert not ANNA.is_machine(ANNA._replace(macs=""))


def test_a_machine_in_words() -> None:
    assert ANNA.describe() == "anna (10.0.0.7, 2001:db8::7, 52:54:00:00:00:0a) since 2026-11-21 15:00:01 UTC"
    assert Record(host="10.0.0.7", addresses="10.0.0.7").describe() == "10.0.0.7"
    assert Record(macs="52:54:00:00:00:0a").describe() == "a machine without a name (52:54:00:00:00:0a)"


MOUNTS = """\
25 1 0:24 / /run/initramfs/share rw,relatime - cifs //10.0.2.2/share rw,vers=3.1.1,nolease,hard
26 1 0:25 / /a rw - cifs //10.0.2.2/share rw,vers=3.1.1,nobrl,hard
27 1 0:26 / /b rw - nfs 10.0.2.2:/x rw,vers=3,nolock,hard
28 1 0:27 / /c rw - nfs 10.0.2.2:/x rw,vers=3,local_lock=posix,addr=10.0.2.2
29 1 0:28 / /d rw - nfs4 10.0.2.2:/x rw,vers=4.2,local_lock=none
"""


@pytest.mark.parametrize(
    ("device", "kind", "why"),
    [
        ("0:24", "cifs", ""),
        ("0:25", "cifs", "nobrl"),
        ("0:26", "nfs", "nolock"),
        ("0:27", "nfs", "local_lock=posix"),
        ("0:28", "nfs4", ""),
        ("0:2", "", ""),
    ],
)
def test_where_locks_stay_on_this_machine(device: str, kind: str, why: str) -> None:
    assert (record.kind_of(MOUNTS, device), record.kept_local(MOUNTS, device)) == (kind, why)


def test_which_server() -> None:
    assert [record.server_of(MOUNTS, device) for device in ("0:27", "0:28", "0:2")] == ["10.0.2.2", "", ""]


# The claimant's watch.


class Holder:
    """A claimant's effects as a list of outcomes; what it was told to do, in words."""

    def __init__(self, stacking: bool, outcomes: str) -> None:
        self.said: list[str] = []
        self.done: list[str] = []
        self.waited = 0.0
        self.lost = False
        rest = outcomes.split()
        acts = watch.watch(stacking)
        try:
            act: Act = next(acts)
            while True:
                outcome = "granted"
                if act.do == "wait":
                    self.waited += act.seconds
                elif act.do == "say":
                    self.said.append(act.text)
                else:
                    self.done.append(act.do)
                    if not rest:
                        return
                    outcome = rest.pop(0)
                act = acts.send(outcome)
        except StopIteration:
            self.lost = True


def test_all_is_well() -> None:
    assert OFFSET == 1 << 62
    for stacking, outcome in ((True, "granted"), (False, "refused")):
        holder = Holder(stacking, " ".join([outcome] * 9))
        assert (holder.done, holder.said, holder.lost) == (["relock"] * 10, [], False)
        assert holder.waited == 10 * watch.PERIOD


def test_a_server_that_forgot_is_told_at_once() -> None:
    holder = Holder(False, "granted refused")
    assert holder.done == ["relock"] * 3
    assert holder.said == ["the server had forgotten our lock; it is taken again"]


def test_a_handle_that_is_gone_is_opened_and_its_lock_proved() -> None:
    """What is refused after a restart may be ours, pushed by the kernel, or another's."""
    holder = Holder(False, "gone gone gone granted granted refused")
    assert holder.done == ["relock", "reopen", "reopen", "reopen", "retake", "relock", "relock"]
    assert [text.partition(";")[0] for text in holder.said] == [
        "the server does not answer for it", "the server was restarted or away",
    ]  # fmt: skip
    assert not holder.lost


def test_a_newcomers_look_is_no_loss() -> None:
    holder = Holder(False, "gone granted refused refused granted")
    assert holder.done[-1] == "relock" and not holder.lost


@pytest.mark.parametrize(("stacking", "first"), [(False, "gone granted"), (True, "refused")])
def test_another_machine_was_quicker(stacking: bool, first: str) -> None:
    holder = Holder(stacking, first + " refused" * 50)
    assert holder.lost
    assert watch.PATIENCE <= holder.waited - watch.PERIOD <= watch.PATIENCE + 1
    assert watch.PERIOD + watch.PATIENCE < GRACE / 2  # a polite newcomer comes after us


def test_a_server_that_goes_away_while_it_is_asked_again() -> None:
    holder = Holder(False, "gone granted gone gone granted granted")
    assert holder.done == ["relock", "reopen", "retake", "reopen", "reopen", "retake", "relock"]


# The newcomer.


def settings(words: str = "") -> Settings:
    return from_command_line(parse(f"cifsroot=//s/x loop=images/disk.img {words}"))


def taken(words: str, *answers: Any, write: bool = True) -> tuple[Machine, Any]:
    """The machine, and what take() answered or raised."""
    machine = Machine({operations.Claim: list(answers)})
    found: list[Any] = []

    def steps() -> Any:
        found.append((yield from admission.take(settings(words), PATH, write=write)))
        yield operations.End("halt")

    try:
        machine.run(steps())
    except StepError as error:
        found.append(error)
    return machine, found[0]


def test_free() -> None:
    machine, answer = taken("", GRANTED)
    assert answer == Terms(write=True)
    assert machine.of(operations.Claim) == [operations.Claim(PATH, True)]
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


def test_held_by_whoever() -> None:
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
    claims = machine.of(operations.Claim)
    assert [bool(one.over) for one in claims].index(True) == 21  # only after all of GRACE
    assert claims[-1].over == ABANDONED.text
    (line,) = machine.log(3)
    assert line.startswith(f"lease: images/disk.img is free, but was not given back by {ANNA.describe()}")


def test_a_machine_that_takes_its_lock_again_is_not_overtaken() -> None:
    _, error = taken("", *[ABANDONED] * 5, HELD)
    assert "is held by anna" in error.reason
    machine, _ = taken("rd.lease=wait", *[ABANDONED] * 15, HELD, *[ABANDONED] * 15, GRANTED)
    assert not any(one.over for one in machine.of(operations.Claim))


def test_another_record_meanwhile_is_waited_for_anew() -> None:
    other = Answer("abandoned", OTTO.encode("disk.img"))
    machine, _ = taken("", *[ABANDONED] * 15, *[other] * 21, GRANTED)
    assert machine.now - 1000 == 15 + GRACE + 1
    assert machine.of(operations.Claim)[-1].over == other.text


def test_locks_that_no_server_hears_of() -> None:
    machine, answer = taken("", Answer("local", "nobrl"))
    assert answer == Terms(write=True) and "NOTHING KEEPS ANOTHER ONE OUT of images/disk.img" in machine.log(3)[0]
    _, error = taken("", Answer("local", "nolock"))
    assert "nolock keeps locks on this machine" in error.reason and "rd.lease=off" in error.hint
    assert taken("", Answer("local", "nolock"), write=False)[1] == Terms(write=False)
    machine, answer = taken("rd.lease=off")
    assert answer == Terms(write=True) and machine.of(operations.Claim) == []


def test_a_failure_may_pass() -> None:
    _, error = taken("", Answer("failed", "Input/output error", 5))
    assert (error.retry, error.errno) == (True, 5)
    assert error.reason == "images/disk.img: no lease on it: Input/output error"


@pytest.mark.parametrize(
    ("words", "lease"),
    [
        ("", Lease("on", 0)),
        ("rd.lease=on", Lease("on", 0)),
        ("rd.lease=wait", Lease("wait", float("inf"))),
        ("rd.lease=wait:90", Lease("wait", 90)),
        ("rd.lease=ro", Lease("ro", 0)),
        ("rd.lease=off rd.lease=on", Lease("on", 0)),
    ],
)
def test_settings(words: str, lease: Lease) -> None:
    assert settings(words).lease == lease


@pytest.mark.parametrize("value", ["yes", "wait:", "wait:-1", "wait:1.5", "on:3", "ro:"])
def test_settings_that_are_wrong(value: str) -> None:
    with pytest.raises(SettingsError, match="one of on, wait, wait:SECONDS, ro, off is meant"):
        settings(f"rd.lease={value}")


@pytest.mark.parametrize(
    ("words", "options", "found"),
    [
        ("", "vers=3.1.1,hard", "vers=3.1.1,hard,nolease"),
        ("", "vers=3.1.1,nolease", "vers=3.1.1,nolease"),
        ("", "vers=1.0,unix", "vers=1.0,unix"),
        ("rd.lease=off", "vers=3.1.1", "vers=3.1.1"),
        ("rd.lease=ro", "vers=3.1.1", "vers=3.1.1,nolease"),
    ],
)
def test_a_client_keeps_no_lock_to_itself(words: str, options: str, found: str) -> None:
    assert cifsroot.reaching_the_server(options, settings(words).lease.mode) == found
