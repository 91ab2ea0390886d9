"""The teardown's order for the tables that real machines have at their end."""

import pytest

from init.container_lease.messages import HolderNote
from init.shutdown.order import Detach, GiveBack, Move, Release, Unmount, plan
from init.system.mount_table import LoopDevice, parse_mountinfo

KERNEL = """\
22 1 0:2 / / rw - rootfs rootfs rw
23 22 0:30 / /dev rw,nosuid - devtmpfs devtmpfs rw
24 22 0:31 / /sys rw,nosuid - sysfs sysfs rw
25 22 0:32 / /proc rw,nosuid - proc proc rw
"""
SHARE = f"{KERNEL}40 22 0:45 / /share rw,relatime - cifs //10.0.2.2/linux rw,vers=3.1.1,hard\n"
SUPERVISED = f"{SHARE}41 22 7:0 / /sysroot rw,relatime - ext4 /dev/loop0 rw\n"
# Debian 12's systemd-shutdown has made /run/initramfs the root and left the rest below /oldroot.
SYSTEMD = """\
60 1 0:40 / / rw,nosuid - tmpfs mkinitfs rw,mode=755
61 60 0:30 / /dev rw - devtmpfs devtmpfs rw
62 60 0:31 / /sys rw - sysfs sysfs rw
63 60 0:32 / /proc rw - proc proc rw
64 60 0:33 / /run rw - tmpfs tmpfs rw
41 60 7:0 / /oldroot rw,relatime - ext4 /dev/loop0 rw
65 41 0:33 / /oldroot/run rw - tmpfs tmpfs rw
66 65 0:40 / /oldroot/run/initramfs rw - tmpfs mkinitfs rw
67 66 0:45 / /oldroot/run/initramfs/share rw - cifs //10.0.2.2/linux rw,hard
"""
CONTAINER = LoopDevice("/dev/loop0", "7:0", "0:45", "/share/root.img")
INNER = LoopDevice("/dev/loop1", "7:1", "7:0", "/sysroot/inner.img")
RELEASED = ["unmount /sysroot", "detach /dev/loop0", "unmount /share"]
MOVED = ["move /oldroot/run/initramfs/share to /released-67"]


def ordered(text: str, *loops: LoopDevice, old_root: str = "/sysroot", notes: tuple[HolderNote, ...] = ()) -> list[str]:
    """The plan in words that a table can hold."""
    return [words(one) for one in plan(parse_mountinfo(text), loops, old_root, notes)]


def words(release: Release) -> str:
    if isinstance(release, Detach):
        return f"detach {release.path}"
    if isinstance(release, GiveBack):
        return f"let go of {release.path}"
    return f"move {release.point} to {release.target}" if isinstance(release, Move) else f"unmount {release.point}"


PARTITIONED = SYSTEMD.replace("7:0 / /oldroot rw,relatime - ext4 /dev/loop0", "0:70 / /oldroot rw - btrfs /dev/loop0p2")
XFS = f"""{KERNEL}40 22 0:45 / /share rw - cifs //nas/x rw
41 22 7:0 / /sysroot rw - xfs /dev/loop0 rw
42 41 0:50 / /sysroot/tmp rw - tmpfs tmpfs rw
43 41 0:51 / /sysroot/mnt rw - tmpfs tmpfs rw
44 43 0:52 / /sysroot/mnt/deep rw - tmpfs tmpfs rw
"""
PLAIN_SYSTEMD = """\
60 1 0:40 / / rw - tmpfs mkinitfs rw
41 60 0:45 / /oldroot rw - cifs //nas/root rw
65 41 0:33 / /oldroot/run rw - tmpfs tmpfs rw
"""
CASES = {
    "supervisor": (SUPERVISED, [CONTAINER], RELEASED),
    "in whatever order the table is": ("".join(reversed(SUPERVISED.splitlines(keepends=True))), [CONTAINER], RELEASED),
    # Each round begins with the tables as they are then.
    "left halfway, a container": (SHARE, [CONTAINER], ["detach /dev/loop0", "unmount /share"]),
    "left halfway, a share": (SHARE, [], ["unmount /share"]),
    "left halfway, a loop device": (KERNEL, [CONTAINER], ["detach /dev/loop0"]),
    "plain share": (f"{KERNEL}41 22 0:45 / /sysroot rw - cifs //nas/root rw\n", [], ["unmount /sysroot"]),
    "xfs and mounts below": (
        XFS, [CONTAINER],
        ["unmount /sysroot/mnt/deep", "unmount /sysroot/mnt", "unmount /sysroot/tmp", *RELEASED],
    ),
    "container that nobody mounted": (
        f"{KERNEL}40 22 0:45 / /share rw - cifs //nas/x rw\n", [CONTAINER], ["detach /dev/loop0", "unmount /share"],
    ),
    "container in the container": (
        f"{SUPERVISED}50 41 7:1 / /sysroot/srv rw - xfs /dev/loop1 rw\n", [CONTAINER, INNER],
        ["unmount /sysroot/srv", "detach /dev/loop1", *RELEASED],
    ),
    "a name that only begins like the root": (f"{KERNEL}50 22 0:61 / /sysroot2 rw - tmpfs tmpfs rw\n", [], []),
    # The copy below the container's root is as much in the way as the share itself would be.
    "bind copy in the container": (
        f"{SUPERVISED}50 41 0:45 /data /sysroot/data rw - cifs //10.0.2.2/linux rw\n", [CONTAINER],
        ["move /sysroot/data to /released-50"],
    ),
    "bind copy elsewhere": (
        f"{SUPERVISED}50 22 0:45 /data /data rw - cifs //10.0.2.2/linux rw\n", [CONTAINER],
        [*RELEASED, "unmount /data"],
    ),
    # btrfs shows a device number of its own in mountinfo: the loop device is recognised by its name.
    "btrfs": (
        SUPERVISED.replace("41 22 7:0 / /sysroot rw,relatime - ext4", "41 22 0:70 / /sysroot rw - btrfs"), [CONTAINER],
        RELEASED,
    ),
    # A partition's number is another one (259:0 and up), its name begins with the loop device's.
    "partition": (
        SUPERVISED.replace("7:0 / /sysroot rw,relatime - ext4 /dev/loop0", "259:0 / /sysroot rw - xfs /dev/loop0p2"),
        [CONTAINER], RELEASED,
    ),
    "somebody else's overlay": (
        f"{SUPERVISED}50 41 0:70 / /sysroot/merged rw - overlay overlay rw,lowerdir=/var/lib/x/1:/var/lib/x/2\n",
        [CONTAINER], ["unmount /sysroot/merged", *RELEASED],
    ),
    "systemd, the share in its own container": (SYSTEMD, [CONTAINER], MOVED),
    "systemd after the move": (
        SYSTEMD.replace("67 66 0:45 / /oldroot/run/initramfs/share", "67 60 0:45 / /released-0"), [CONTAINER],
        ["unmount /oldroot/run/initramfs", "unmount /oldroot/run", "unmount /oldroot", "detach /dev/loop0",
         "unmount /released-0"],
    ),
    "systemd on btrfs": (
        SYSTEMD.replace("41 60 7:0 / /oldroot rw,relatime - ext4", "41 60 0:70 / /oldroot rw - btrfs"), [CONTAINER],
        MOVED,
    ),
    "systemd on a partition": (PARTITIONED, [CONTAINER], MOVED),
    "systemd without a container": (PLAIN_SYSTEMD, [], ["unmount /oldroot/run", "unmount /oldroot"]),
}  # fmt: skip


@pytest.mark.parametrize(("table", "loops", "order"), CASES.values(), ids=CASES)
def test_order(table: str, loops: list[LoopDevice], order: list[str]) -> None:
    assert ordered(table, *loops, old_root="/oldroot" if "/oldroot" in table else "/sysroot") == order


def test_nothing_to_release() -> None:
    assert ordered("") == []
    assert ordered(KERNEL) == []
    assert ordered(KERNEL, old_root="/oldroot") == []


def test_the_beginning_of_a_partitions_name_may_be_another_devices() -> None:
    other = CONTAINER._replace(path="/dev/loop", device="7:9", backing_device="0:99")
    assert ordered(PARTITIONED, other, old_root="/oldroot")[-1] == "detach /dev/loop"


def test_two_mounts_of_one_file_system() -> None:
    table = f"{SUPERVISED}50 22 7:0 /home /copy rw - ext4 /dev/loop0 rw\n"
    order = ordered(table, CONTAINER)
    assert set(order[:2]) == {"unmount /sysroot", "unmount /copy"}
    assert order[2:] == ["detach /dev/loop0", "unmount /share"]


def test_the_share_below_a_container_in_a_container() -> None:
    """The way round is longer, the share is in its own way all the same."""
    table = f"""{KERNEL}41 22 7:1 / /sysroot rw - ext4 /dev/loop1 rw
42 41 0:45 / /sysroot/share rw - cifs //nas/x rw
43 22 7:0 / /outer rw - ext4 /dev/loop0 rw
"""
    inner = LoopDevice("/dev/loop1", "7:1", "7:0", "/outer/inner.img")
    assert "move /sysroot/share to /released-42" in ordered(table, CONTAINER, inner)
    table = table.replace("42 41 0:45 / /sysroot/share", "42 22 0:45 / /released-0")
    assert ordered(table, CONTAINER, inner) == [
        "unmount /sysroot", "detach /dev/loop1", "unmount /outer", "detach /dev/loop0", "unmount /released-0",
    ]  # fmt: skip


def test_mounts_on_top_of_each_other() -> None:
    table = f"""{SUPERVISED}50 41 0:50 / /sysroot/mnt rw - tmpfs lower rw
51 50 0:51 / /sysroot/mnt rw - tmpfs upper rw
52 41 0:52 / /sysroot/a/b rw - tmpfs hidden rw
53 41 0:53 / /sysroot/a rw - tmpfs hiding rw
"""
    releases = plan(parse_mountinfo(table), [CONTAINER], "/sysroot")
    sources = [one.source for one in releases if isinstance(one, Unmount)]
    assert sources.index("upper") < sources.index("lower")
    assert sources.index("hiding") < sources.index("hidden")


def test_other_disks_and_shares_of_the_real_system_go_too() -> None:
    table = f"""{SUPERVISED}50 22 8:1 / /disk rw - ext4 /dev/sda1 rw
51 22 0:60 / /home rw - nfs4 nas:/home rw
52 22 0:61 / /scratch rw - tmpfs tmpfs rw
"""
    order = set(ordered(table, CONTAINER))
    assert {"unmount /disk", "unmount /home"} <= order and "unmount /scratch" not in order


def test_descriptions() -> None:
    assert [one.describe() for one in plan(parse_mountinfo(SUPERVISED), [CONTAINER], "/sysroot")] == [
        "unmount /sysroot (/dev/loop0)",
        "detach /dev/loop0 (/share/root.img)",
        "unmount /share (//10.0.2.2/linux)",
    ]
    assert Move("/a", "/b").describe() == "move /a to /b"


OVERLAID = f"""{SHARE}42 22 7:0 / /lower ro,relatime - ext4 /dev/loop0 ro
43 22 0:60 / /layer rw,relatime - tmpfs overlay rw
41 22 0:61 / /sysroot rw - overlay overlay rw,lowerdir=/run/initramfs/lower,upperdir=/run/initramfs/layer/upper
"""


def test_an_overlay_goes_before_its_layers_wherever_it_stands_in_the_table() -> None:
    for table in (OVERLAID, "".join(reversed(OVERLAID.splitlines(keepends=True)))):
        order = ordered(table, CONTAINER)
        assert order[0] == "unmount /sysroot"
        assert order.index("unmount /lower") < order.index("detach /dev/loop0") < order.index("unmount /share")


def test_an_overlay_on_a_container_of_its_own() -> None:
    """Two containers on one share, one below and one above."""
    own = LoopDevice("/dev/loop1", "7:1", "0:45", "/share/own.img")
    table = OVERLAID.replace("0:60 / /layer rw,relatime - tmpfs overlay", "7:1 / /layer rw - ext4 /dev/loop1")
    order = ordered(table, CONTAINER, own)
    assert (order[0], order[-1], len(order)) == ("unmount /sysroot", "unmount /share", 6)
    assert order.index("unmount /layer") < order.index("detach /dev/loop1")


def test_systemd_first_moves_an_overlays_layers_and_share_out_of_it() -> None:
    table = SYSTEMD.replace(
        "41 60 7:0 / /oldroot rw,relatime - ext4 /dev/loop0 rw",
        "41 60 0:61 / /oldroot rw - overlay overlay rw,lowerdir=/run/initramfs/lower,"
        "upperdir=/run/initramfs/layer/upper,workdir=/run/initramfs/layer/work",
    )
    table += "68 66 7:0 / /oldroot/run/initramfs/lower ro - ext4 /dev/loop0 ro\n"
    table += "69 66 0:60 / /oldroot/run/initramfs/layer rw - tmpfs overlay rw\n"
    assert ordered(table, CONTAINER, old_root="/oldroot") == [
        *MOVED, "move /oldroot/run/initramfs/lower to /released-68",
        "move /oldroot/run/initramfs/layer to /released-69",
    ]  # fmt: skip
    moved = table.replace("67 66 0:45 / /oldroot/run/initramfs/share", "67 60 0:45 / /released-67")
    moved = moved.replace("68 66 7:0 / /oldroot/run/initramfs/lower", "68 60 7:0 / /released-68")
    moved = moved.replace("69 66 0:60 / /oldroot/run/initramfs/layer", "69 60 0:60 / /released-69")
    assert ordered(moved, CONTAINER, old_root="/oldroot") == [
        "unmount /oldroot/run/initramfs", "unmount /oldroot/run", "unmount /oldroot", "unmount /released-68",
        "detach /dev/loop0", "unmount /released-67",
    ]  # fmt: skip


def test_a_lease_goes_after_the_loop_device_and_before_the_share() -> None:
    notes = (HolderNote(120, "0:45", "root.img"), HolderNote(121, "0:45", "own.img"))
    assert ordered(SUPERVISED, CONTAINER, notes=notes) == [
        "unmount /sysroot", "detach /dev/loop0", "let go of root.img", "let go of own.img", "unmount /share",
    ]  # fmt: skip
    assert ordered("", notes=notes[:1]) == ["let go of root.img"]  # its share is gone


def test_the_ramdisks_second_mount_is_taken_away_from_under_the_holders() -> None:
    """They stand on it, and live longer than the old root that it is mounted in."""
    moved = SYSTEMD.replace("67 66 0:45 / /oldroot/run/initramfs/share", "67 60 0:45 / /released-67")
    lazy = {one.point for one in plan(parse_mountinfo(moved), (), "/oldroot") if isinstance(one, Unmount) and one.lazy}
    assert lazy == {"/oldroot/run/initramfs"}
