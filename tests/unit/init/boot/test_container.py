"""Where in a container the root lies."""

from collections.abc import Mapping
from typing import Any

import pytest

from init.boot import container
from init.boot.filesystem import Place
from init.operations import FindContainer, ReadAt, StepError
from tests.machine import EXT4, Machine
from tests.unit.init.cmdline.test_loopflags import told

SIZE = 512 << 20  # of the container, as tests/machine.py has it
PATH = "/run/initramfs/share/disk.img"


def found(wanted: str = "", words: str = "", answers: Mapping[type, Any] | None = None) -> Place:
    return Machine(answers).returned(container.find(PATH, wanted, told(words)))  # type: ignore[no-any-return]


def at(offset: int) -> Mapping[type, Any]:
    """A container that has an ext4 at `offset` and zeros elsewhere."""

    def read(operation: ReadAt) -> bytes:
        skip = operation.offset - offset
        return EXT4[skip : skip + operation.size] if skip >= 0 else bytes(operation.size)

    return {ReadAt: read}


@pytest.mark.parametrize(
    ("wanted", "words", "offset", "place"),
    [
        ("", "", 0, Place(PATH, "ext4", 4096)),
        ("ext4", "noatime,ro", 0, Place(PATH, "ext4", 4096)),
        ("f2fs", "", 0, Place(PATH, "f2fs", 512)),  # not known here, and the file has no table
        ("", "sector-size=1024", 0, Place(PATH, "ext4", 1024)),
        ("f2fs", "sector-size=4096,offset=1M", 0, Place(PATH, "f2fs", 4096, 1 << 20, SIZE - (1 << 20))),
        ("", "offset=1048576", 1 << 20, Place(PATH, "ext4", 4096, 1 << 20, SIZE - (1 << 20))),
        ("", "offset=1MiB,sizelimit=64M", 1 << 20, Place(PATH, "ext4", 4096, 1 << 20, 64 << 20)),
        # no whole sectors of 4 KiB
        ("", "offset=63K,sizelimit=67109376", 63 << 10, Place(PATH, "ext4", 512, 63 << 10, (64 << 20) + 512)),
        ("", "offset=1M,sizelimit=9T", 1 << 20, Place(PATH, "ext4", 4096, 1 << 20, SIZE - (1 << 20))),
    ],
)
def test_found(wanted: str, words: str, offset: int, place: Place) -> None:
    assert found(wanted, words, at(offset)) == place


def cut_off(there: int) -> str:
    return f"cut off: its ext4 takes 67108864 bytes, and {there} are there"


@pytest.mark.parametrize(
    ("words", "answers", "reason"),
    [
        ("offset=512M", {}, "no file system that is known here at byte 536870912"),
        ("partscan", {}, "no partition table"),
        ("PARTLABEL=root", {}, "no partition table"),
        ("", {ReadAt: b""}, "no file system that is known here"),
        ("", {FindContainer: 1}, "no file system that is known here"),
        ("", {FindContainer: 511}, "no file system that is known here"),
        ("", {FindContainer: 4096}, cut_off(4096)),
        ("", {FindContainer: (64 << 20) - 1}, cut_off((64 << 20) - 512)),
        ("", {FindContainer: (64 << 20) - 512}, cut_off((64 << 20) - 512)),
    ],
)
def test_what_is_not_there_or_cut_off_is_told_before_it_is_attached(words: str, answers: Any, reason: str) -> None:
    with pytest.raises(StepError) as error:
        found("", words, answers)
    assert error.value.reason == f"disk.img: {reason}"


def test_a_container_is_as_large_as_its_file_system() -> None:
    assert found("", "", {FindContainer: 64 << 20}).sector == 4096
