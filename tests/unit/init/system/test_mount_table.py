"""mountinfo as real kernels print it."""

import os

from init.system.mount_table import MountPoint, parse_mountinfo, unescape

# proc_pid_mountinfo(5)'s example, a share with a space in its name, a root of its own below a bind mount
TEXT = r"""36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
40 36 0:45 / /run/initramfs/share rw,relatime shared:2 master:1 - cifs //nas/my\040share rw,vers=3.1.1,hard
41 40 7:0 / /mnt/tab\011new\012line\134hash\043 ro - ext4 /dev/loop0 ro
42 41 0:46 / /a rw,nosuid - tmpfs  rw
"""


def test_documented_lines() -> None:
    assert parse_mountinfo(TEXT) == (
        MountPoint(36, 35, "98:0", "/mnt1", "/mnt2", "ext3", "/dev/root", "rw,noatime"),
        MountPoint(40, 36, "0:45", "/", "/run/initramfs/share", "cifs", "//nas/my share", "rw,relatime"),
        MountPoint(41, 40, "7:0", "/", "/mnt/tab\tnew\nline\\hash#", "ext4", "/dev/loop0", "ro"),
        MountPoint(42, 41, "0:46", "/", "/a", "tmpfs", "", "rw,nosuid"),
    )


def test_nothing_mounted() -> None:
    assert parse_mountinfo("") == ()


def test_this_machines_own_table() -> None:
    with open("/proc/self/mountinfo") as file:
        text = file.read()
    mounts = parse_mountinfo(text)
    assert len(mounts) == text.count("\n")
    roots = [mount for mount in mounts if mount.point == "/"]
    number = os.stat("/").st_dev
    # btrfs and overlay show another number to stat(2) than to mountinfo
    assert any(mount.fstype in ("btrfs", "overlay") for mount in roots) or (
        f"{os.major(number)}:{os.minor(number)}" in {mount.device for mount in roots}
    )


def test_only_octal_escapes_are_undone() -> None:
    assert unescape(r"a\040b\134040\043") == "a b\\040#"
    assert unescape("plain") == "plain"
