"""Files attached to loop devices by this machine's kernel: what the device is then like."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from init import operations
from init.operations import StepError
from init.perform import loop_device
from tests.command import run

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/loop-control"), reason="loop devices are root's"
)


@contextmanager
def attached(operation: operations.AttachLoop) -> Iterator[operations.Attached]:
    found = loop_device.attach(operation)
    try:
        yield found
    finally:
        loop_device.detach(operations.DetachLoop(found.device))


@pytest.fixture
def container(tmp_path: Path) -> Path:
    with (tmp_path / "a container.img").open("wb") as file:
        for number in range(64):
            file.write(bytes([number]) * 65536)
    return tmp_path / "a container.img"


def fact(device: str, name: str) -> str:
    return Path("/sys/block", os.path.basename(device), name).read_text().strip()


@pytest.mark.parametrize("sector", [512, 1024, 2048, 4096])
@pytest.mark.parametrize("read_only", [False, True])
def test_the_device_is_what_was_asked_for(container: Path, sector: int, read_only: bool) -> None:
    with attached(operations.AttachLoop(str(container), read_only, sector)) as found:
        assert fact(found.device, "queue/logical_block_size") == str(sector)
        assert fact(found.device, "ro") == str(int(read_only))
        assert fact(found.device, "size") == str(64 * 128)
        assert fact(found.device, "loop/backing_file") == str(container)
        assert fact(found.device, "loop/dio") == str(int(found.direct))
        assert fact(found.device, "queue/read_ahead_kb") == "1024"
        with open(found.device, "rb") as device:
            assert device.read() == container.read_bytes()


def test_a_part_of_the_file(container: Path) -> None:
    with attached(operations.AttachLoop(str(container), True, 512, 65536 * 3, 65536 * 2)) as found:
        assert fact(found.device, "loop/offset") == str(65536 * 3)
        with open(found.device, "rb") as device:
            assert device.read() == b"\3" * 65536 + b"\4" * 65536


def test_where_direct_io_is_refused_or_unwanted_the_page_cache_serves(container: Path) -> None:
    with attached(operations.AttachLoop(str(container), True, direct=False)) as found:
        assert not found.direct
    other = Path("/dev/shm", f"{os.getpid()}-container.img")  # tmpfs, which knew no O_DIRECT for long
    other.write_bytes(container.read_bytes())
    try:
        with attached(operations.AttachLoop(str(other), False, 4096)) as found, open(found.device, "rb") as device:
            assert device.read() == container.read_bytes()
    finally:
        other.unlink()


def test_what_cannot_be_attached_says_why(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="cannot be attached to a loop device: No such file"):
        loop_device.attach(operations.AttachLoop(f"{tmp_path}/none", False))
    with pytest.raises(StepError, match="Is a directory"):
        loop_device.attach(operations.AttachLoop(str(tmp_path), False))


def test_e2fsck_as_the_boot_calls_it(tmp_path: Path) -> None:
    """A long check would tell how far it is; what it said has no progress in it."""
    image = tmp_path / "root.img"
    with image.open("wb") as file:
        file.truncate(32 << 20)
    run(["mke2fs", "-q", "-F", "-t", "ext4", "-L", "my root", image])
    lines: list[tuple[int, str]] = []
    argv = ("/sbin/e2fsck", "-p", "-f", "-C1", str(image))
    found = loop_device.check(operations.CheckFilesystem(argv), lambda *line: lines.append(line))
    assert found and found.code == 0
    assert len(found.said) == 1 and found.said[0].startswith("my_root: ")
    assert lines == []
    assert (
        loop_device.check(operations.CheckFilesystem(("/sbin/none", str(image))), lambda *line: lines.append(line))
        is None
    )
