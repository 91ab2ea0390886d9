"""Every kind of container boots, with a device that fits it, and the server gets all of it back."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from init.boot.partitions import root_type
from tests.roots import PROMPT, ROOTS

from .harness import Machine, MiB, make_container, until
from .harness.containers import Kind, cut_out, partitioned
from .site import BOOT, SHELL, SMALL, Site

pytestmark = pytest.mark.vm

SPARSE = {"store dos attributes": "yes"}  # Samba's default; a file can be sparse only with it
WRITE = "dd if=/dev/urandom of=/root/data bs=1M count=8 2>/dev/null; sync; sha256sum /root/data"


def queue(device: str) -> str:
    """A command that shows sector, direct I/O, and whether discard goes through."""
    folder = f"/sys/block/{device}"
    return f"echo sector=$(cat {folder}/queue/logical_block_size) direct=$(cat {folder}/loop/dio)"


def off(site: Site, vm: Machine) -> None:
    """Power off, and look at the server while QEMU is still there."""
    vm.type("poweroff")
    vm.wait_powered_off(BOOT)
    site.assert_released()


def tree() -> Path:
    return ROOTS["busybox"]().tree


@pytest.mark.parametrize(("kind", "series"), [("squashfs", "6.1"), ("erofs", "6.12")])
def test_read_only_file_systems(kind: Kind, series: str, site: Site) -> None:
    """Asked for rw all the same: nothing is ever written, and not even the file's handle could."""
    site.put(kind=kind)
    before = site.disk.read_bytes()
    with site.boot(series=series, up=PROMPT) as vm:
        assert {file.access for file in site.server.open_files() if file.path == str(site.disk)} == {"R"}
        assert f" / {kind} ro," in vm.run("grep ' / ' /proc/mounts")
        assert "direct=1" in vm.run(queue("loop0"))
        off(site, vm)
    assert site.disk.read_bytes() == before
    site.assert_clean()


def test_btrfs_in_a_partition_beside_another_one(site: Site) -> None:
    """partscan: the whole image is there, its other partition too, and the root's lies on the loop device's."""
    part = make_container(site.folder / "root.img", tree(), "btrfs", 256 * MiB)
    site.disk.parent.mkdir(exist_ok=True)
    script = f"label: gpt\n1 : size=8M,name=swap\n2 : size=256M,name=root,type={root_type('x86_64', 64)}\n"
    partitioned(site.disk, script, {2: part}, size=300 * MiB)
    words = "rw ip=dhcp loopflags=PARTLABEL=root,partscan,subvol=/"
    with site.boot(words, series="6.12", flags=(*SMALL, "--module", "btrfs"), up=PROMPT) as vm:
        assert "/dev/loop0p2 / btrfs rw," in vm.run("grep ' / ' /proc/mounts")
        assert vm.run("cat /sys/block/loop0/loop0p1/size").strip() == str(8 * MiB // 512)
        assert "sector=512 direct=1" in vm.run(queue("loop0"))
        checksum = vm.run(WRITE).split()[0]
        off(site, vm)
    site.disk = cut_out(site.disk, 2, site.folder / "after.img")
    site.assert_clean()
    assert hashlib.sha256(site.read("/root/data")).hexdigest() == checksum


def test_ext4_of_small_blocks_in_a_logical_partition_gives_back_what_is_deleted(site: Site) -> None:
    """Found by itself, at an offset that is no multiple of its cluster; fstrim frees the server's disk."""
    site.serve(options=SPARSE)
    part = make_container(site.folder / "root.img", tree(), "ext4", 128 * MiB, 1024)
    site.disk.parent.mkdir(exist_ok=True)
    script = "label: dos\n1 : start=63,size=8000,type=82\n4 : start=8063,type=5\n5 : start=8126,size=128M\n"
    partitioned(site.disk, script, {5: part}, size=160 * MiB)
    with site.boot(up=PROMPT) as vm:
        assert "/dev/loop0 / ext4 rw," in vm.run("grep ' / ' /proc/mounts")
        assert "sector=1024 direct=1" in vm.run(queue("loop0"))
        checksum = vm.run(WRITE).split()[0]
        vm.run("dd if=/dev/urandom of=/root/large bs=1M count=32 2>/dev/null; sync")
        full = site.disk.stat().st_blocks
        vm.run("rm /root/large; sync; fstrim /")
        assert site.disk.stat().st_blocks < full - 30 * MiB // 512
        off(site, vm)
    site.disk = cut_out(site.disk, 5, site.folder / "after.img")
    site.assert_clean()
    assert hashlib.sha256(site.read("/root/data")).hexdigest() == checksum


def test_xfs_of_large_sectors_is_named_where_two_partitions_could_be_meant(site: Site) -> None:
    """The error names both. What is then given as an offset is mounted; and a server that cannot discard is no harm."""
    part = make_container(site.folder / "root.img", tree(), "xfs", 304 * MiB, sector_size=4096)
    site.disk.parent.mkdir()  # the other one is empty as it is at this moment
    other = make_container(site.folder / "boot.img", site.disk.parent, "ext4", 8 * MiB)
    script = "label: gpt\n1 : size=8M,name=boot\n2 : size=304M,name=first\n"
    partitioned(site.disk, script, {1: other, 2: part})
    with site.server:
        with site.boot("rw ip=dhcp panic=0", series="6.12", up=SHELL) as vm:
            assert vm.seen("what failed: disk.img: 2 partitions with a file system known here")
            assert vm.seen(r"it said: +partition 1: ext4, 8\.4 MB, PARTUUID=[-0-9a-f]{36} PARTLABEL=boot")
            assert vm.seen(r"^ +partition 2: xfs, 318\.8 MB, PARTUUID=[-0-9a-f]{36} PARTLABEL=first")
        with site.boot("rw ip=dhcp loopflags=discard,offset=9M,sizelimit=304M", series="6.12", up=PROMPT) as vm:
            assert "/dev/loop0 / xfs rw," in vm.run("grep ' / ' /proc/mounts")
            assert "sector=4096 direct=1" in vm.run(queue("loop0"))
            checksum = vm.run(f"{WRITE}; cp /root/data /root/more; sync; rm /root/more; sync").split()[0]
            off(site, vm)
    site.disk = cut_out(site.disk, 2, site.folder / "after.img")
    site.assert_clean()
    assert hashlib.sha256(site.read("/root/data")).hexdigest() == checksum


def damage(image: Path, *requests: str) -> None:
    for request in requests:
        subprocess.run(["debugfs", "-w", "-R", request, image], check=True, capture_output=True)


def test_a_damaged_ext4_is_repaired_as_far_as_nobody_has_to_decide(site: Site) -> None:
    """A wrong count is repaired; a file without blocks is not, and a person in the shell repairs it."""
    profile = site.folder / "checked.toml"
    profile.write_text('extends = ["cifs-loop", "fsck"]\n')
    site.put(files={"etc/one": "1" * 5000, "etc/two": "2" * 5000})
    damage(site.disk, "sif /etc/one links_count 5", "ssv state 2")
    flags = (*SMALL, "--profile", profile)
    with site.server:
        with site.boot("rw ip=dhcp panic=0", flags=flags, quiet=False, up=PROMPT) as vm:
            assert vm.seen(r"container: e2fsck: .*ref count is 5, should be 1")
            assert vm.seen(r"container: disk.img repaired by e2fsck \[")
            off(site, vm)
        site.assert_clean()
        damage(site.disk, "sif /etc/two block[1] 99999999", "ssv state 2")
        with site.boot("rw ip=dhcp panic=0", flags=flags, up=SHELL) as vm:
            assert vm.seen("what failed: disk.img: its file system has errors left")
            assert vm.seen("UNEXPECTED INCONSISTENCY")
            assert vm.seen("to try: +in the shell: e2fsck -f '/run/initramfs/share/disk.img'")
            vm.run("e2fsck -fy /run/initramfs/share/disk.img", BOOT, status=1)
            vm.type("exit")
            vm.wait_for(PROMPT, BOOT)
            off(site, vm)
    site.assert_clean()


def test_a_damaged_ext4_without_e2fsck_in_the_image_is_said_to_be_one(site: Site) -> None:
    site.put()
    damage(site.disk, "ssv state 2")
    with site.boot("rw ip=dhcp", series="6.12", quiet=False, up=PROMPT) as vm:
        assert vm.seen(r"container: disk.img has errors, and this image has no e2fsck \(profile part fsck\)")
        off(site, vm)


def test_a_module_that_is_not_in_the_image_is_named(site: Site) -> None:
    make_container(site.put(), tree(), "btrfs", 256 * MiB)
    with site.boot("rw ip=dhcp panic=0", up=SHELL) as vm:
        assert vm.seen(r"what failed: /dev/loop0 \(btrfs\): No such device")
        assert vm.seen("to try: +not in this image: mkinitfs build --module btrfs")


# Writes files, each synced before its number is told.
WRITER = """number=0
while [ ! -e /run/enough ]; do
    number=$((number + 1))
    yes $number | dd of=/root/file$number bs=64K count=2 iflag=fullblock conv=fsync 2>/dev/null || exit 1
    echo $number >/run/told
done
"""


# The shell's own words only: a program's start may wait for the root file system.
ON_WIRE = """while read -r line; do case $line in *"On Wire:"*) echo "$line" ;; esac; done </proc/fs/cifs/DebugData"""


@pytest.mark.parametrize("series", ["6.1", "6.12"])
def test_nothing_synced_is_lost_when_the_server_starts_again(series: str, site: Site) -> None:
    """Direct I/O has no page of the share's to send again: what was on its way is sent once more all the same.

    nostrictsync, since a flush that is on its way then fails in the kernel (mkinitfs(7) tells of it).
    """
    site.put(files={"sbin/writer": f"#!/bin/sh\n{WRITER}"})

    def told() -> int:
        return int(vm.run("read -r number </run/told; echo $number").strip() or 0)

    def on_wire() -> int:
        return sum(int(number) for number in re.findall(r"On Wire: (\d+)", vm.run(ON_WIRE)))

    with site.boot(series=series, share=site.server.cifsroot("nostrictsync"), up=PROMPT) as vm:
        assert "direct=1" in vm.run(queue("loop0"))
        vm.run("dmesg -n 1; echo 0 >/run/told; writer & true")  # what the kernel says of the server is no number
        until(lambda: told() >= 5, BOOT, "five files are written")
        site.server.pause()
        until(lambda: on_wire() > 0 and on_wire() == on_wire(), BOOT, "requests wait for their answers")
        site.server.stop(politely=False)
        before = told()
        site.server.start()
        until(lambda: told() >= before + 5, BOOT, "five more files are written")
        vm.run("touch /run/enough; wait", BOOT)
        count = told()
        off(site, vm)
    site.assert_clean()
    for number in range(1, count + 1):
        line = f"{number}\n".encode()
        assert site.read(f"/root/file{number}") == (line * (131072 // len(line) + 1))[:131072], number
