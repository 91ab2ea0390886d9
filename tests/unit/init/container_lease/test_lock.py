"""The lock on this machine's own files, and where it reaches no server."""

from pathlib import Path

import pytest

from init.container_lease import lock
from init.container_lease.lock import OFFSET, PROBE, kept_local
from init.system.mount_table import mounted_as, parse_mountinfo

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
        ("0:24", "cifs", ""), ("0:25", "cifs", "nobrl"), ("0:26", "nfs", "nolock"), ("0:27", "nfs", "local_lock=posix"),
        ("0:28", "nfs4", ""), ("0:2", "", ""),
    ],
)  # fmt: skip
def test_where_locks_stay_on_this_machine(device: str, kind: str, why: str) -> None:
    mount = mounted_as(device, parse_mountinfo(MOUNTS))
    assert (mount.fstype if mount else "", kept_local(mount)) == (kind, why)


def test_one_writes_or_many_read(tmp_path: Path) -> None:
    """On this machine's own file systems: posix locks stack, and refuse with EAGAIN."""
    assert OFFSET == 1 << 62
    path = tmp_path / "disk.img"
    path.touch()
    with path.open("r+b") as one, path.open("r+b") as other:
        first, second = one.fileno(), other.fileno()
        assert [lock.take(first, write=True) for _ in range(2)] == ["granted", "granted"]
        assert lock.take(second, write=False) == "EAGAIN"
        assert lock.take(second, write=False, offset=lock.BESIDE) == "granted"
        lock.drop(first)
        assert [lock.take(each, write=False) for each in (second, first)] == ["granted", "granted"]
        assert lock.take(first, write=True) == "EAGAIN"


def test_a_lock_that_is_granted_to_whoever_asks(tmp_path: Path) -> None:
    """This machine's own file systems stand for a server that keeps none: here one description may ask twice."""
    path = tmp_path / "disk.img"
    path.touch()
    with path.open("r+b") as one, path.open("r+b") as other:
        assert lock.take(one.fileno(), write=True, offset=PROBE) == "granted"
        assert not lock.is_refused_twice(one.fileno(), PROBE)
        assert lock.is_refused_twice(other.fileno(), PROBE)
        assert lock.take(other.fileno(), write=True) == "granted"  # the probe lies beside the lease itself
