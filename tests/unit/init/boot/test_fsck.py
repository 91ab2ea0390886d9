"""The check before a container is mounted: how it is called, and what its answers mean."""

import pytest

from init.boot import fsck
from init.boot.filesystem import Place
from init.cmdline.settings import Fsck
from init.operations import Checked, CheckFilesystem, StepError
from tests.machine import Machine

PATH = "/run/initramfs/share/disk.img"


def checked(answer: Checked | None, place: Place = Place(PATH, "ext4", 4096), asked: Fsck = Fsck()) -> Machine:  # noqa: B008
    machine = Machine({CheckFilesystem: answer})
    machine.returned(fsck.check("disk.img", place, "/dev/loop0", asked))
    return machine


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Fsck(), ("-p",)), (Fsck("force"), ("-p", "-f")), (Fsck("auto", "yes"), ("-y",)),
        (Fsck("force", "no"), ("-n", "-f")),
    ],
)  # fmt: skip
def test_how_it_is_called(asked: Fsck, words: tuple[str, ...]) -> None:
    machine = checked(Checked(0, ("clean",)), asked=asked)
    assert machine.of(CheckFilesystem) == [CheckFilesystem(("/sbin/e2fsck", *words, "-C1", "/dev/loop0"))]
    assert machine.log(5) == []


@pytest.mark.parametrize(
    ("place", "asked"), [(Place(PATH, "xfs", 512), Fsck()), (Place(PATH, "ext4", 512), Fsck("skip"))]
)
def test_not_called(place: Place, asked: Fsck) -> None:
    assert checked(None, place, asked).names() == ["End"]


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
    ("trouble", "asked", "line"),
    [
        ("errors", Fsck(), "container: disk.img has errors, and this image has no e2fsck (profile part fsck)"),
        ("journal", Fsck(), "container: disk.img was not unmounted, and this image has no e2fsck (profile part fsck)"),
        ("", Fsck("force"), "container: disk.img is to be checked, and this image has no e2fsck (profile part fsck)"),
    ],
)
def test_an_image_without_it_says_what_it_lacks(trouble: str, asked: Fsck, line: str) -> None:
    assert checked(None, Place(PATH, "ext4", 512, trouble=trouble), asked).log(4) == [line]
    assert checked(None).log(4) == []
