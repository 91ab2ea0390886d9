"""What every image has."""

from mkinitfs import skeleton
from mkinitfs.manifest import Directory, Manifest, Symlink


def test_the_skeleton_has_what_the_kernel_wants_and_the_sysroots_links(merged):
    found = Manifest(skeleton.entries(merged))
    assert {"dev/console", "proc", "sys", "run", "sysroot", "tmp", "etc/passwd"} <= set(found)
    assert found["tmp"] == Directory(0o1777, "every image")
    assert isinstance(found["sbin"], Symlink) and found["sbin"].target == "usr/sbin"
    assert "lib64" not in found


def test_a_split_usr_gets_no_links(split):
    assert "bin" not in dict(skeleton.entries(split))
