"""Containers looked for, read and mounted, on real files."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from init import operations
from init.operations import StepError
from init.perform import loop_device
from tests.unit.files import put


def failure(action: Callable[[Any], object], operation: object) -> StepError:
    with pytest.raises(StepError) as raised:
        action(operation)
    return raised.value


def test_read_at(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(200)))
    wanted = [operations.ReadAt(f"{tmp_path}/file", *where) for where in ((10, 3), (198, 5), (200, 5), (1 << 60, 5))]
    assert [loop_device.read_at(operation) for operation in wanted] == [b"\n\x0b\x0c", b"\xc6\xc7", b"", b""]


def sought(path: str) -> StepError:
    return failure(loop_device.find, operations.FindContainer(path))


def test_a_missing_container_names_its_neighbours(tmp_path: Path) -> None:
    share = tmp_path / "share"
    put(share / "images/root.img")
    put(share / "images/swap.img")
    error = sought(f"{share}/images/rot.img")
    assert error.reason == f"{share}/images/rot.img: no such file on the share"
    assert error.hint == "loop=PATH is relative to the share; images/ holds: root.img, swap.img"
    assert sought(f"{share}/imgs/deep/root.img").hint == "loop=PATH is relative to the share; share/ holds: images"


def test_many_neighbours_and_none(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    assert sought(f"{tmp_path}/share/a").hint.endswith("share/ holds: nothing")
    for number in range(11):
        (tmp_path / f"share/{number:02}").touch()
    hint = sought(f"{tmp_path}/share/a").hint
    assert hint.endswith("share/ holds: 00, 01, 02, 03, 04, 05, 06, 07 and 3 more")


def test_a_container_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    assert sought(f"{tmp_path}/folder").reason == f"{tmp_path}/folder: is no regular file"
    error = sought(f"{tmp_path}/empty")
    assert (error.reason, error.retry) == (f"{tmp_path}/empty: the container is empty", False)


@pytest.mark.skipif(os.geteuid() != 0, reason="mount(2) and the kernel's log are root's")
def test_a_mount_that_fails(tmp_path: Path) -> None:
    error = failure(loop_device.mount, operations.Mount(f"{tmp_path}/nothing", f"{tmp_path}/made", "ext4", "ro"))
    assert error.reason == f"{tmp_path}/nothing (ext4): No such file or directory"
    error = failure(loop_device.mount, operations.Mount("none", str(tmp_path), "nosuchfs", "ro"))
    assert error.reason == "none (nosuchfs): No such device"
    assert error.hint == "not in this image: mkinitfs build --module nosuchfs"
    error = failure(loop_device.mount, operations.Mount("none", str(tmp_path), "tmpfs", "rw,nosuchoption=1"))
    assert error.errno == errno.EINVAL
    assert not os.path.ismount(tmp_path)


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("1 30 120 /dev/loop0\n", (1, 25)), ("1 30 120 /dev/loop0\n4 1 1 /dev/loop0p2\n", (4, 100)),
        ("/dev/loop0: clean, 11/16 files, 5/10 blocks\n", None), ("5 0 0 my root\n", (5, 0)), ("", None),
    ],
)  # fmt: skip
def test_progress(text: str, passed: tuple[int, int] | None) -> None:
    assert loop_device.progress(text) == passed
