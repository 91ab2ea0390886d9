"""The file beside a container, on this machine's own file system."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from init.container_lease.record_file import read_record, remove_left_record, remove_record, write_record
from tests.unit.init.container_lease.test_record import ANNA

NAME = "disk.img"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    folder = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield folder
    os.close(folder)


def test_written_read_and_removed_by_whose_it_is(folder: int, tmp_path: Path) -> None:
    write_record(folder, NAME, ANNA)
    assert read_record(folder, NAME) == ANNA.encode(NAME)
    remove_record(folder, NAME, "another boot")
    assert os.listdir(tmp_path) == ["disk.img.lease"]
    remove_record(folder, NAME, ANNA.boot)
    assert os.listdir(tmp_path) == []


def test_what_was_left_is_removed_by_others_unless_it_is_another(folder: int, tmp_path: Path) -> None:
    write_record(folder, NAME, ANNA)
    left = read_record(folder, NAME)
    write_record(folder, NAME, ANNA._replace(boot="newer"))
    remove_left_record(folder, NAME, left)
    assert os.listdir(tmp_path) == ["disk.img.lease"]
    newer = read_record(folder, NAME)
    for _ in range(2):  # two readers at once
        remove_left_record(folder, NAME, newer)
    assert os.listdir(tmp_path) == []
