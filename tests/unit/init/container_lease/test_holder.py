"""What a holder does with the files of a container, on this machine's own file system, and its words."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from init.container_lease import holder
from init.container_lease.messages import Answer, Held
from init.container_lease.record_file import read_record, remove_left_record, write_record
from init.container_lease.watch import GRACE
from init.operations import TakeContainerLease
from init.system import child
from tests.unit.init.container_lease.test_record import ANNA

NAME = "disk.img"
OTTO = ANNA._replace(host="otto", macs="52:54:00:00:00:0b", boot="boot-2", machine="6c1d-b")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(bytes(4096))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    folder = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield folder
    os.close(folder)


def tried(disk: Path, write: bool, over: str = "", task: str = "", user: int = os.geteuid()) -> Answer:
    """What becomes of Otto's try, in a process of its own as ever: the lock ends with it."""
    operation = TakeContainerLease(str(disk), write, over, task)

    def answer(writer: int) -> None:
        os.seteuid(user)
        os.write(writer, holder._try(operation, OTTO)[0].encode())

    pid, answers = child.start(answer)
    said, _ = child.read(answers, 20)
    os.close(answers)
    os.waitpid(pid, 0)
    return Answer.decode(said)


def test_a_record_that_was_left_is_waited_for_once(disk: Path, folder: int) -> None:
    """The reader that has waited removes it: the next one finds nothing to wait for."""
    write_record(folder, NAME, ANNA)
    left = read_record(folder, NAME)
    assert tried(disk, write=False) == Answer("abandoned", left)
    assert read_record(folder, NAME) == left
    write_record(folder, NAME, ANNA._replace(boot="newer"))  # it came back meanwhile, and went again
    assert tried(disk, write=False, over=left).verdict == "abandoned"
    assert tried(disk, write=False, over=read_record(folder, NAME)) == Answer("granted")
    assert tried(disk, write=False) == Answer("granted")
    assert read_record(folder, NAME) == ""


def test_our_own_record_is_removed_by_us_as_a_reader(disk: Path, folder: int) -> None:
    write_record(folder, NAME, OTTO._replace(boot="before the power cut"))
    assert tried(disk, write=False) == Answer("granted")
    assert read_record(folder, NAME) == ""


def test_a_reader_that_may_not_remove_it_says_what_that_costs() -> None:
    nobody = os.geteuid() or 65534  # to root nothing is forbidden
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        disk, folder = Path(name, NAME), os.open(name, os.O_PATH)
        disk.write_bytes(bytes(4096))
        write_record(folder, NAME, ANNA)
        disk.parent.chmod(0o555)
        said = tried(disk, write=False, over=read_record(folder, NAME), user=nobody)
        disk.parent.chmod(0o755)
        os.close(folder)
    assert said.verdict == "granted"
    assert said.text == (
        "disk.img.lease cannot be removed from here (Permission denied): "
        "until it is, every machine that reads waits 20 s"
    )


def test_a_twin_that_answers_is_another_machine(disk: Path, folder: int) -> None:
    write_record(folder, NAME, OTTO._replace(boot="twin", addresses="127.0.0.2"))
    assert tried(disk, write=True).verdict == "abandoned"
    write_record(folder, NAME, OTTO._replace(boot="before"))
    assert tried(disk, write=True).verdict == "granted"


def test_the_record_says_what_for(disk: Path, folder: int) -> None:
    assert tried(disk, write=True, task="journal").verdict == "granted"
    assert "task=journal\n" in read_record(folder, NAME) and "boot=boot-2\n" in read_record(folder, NAME)


def beside(folder: int, **changes: bool | int) -> holder._Beside:
    held = Held(3, folder, True, False, False, True, OTTO.boot, NAME)
    return holder._Beside(held._replace(**changes))  # type: ignore[arg-type]


def test_a_writer_that_comes_back_knows_that_it_is_too_late(folder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(holder, "_clock", lambda: now)
    write_record(folder, NAME, OTTO)
    ours, unnamed, unanswered = beside(folder), beside(folder, named=False), beside(-1)
    now += 10 * GRACE
    assert [each.after("retake", "granted") for each in (ours, unanswered)] == ["granted"] * 2  # nobody has come
    remove_left_record(folder, NAME, OTTO.encode(NAME))
    now += GRACE / 4
    assert ours.after("retake", "granted") == "granted"  # a person has: nobody could have had the lease meanwhile
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
    assert ours.after("relock", usual) == usual
    write_record(folder, NAME, OTTO._replace(ports="1"))  # as after a server's restart
    assert ours.after("relock", usual) == usual
    write_record(folder, NAME, ANNA)
    assert ours.after("relock", usual) == "superseded"


def test_what_is_held_goes_over_to_the_ramdisk_as_words() -> None:
    held = Held(3, 4, True, False, True, True, "boot-1", "a disk.img")
    assert Held.decode(held.encode()) == held
