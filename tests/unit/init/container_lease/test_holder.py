"""What a holder does with the files of a container, on this machine's own file system, and its words."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from init.container_lease import holder, lock
from init.container_lease.beside import Beside
from init.container_lease.messages import Answer, Held
from init.container_lease.record import Record
from init.container_lease.record_file import read_record, write_record
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


def tried(
    disk: Path, write: bool, over: str = "", task: str = "", asked: bool = False, user: int = os.geteuid()
) -> Answer:
    """What becomes of Otto's try, in a process of its own as ever: the lock ends with it."""
    operation = TakeContainerLease(str(disk), write, over, task, asked)

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


def test_a_twin_that_has_the_lock_is_asked_in_its_record(disk: Path, folder: int) -> None:
    """A twin behind another translation of addresses has even ours: what it has not, if it is us, is a holder."""
    write_record(folder, NAME, OTTO._replace(boot="twin"))
    twin = Beside(Held(3, folder, True, True, False, True, "twin", NAME))
    with disk.open("r+b") as file:
        assert lock.take(file.fileno(), write=True) == "granted"
        for asked in (False, True, True):
            answer = tried(disk, write=True, asked=asked)
            record = Record.decode(answer.text)
            assert answer.verdict == "ours" and record and (record.asked, record.boot) == ("yes", "twin")
        assert read_record(folder, NAME).count("asked=yes") == 1
        assert twin.after("relock", "granted") == "granted"
        assert tried(disk, write=True, asked=True) == Answer("held", OTTO._replace(boot="twin").encode(NAME))


def test_nobody_is_asked_where_there_is_no_record(disk: Path, folder: int) -> None:
    with disk.open("r+b") as file:
        assert lock.take(file.fileno(), write=True) == "granted"
        assert tried(disk, write=True) == Answer("held", "")
    assert os.listdir(disk.parent) == [NAME]


def test_the_record_says_what_for(disk: Path, folder: int) -> None:
    assert tried(disk, write=True, task="journal").verdict == "granted"
    assert "task=journal\n" in read_record(folder, NAME) and "boot=boot-2\n" in read_record(folder, NAME)


def test_what_is_held_goes_over_to_the_ramdisk_as_words() -> None:
    held = Held(3, 4, True, False, True, True, "boot-1", "a disk.img")
    assert Held.decode(held.encode()) == held
