"""mountinfo as real kernels print it."""

import os
from pathlib import Path

from init.system.mount_table import MountPoint, mount_of, mounted_as, parse_mountinfo, server_of, unescape

# proc_pid_mountinfo(5)'s example, a share with a space in its name, a root of its own below a bind mount
TEXT = r"""36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
40 36 0:45 / /run/initramfs/share rw,relatime shared:2 master:1 - cifs //nas/my\040share rw,vers=3.1.1,hard
41 40 7:0 / /mnt/tab\011new\012line\134hash\043 ro - ext4 /dev/loop0 ro
42 41 0:46 / /a rw,nosuid - tmpfs  rw
"""


def test_documented_lines() -> None:
    assert parse_mountinfo("") == ()
    assert parse_mountinfo(TEXT) == (
        MountPoint(36, 35, "98:0", "/mnt1", "/mnt2", "ext3", "/dev/root", ("rw", "noatime"), ("rw", "errors=continue")),
        MountPoint(
            40, 36, "0:45", "/", "/run/initramfs/share", "cifs", "//nas/my share", ("rw", "relatime"),
            ("rw", "vers=3.1.1", "hard"),
        ),
        MountPoint(41, 40, "7:0", "/", "/mnt/tab\tnew\nline\\hash#", "ext4", "/dev/loop0", ("ro",), ("ro",)),
        MountPoint(42, 41, "0:46", "/", "/a", "tmpfs", "", ("rw", "nosuid"), ("rw",)),
    )  # fmt: skip


def test_an_overlays_layers() -> None:
    """As 6.1 (lowerdir) and 6.12 (lowerdir+) print them; a comma within a name is escaped."""
    words = r"rw,lowerdir=/low\040er:/b\054c,lowerdir+=/d,upperdir=/layer/upper,workdir=/layer/work"
    (mount, other) = parse_mountinfo(
        f"50 1 0:50 / /sysroot rw - overlay overlay {words}\n51 1 0:51 / /other rw - tmpfs lowerdir=/x rw,lowerdir=/x\n"
    )
    assert mount.layers == ("/low er", "/b,c", "/d", "/layer/upper")
    assert mount.super_options[1] == "lowerdir=/low er:/b,c"
    assert other.layers == ()


def test_where_a_path_lies() -> None:
    mounts = parse_mountinfo(
        "1 0 0:1 / / rw - tmpfs x rw\n2 1 0:2 / /a rw - tmpfs x rw\n3 1 0:3 / /a rw - tmpfs x rw\n"
        "4 1 0:4 / /a/b rw - tmpfs x rw\n"
    )
    paths = ("/a/file", "/a/b/c", "/ab", "/a", "/a/bc")
    assert [mount.number for path in paths if (mount := mount_of(path, mounts))] == [3, 4, 1, 1, 3]
    assert mount_of("/a", ()) is None
    assert mounted_as("0:3", mounts) == mounts[2]
    assert mounted_as("0:9", mounts) is None


def test_this_machines_own_table() -> None:
    text = Path("/proc/self/mountinfo").read_text()
    mounts = parse_mountinfo(text)
    assert len(mounts) == text.count("\n")
    number = os.stat("/").st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    # btrfs and overlay show another number to stat(2) than to mountinfo
    roots = [mount for mount in mounts if mount.point == "/"]
    assert any(mount.fstype in ("btrfs", "overlay") or mount.device == device for mount in roots)


def test_only_octal_escapes_are_undone() -> None:
    assert unescape(r"a\040b\134040\043") == "a b\\040#"
    assert unescape("plain") == "plain"


def test_which_server() -> None:
    mounts = parse_mountinfo(
        "28 1 0:27 / /c rw - nfs 10.0.2.2:/x rw,vers=3,local_lock=posix,addr=10.0.2.2\n"
        "29 1 0:28 / /d rw - nfs4 10.0.2.2:/x rw,vers=4.2,local_lock=none\n"
    )
    assert [server_of(mounted_as(device, mounts)) for device in ("0:27", "0:28", "0:2")] == ["10.0.2.2", "", ""]
