"""A writer and its record, on this machine's own file system; the clock is the test's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from init.container_lease import beside as module
from init.container_lease.beside import Beside
from init.container_lease.messages import Held
from init.container_lease.record_file import read_record, remove_left_record, write_record
from init.container_lease.watch import GRACE
from tests.unit.init.container_lease.test_holder import NAME, OTTO
from tests.unit.init.container_lease.test_record import ANNA


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    folder = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield folder
    os.close(folder)


def beside(folder: int, **changes: bool | int) -> Beside:
    held = Held(3, folder, True, False, False, True, OTTO.boot, NAME)
    return Beside(held._replace(**changes))  # type: ignore[arg-type]


def test_a_writer_that_comes_back_knows_that_it_is_too_late(folder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module, "clock", lambda: now)
    write_record(folder, NAME, OTTO)
    ours, unnamed, unanswered = beside(folder), beside(folder, named=False), beside(-1)
    now += 10 * GRACE
    assert [each.after("retake", "granted") for each in (ours, unanswered)] == ["granted"] * 2  # nobody has come
    remove_left_record(folder, NAME, OTTO.encode(NAME))
    now += GRACE / 4
    assert ours.after("retake", "granted") == "granted"  # a person has: nobody could have had the lease meanwhile
    remove_left_record(folder, NAME, OTTO.encode(NAME))
    now += GRACE
    assert ours.after("retake", "granted") == "superseded"  # a reader has, or a writer that has come and gone
    assert ours.after("retake", "refused") == "refused"
    assert [each.after("retake", "granted") for each in (unnamed, unanswered)] == ["granted"] * 2


@pytest.mark.parametrize(("stacking", "usual"), [(False, "refused"), (True, "granted")])
def test_another_s_record_counts_more_than_the_lock(stacking: bool, usual: str, folder: int) -> None:
    """A cluster's nodes that do not tell each other; a person who removes the file while all is well is nobody."""
    write_record(folder, NAME, OTTO)
    ours = beside(folder, stacking=stacking)
    assert [ours.after("relock", usual) for _ in range(3)] == [usual] * 3
    remove_left_record(folder, NAME, OTTO.encode(NAME))
    assert ours.after("relock", usual) == usual and read_record(folder, NAME) == OTTO.encode(NAME)
    write_record(folder, NAME, OTTO._replace(ports="1"))  # as after a server's restart
    assert ours.after("relock", usual) == usual
    write_record(folder, NAME, ANNA)
    assert ours.after("relock", usual) == "superseded"


def test_a_record_that_could_not_be_read_is_no_look_at_which_all_was_well(
    folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that was away, a reader that removed its record, and a server that stutters as it comes back."""
    now = 1000.0
    monkeypatch.setattr(module, "clock", lambda: now)
    write_record(folder, NAME, OTTO)
    ours = beside(folder)
    now += GRACE * 2
    remove_left_record(folder, NAME, OTTO.encode(NAME))
    with monkeypatch.context() as stutter:
        stutter.setattr(module, "read", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        assert ours.after("relock", "refused") == "refused"
    now += 5
    assert ours.after("relock", "refused") == "superseded"
    assert read_record(folder, NAME) == ""
