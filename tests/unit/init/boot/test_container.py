"""Where in a container the root lies, how it is attached, and the check before it is mounted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from init import operations
from init.boot import container, fsck
from init.boot.filesystem import Place
from init.cmdline.loopflags import Flags
from init.cmdline.loopflags import parse as flags
from init.cmdline.settings import Fsck, SettingsError, from_command_line
from init.cmdline.words import parse
from init.operations import Checked, StepError
from init.perform.loop_device import progress
from tests.machine import EXT4, Machine

SIZE = 512 << 20  # of the container, as tests/machine.py has it


def told(words: str) -> Flags:
    mistakes: list[str] = []
    found = flags(words, mistakes)
    assert not mistakes
    return found


def found(wanted: str = "", words: str = "", answers: Mapping[type, Any] | None = None) -> Place:
    machine, place = Machine(answers), []

    def steps() -> Any:
        place.append((yield from container.find("/run/initramfs/share/disk.img", wanted, told(words))))
        yield operations.End("halt")

    machine.run(steps())
    return place[0]  # type: ignore[no-any-return]


def refused(wanted: str = "", words: str = "", answers: Mapping[type, Any] | None = None) -> StepError:
    with pytest.raises(StepError) as error:
        found(wanted, words, answers)
    return error.value


PATH = "/run/initramfs/share/disk.img"


@pytest.mark.parametrize(
    ("wanted", "words", "place"),
    [
        ("", "", Place(PATH, "ext4", 4096)),
        ("ext4", "noatime,ro", Place(PATH, "ext4", 4096)),
        ("f2fs", "", Place(PATH, "f2fs", 512)),  # not known here, and the file has no table
        ("", "sector-size=1024", Place(PATH, "ext4", 1024)),
        ("f2fs", "sector-size=4096,offset=1M", Place(PATH, "f2fs", 4096, 1 << 20, SIZE - (1 << 20))),
    ],
)
def test_found(wanted: str, words: str, place: Place) -> None:
    assert found(wanted, words) == place


def at(offset: int) -> Any:
    """A container that has an ext4 at `offset` and zeros elsewhere."""

    def read(operation: operations.ReadAt) -> bytes:
        skip = operation.offset - offset
        return EXT4[skip : skip + operation.size] if skip >= 0 else bytes(operation.size)

    return {operations.ReadAt: read}


@pytest.mark.parametrize(
    ("words", "offset", "size", "sector"),
    [
        ("offset=1048576", 1 << 20, SIZE - (1 << 20), 4096),
        ("offset=1MiB,sizelimit=64M", 1 << 20, 64 << 20, 4096),
        ("offset=63K,sizelimit=67109376", 63 << 10, (64 << 20) + 512, 512),  # no whole sectors of 4 KiB
        ("offset=1M,sizelimit=9T", 1 << 20, SIZE - (1 << 20), 4096),
    ],
)
def test_at_an_offset(words: str, offset: int, size: int, sector: int) -> None:
    assert found("", words, at(offset)) == Place(PATH, "ext4", sector, offset, size)


def test_what_cannot_be_found() -> None:
    assert refused("", "offset=512M").reason == "disk.img: no file system that is known here at byte 536870912"
    assert refused("", "partscan").reason == "disk.img: no partition table"
    assert refused("", "PARTLABEL=root").reason == "disk.img: no partition table"
    assert refused("", "", {operations.ReadAt: b""}).reason == "disk.img: no file system that is known here"


@pytest.mark.parametrize("size", [1, 511, 4096, (64 << 20) - 1, (64 << 20) - 512])
def test_a_truncated_container_is_told_before_it_is_attached(size: int) -> None:
    error = refused("", "", {operations.FindContainer: size})
    if size < 512:
        assert error.reason == "disk.img: no file system that is known here"
    else:
        there = size - size % 512
        assert error.reason == f"disk.img: cut off: its ext4 takes 67108864 bytes, and {there} are there"
    assert found("", "", {operations.FindContainer: 64 << 20}).sector == 4096


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        ("offset=x", "loopflags=offset=x: a number of bytes is meant"),
        ("offset=", "loopflags=offset=: a number of bytes is meant"),
        ("offset=1,sizelimit=-1", "loopflags=sizelimit=-1: a number of bytes is meant"),
        ("sizelimit=1M", "loopflags=: sizelimit= means nothing without offset="),
        ("sector-size=8192", "loopflags=sector-size=8192: one of 512, 1024, 2048, 4096 is meant"),
        ("direct-io=maybe", "loopflags=direct-io=maybe: on or off is meant"),
        ("offset=1M,partscan", "loopflags=: offset= says where, so neither a partition's name nor partscan can"),
        ("offset=1M,PARTLABEL=x", "loopflags=: offset= says where, so neither a partition's name nor partscan can"),
    ],
)
def test_mistakes_in_loopflags(words: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as error:
        from_command_line(parse(f"root=/dev/cifs cifsroot=//s/x loop=a loopflags={words}"))
    assert error.value.mistakes == (mistake,)


def test_what_is_no_flag_is_the_file_systems() -> None:
    assert told("discard,subvol=@,ro,direct-io=off") == Flags(("discard", "subvol=@"), read_only=True, direct=False)
    assert told("PARTUUID=0000-01,partscan") == Flags(partition="PARTUUID=0000-01", partscan=True)


# The check.


@pytest.mark.parametrize(
    ("words", "wish"),
    [
        ("", Fsck()),
        ("fsck.mode=force fsck.repair=no", Fsck("force", "no")),
        ("fastboot", Fsck("skip")),
        ("forcefsck", Fsck("force")),
        ("fastboot fsck.mode=auto", Fsck()),
    ],
)
def test_words_for_the_check(words: str, wish: Fsck) -> None:
    assert from_command_line(parse(f"root=/dev/cifs cifsroot=//s/x {words}")).fsck == wish


@pytest.mark.parametrize("words", ["fsck.mode=maybe", "fsck.repair=perhaps", "fsck.mode"])
def test_mistakes_in_the_words_for_the_check(words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        from_command_line(parse(f"root=/dev/cifs cifsroot=//s/x {words}"))


def checked(answer: Checked | None, place: Place = Place(PATH, "ext4", 4096), wish: Fsck = Fsck()) -> Machine:  # noqa: B008
    machine = Machine({operations.CheckFilesystem: answer})

    def steps() -> Any:
        yield from fsck.check("disk.img", place, "/dev/loop0", wish)
        yield operations.End("halt")

    machine.run(steps())
    return machine


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Fsck(), ("-p",)),
        (Fsck("force"), ("-p", "-f")),
        (Fsck("auto", "yes"), ("-y",)),
        (Fsck("force", "no"), ("-n", "-f")),
    ],
)
def test_how_it_is_called(wish: Fsck, words: tuple[str, ...]) -> None:
    machine = checked(Checked(0, ("clean",)), wish=wish)
    assert machine.of(operations.CheckFilesystem) == [
        operations.CheckFilesystem(("/sbin/e2fsck", *words, "-C1", "/dev/loop0"))
    ]
    assert machine.log(5) == []


@pytest.mark.parametrize(
    ("place", "wish"), [(Place(PATH, "xfs", 512), Fsck()), (Place(PATH, "ext4", 512), Fsck("skip"))]
)
def test_not_called(place: Place, wish: Fsck) -> None:
    assert checked(None, place, wish).names() == ["End"]


@pytest.mark.parametrize("code", [1, 2, 3])
def test_what_was_repaired_is_told(code: int) -> None:
    machine = checked(Checked(code, ("recovering journal", "orphaned inode 12")))
    assert machine.log(4) == [
        "container: e2fsck: recovering journal",
        "container: e2fsck: orphaned inode 12",
        "container: disk.img repaired by e2fsck [0.00 s]",
    ]


@pytest.mark.parametrize(
    ("code", "reason"),
    [(4, "its file system has errors left"), (12, "its file system has errors left"), (8, "e2fsck ended with 8"),
     (32, "e2fsck ended with 32"), (-9, "e2fsck ended with -9")],
)  # fmt: skip
def test_errors_that_are_left_stop_the_boot(code: int, reason: str) -> None:
    with pytest.raises(StepError) as error:
        checked(Checked(code, ("UNEXPECTED INCONSISTENCY",)))
    assert (error.value.reason, error.value.said) == (f"disk.img: {reason}", ("UNEXPECTED INCONSISTENCY",))
    assert f"e2fsck -f '{PATH}'" in error.value.hint
    with pytest.raises(StepError) as error:
        checked(Checked(code, ()), Place(PATH, "ext4", 512, 1 << 20))
    assert f"e2fsck -f '{PATH}?offset=1048576'" in error.value.hint


@pytest.mark.parametrize(
    ("trouble", "wish", "line"),
    [
        ("errors", Fsck(), "container: disk.img has errors, and this image has no e2fsck (profile part fsck)"),
        ("journal", Fsck(), "container: disk.img was not unmounted, and this image has no e2fsck (profile part fsck)"),
        ("", Fsck("force"), "container: disk.img is to be checked, and this image has no e2fsck (profile part fsck)"),
    ],
)
def test_an_image_without_it_says_what_it_lacks(trouble: str, wish: Fsck, line: str) -> None:
    assert checked(None, Place(PATH, "ext4", 512, trouble=trouble), wish).log(4) == [line]
    assert checked(None).log(4) == []


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("1 30 120 /dev/loop0\n", (1, 25)),
        ("1 30 120 /dev/loop0\n4 1 1 /dev/loop0p2\n", (4, 100)),
        ("/dev/loop0: clean, 11/16 files, 5/10 blocks\n", None),
        ("5 0 0 my root\n", (5, 0)),
        ("", None),
    ],
)
def test_progress(text: str, passed: tuple[int, int] | None) -> None:
    assert progress(text) == passed
