"""The teardown's order for the tables that real machines have at their end."""

from __future__ import annotations

from init.container_lease.record import Claim
from init.shutdown.order import Detach, LetGo, Move, Release, Unmount, plan
from init.system.mount_table import LoopDevice, parse_mountinfo

KERNEL = """\
22 1 0:2 / / rw - rootfs rootfs rw
23 22 0:30 / /dev rw,nosuid - devtmpfs devtmpfs rw
24 22 0:31 / /sys rw,nosuid - sysfs sysfs rw
25 22 0:32 / /proc rw,nosuid - proc proc rw
"""
CONTAINER = LoopDevice("/dev/loop0", "7:0", "0:45", "/share/root.img")


def ordered(text: str, *loops: LoopDevice, old_root: str = "/sysroot") -> list[str]:
    """The plan in words that a table can hold."""
    return [words(one) for one in plan(parse_mountinfo(text), loops, old_root)]


def words(release: Release) -> str:
    if isinstance(release, Detach):
        return f"detach {release.path}"
    if isinstance(release, LetGo):
        return f"let go of {release.path}"
    return f"{'move' if isinstance(release, Move) else 'unmount'} {release.point}"


def test_nothing_to_release() -> None:
    assert ordered("") == []
    assert ordered(KERNEL) == []
    assert ordered(KERNEL, old_root="/oldroot") == []


SUPERVISED = (
    KERNEL
    + """\
40 22 0:45 / /share rw,relatime - cifs //10.0.2.2/linux rw,vers=3.1.1,hard
41 22 7:0 / /sysroot rw,relatime - ext4 /dev/loop0 rw
"""
)


def test_supervisor_with_a_container() -> None:
    assert ordered(SUPERVISED, CONTAINER) == ["unmount /sysroot", "detach /dev/loop0", "unmount /share"]


def test_supervisor_in_whatever_order_the_table_is() -> None:
    lines = SUPERVISED.splitlines(keepends=True)
    assert ordered("".join(reversed(lines)), CONTAINER) == [
        "unmount /sysroot", "detach /dev/loop0", "unmount /share",
    ]  # fmt: skip


def test_what_is_left_halfway() -> None:
    """Each round begins with the tables as they are then."""
    share = "".join(SUPERVISED.splitlines(keepends=True)[:5])
    assert ordered(share, CONTAINER) == ["detach /dev/loop0", "unmount /share"]
    assert ordered(share) == ["unmount /share"]
    assert ordered(KERNEL, CONTAINER) == ["detach /dev/loop0"]


def test_plain_share_as_root() -> None:
    assert ordered(f"{KERNEL}41 22 0:45 / /sysroot rw - cifs //nas/root rw\n") == ["unmount /sysroot"]


def test_xfs_and_mounts_below_the_root() -> None:
    table = f"""{KERNEL}40 22 0:45 / /share rw - cifs //nas/x rw
41 22 7:0 / /sysroot rw - xfs /dev/loop0 rw
42 41 0:50 / /sysroot/tmp rw - tmpfs tmpfs rw
43 41 0:51 / /sysroot/mnt rw - tmpfs tmpfs rw
44 43 0:52 / /sysroot/mnt/deep rw - tmpfs tmpfs rw
"""
    assert ordered(table, CONTAINER) == [
        "unmount /sysroot/mnt/deep", "unmount /sysroot/mnt", "unmount /sysroot/tmp", "unmount /sysroot",
        "detach /dev/loop0", "unmount /share",
    ]  # fmt: skip


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


def test_systemd_first_moves_the_share_out_of_its_own_container() -> None:
    assert plan(parse_mountinfo(SYSTEMD), [CONTAINER], "/oldroot") == (
        Move("/oldroot/run/initramfs/share", "/released-67"),
    )


def test_systemd_after_the_move() -> None:
    table = SYSTEMD.replace("67 66 0:45 / /oldroot/run/initramfs/share", "67 60 0:45 / /released-0")
    assert ordered(table, CONTAINER, old_root="/oldroot") == [
        "unmount /oldroot/run/initramfs", "unmount /oldroot/run", "unmount /oldroot", "detach /dev/loop0",
        "unmount /released-0",
    ]  # fmt: skip


def test_systemd_on_btrfs() -> None:
    """btrfs shows a device number of its own in mountinfo: the loop device is recognised by its name."""
    table = SYSTEMD.replace("41 60 7:0 / /oldroot rw,relatime - ext4", "41 60 0:70 / /oldroot rw - btrfs")
    assert ordered(table, CONTAINER, old_root="/oldroot") == ["move /oldroot/run/initramfs/share"]
    supervised = SUPERVISED.replace("41 22 7:0 / /sysroot rw,relatime - ext4", "41 22 0:70 / /sysroot rw - btrfs")
    assert ordered(supervised, CONTAINER) == ["unmount /sysroot", "detach /dev/loop0", "unmount /share"]


def test_a_partition_goes_before_the_device_that_it_lies_on() -> None:
    """Its number is another one (259:0 and up), its name begins with the loop device's."""
    table = SUPERVISED.replace("7:0 / /sysroot rw,relatime - ext4 /dev/loop0", "259:0 / /sysroot rw - xfs /dev/loop0p2")
    assert ordered(table, CONTAINER) == ["unmount /sysroot", "detach /dev/loop0", "unmount /share"]
    table = SYSTEMD.replace("7:0 / /oldroot rw,relatime - ext4 /dev/loop0", "0:70 / /oldroot rw - btrfs /dev/loop0p2")
    assert ordered(table, CONTAINER, old_root="/oldroot") == ["move /oldroot/run/initramfs/share"]
    other = CONTAINER._replace(path="/dev/loop", device="7:9", backing_device="0:99")  # a beginning of the name
    assert ordered(table, other, old_root="/oldroot")[-1] == "detach /dev/loop"


def test_systemd_without_a_container() -> None:
    table = """\
60 1 0:40 / / rw - tmpfs mkinitfs rw
41 60 0:45 / /oldroot rw - cifs //nas/root rw
65 41 0:33 / /oldroot/run rw - tmpfs tmpfs rw
"""
    assert ordered(table, old_root="/oldroot") == ["unmount /oldroot/run", "unmount /oldroot"]


def test_bind_copies_of_the_share() -> None:
    table = f"{SUPERVISED}50 41 0:45 /data /sysroot/data rw - cifs //10.0.2.2/linux rw\n"
    # the copy below the container's root is as much in the way as the share itself would be
    assert ordered(table, CONTAINER) == ["move /sysroot/data"]
    table = f"{SUPERVISED}50 22 0:45 /data /data rw - cifs //10.0.2.2/linux rw\n"
    assert ordered(table, CONTAINER) == [
        "unmount /sysroot", "detach /dev/loop0", "unmount /share", "unmount /data",
    ]  # fmt: skip


def test_two_mounts_of_one_file_system() -> None:
    table = f"{SUPERVISED}50 22 7:0 /home /copy rw - ext4 /dev/loop0 rw\n"
    order = ordered(table, CONTAINER)
    assert set(order[:2]) == {"unmount /sysroot", "unmount /copy"}
    assert order[2:] == ["detach /dev/loop0", "unmount /share"]


def test_a_container_in_the_container() -> None:
    table = f"{SUPERVISED}50 41 7:1 / /sysroot/srv rw - xfs /dev/loop1 rw\n"
    inner = LoopDevice("/dev/loop1", "7:1", "7:0", "/sysroot/inner.img")
    assert ordered(table, CONTAINER, inner) == [
        "unmount /sysroot/srv", "detach /dev/loop1", "unmount /sysroot", "detach /dev/loop0", "unmount /share",
    ]  # fmt: skip


def test_the_share_below_a_container_in_a_container() -> None:
    """The way round is longer, the share is in its own way all the same."""
    table = f"""{KERNEL}41 22 7:1 / /sysroot rw - ext4 /dev/loop1 rw
42 41 0:45 / /sysroot/share rw - cifs //nas/x rw
43 22 7:0 / /outer rw - ext4 /dev/loop0 rw
"""
    inner = LoopDevice("/dev/loop1", "7:1", "7:0", "/outer/inner.img")
    moved = plan(parse_mountinfo(table), [CONTAINER, inner], "/sysroot")
    assert Move("/sysroot/share", "/released-42") in moved
    table = table.replace("42 41 0:45 / /sysroot/share", "42 22 0:45 / /released-0")
    assert ordered(table, CONTAINER, inner) == [
        "unmount /sysroot", "detach /dev/loop1", "unmount /outer", "detach /dev/loop0", "unmount /released-0",
    ]  # fmt: skip


def test_an_attached_container_that_nobody_mounted() -> None:
    table = f"{KERNEL}40 22 0:45 / /share rw - cifs //nas/x rw\n"
    assert ordered(table, CONTAINER) == ["detach /dev/loop0", "unmount /share"]


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
    order = ordered(table, CONTAINER)
    assert "unmount /disk" in order
    assert "unmount /home" in order
    assert "unmount /scratch" not in order


def test_a_name_that_only_begins_like_the_root() -> None:
    assert ordered(f"{KERNEL}50 22 0:61 / /sysroot2 rw - tmpfs tmpfs rw\n") == []


def test_descriptions() -> None:
    assert [one.describe() for one in plan(parse_mountinfo(SUPERVISED), [CONTAINER], "/sysroot")] == [
        "unmount /sysroot (/dev/loop0)",
        "detach /dev/loop0 (/share/root.img)",
        "unmount /share (//10.0.2.2/linux)",
    ]
    assert Move("/a", "/b").describe() == "move /a to /b"


OVERLAID = (
    KERNEL
    + """\
40 22 0:45 / /share rw,relatime - cifs //10.0.2.2/linux rw,vers=3.1.1,hard
42 22 7:0 / /lower ro,relatime - ext4 /dev/loop0 ro
43 22 0:60 / /layer rw,relatime - tmpfs overlay rw
41 22 0:61 / /sysroot rw - overlay overlay rw,lowerdir=/run/initramfs/lower,upperdir=/run/initramfs/layer/upper
"""
)


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
        "move /oldroot/run/initramfs/share", "move /oldroot/run/initramfs/lower", "move /oldroot/run/initramfs/layer",
    ]  # fmt: skip
    moved = table.replace("67 66 0:45 / /oldroot/run/initramfs/share", "67 60 0:45 / /released-67")
    moved = moved.replace("68 66 7:0 / /oldroot/run/initramfs/lower", "68 60 7:0 / /released-68")
    moved = moved.replace("69 66 0:60 / /oldroot/run/initramfs/layer", "69 60 0:60 / /released-69")
    assert ordered(moved, CONTAINER, old_root="/oldroot") == [
        "unmount /oldroot/run/initramfs", "unmount /oldroot/run", "unmount /oldroot", "unmount /released-68",
        "detach /dev/loop0", "unmount /released-67",
    ]  # fmt: skip


def test_somebody_elses_overlay_is_no_reason_to_move() -> None:
    table = f"{SUPERVISED}50 41 0:70 / /sysroot/merged rw - overlay overlay rw,lowerdir=/var/lib/x/1:/var/lib/x/2\n"
    assert ordered(table, CONTAINER)[:2] == ["unmount /sysroot/merged", "unmount /sysroot"]


def test_a_lease_goes_after_the_loop_device_and_before_the_share() -> None:
    claims = (Claim(120, "0:45", "root.img"), Claim(121, "0:45", "own.img"))
    order = [words(one) for one in plan(parse_mountinfo(SUPERVISED), (CONTAINER,), "/sysroot", claims)]
    assert order == [
        "unmount /sysroot", "detach /dev/loop0", "let go of root.img", "let go of own.img", "unmount /share",
    ]  # fmt: skip


def test_a_lease_whose_share_is_gone_is_let_go_all_the_same() -> None:
    assert [words(one) for one in plan((), (), "/sysroot", (Claim(120, "0:45", "root.img"),))] == ["let go of root.img"]


def test_the_ramdisks_second_mount_is_taken_away_from_under_whoever_stands_on_it() -> None:
    """Claimants do, and live longer than the old root that it is mounted in."""
    moved = SYSTEMD.replace("67 66 0:45 / /oldroot/run/initramfs/share", "67 60 0:45 / /released-67")
    lazy = {one.point for one in plan(parse_mountinfo(moved), (), "/oldroot") if isinstance(one, Unmount) and one.lazy}
    assert lazy == {"/oldroot/run/initramfs"}
