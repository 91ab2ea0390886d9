"""What every image has."""

from mkinitfs import skeleton
from mkinitfs.manifest import Device, Directory, Manifest, Symlink
from mkinitfs.sysroot import Sysroot


def test_the_skeleton_has_what_the_kernel_wants_and_the_sysroots_links(merged):
    found = Manifest(skeleton.entries(merged))
    assert {"dev/console", "proc", "sys", "run", "sysroot", "tmp", "etc/passwd"} <= set(found)
    assert found["tmp"] == Directory(0o1777, "every image")
    assert isinstance(found["sbin"], Symlink) and found["sbin"].target == "usr/sbin"
    assert "lib64" not in found


def test_a_split_usr_gets_no_links(split):
    assert "bin" not in dict(skeleton.entries(split))


def test_the_devices_that_are_asked_for_before_devtmpfs_is_mounted():
    """Nodes are records of the archive: who builds needs no right to make them."""
    nodes = {
        path: (entry.kind, entry.major, entry.minor, entry.mode)
        for path, entry in skeleton.entries(Sysroot("/"))
        if isinstance(entry, Device)
    }
    assert nodes == {
        "dev/console": ("c", 5, 1, 0o600),
        "dev/kmsg": ("c", 1, 11, 0o644),
        "dev/null": ("c", 1, 3, 0o666),
        "dev/random": ("c", 1, 8, 0o666),
        "dev/urandom": ("c", 1, 9, 0o666),
    }
