"""However the real system ends, the container is closed before the machine is gone."""

import re

import pytest

from tests.command import run
from tests.kernels import kernel

from .site import BOOT, Site

pytestmark = pytest.mark.vm


@pytest.mark.parametrize(
    ("root", "command", "end"),
    [
        ("busybox", "halt", "halted"),
        ("busybox", "poweroff -f", "powered_off"),
        ("busybox", "reboot -f", "rebooted"),
        ("systemd", "halt", "halted"),
        ("systemd", "systemctl poweroff -f", "powered_off"),
        ("sysvinit", "halt -f", "halted"),
    ],
)
def test_forced_ends_and_halts_release_everything(root: str, command: str, end: str, site: Site) -> None:
    site.put(root)
    with site.system() as vm:
        vm.run("echo unsynced >/root/note")
        vm.type(command)
        getattr(vm, f"wait_{end}")(BOOT)
        site.assert_released()
    site.assert_clean()
    assert site.read("/root/note") == b"unsynced\n"


@pytest.mark.parametrize(("panic", "end"), [(-1, "rebooted"), (0, "halted")])
def test_a_crash_of_the_real_init_releases_everything(panic: int, end: str, site: Site) -> None:
    site.put(files={"sbin/brief": "#!/bin/sh\necho brief >/note\nexit 3\n"})
    with site.boot(f"rw ip=dhcp init=/sbin/brief panic={panic}") as vm:
        vm.wait_for("the real init has ended without asking for it", BOOT)
        getattr(vm, f"wait_{end}")(BOOT)
        site.assert_released()
    site.assert_clean()
    assert site.read("/note") == b"brief\n"


# kexec-tools in ten lines: `kexec KERNEL WORDS` loads (kexec_file_load(2), no initramfs), `kexec` goes.
KEXEC = """
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int count, char **words) {
    long failed = count < 3 ? reboot(0x45584543)
        : syscall(SYS_kexec_file_load, open(words[1], O_RDONLY), -1, strlen(words[2]) + 1, words[2], 4UL);
    if (failed) perror("kexec");
    return failed != 0;
}
"""


def test_kexec_releases_everything_before_the_next_kernel(site: Site) -> None:
    (site.folder / "kexec.c").write_text(KEXEC)
    run(["gcc", "-static", "-o", site.folder / "kexec", site.folder / "kexec.c"])
    files = {"sbin/kexec": (site.folder / "kexec").read_bytes(), "vmlinuz": kernel("6.1").vmlinuz.read_bytes()}
    site.put(files=files)
    with site.system() as vm:
        vm.run("kexec /vmlinuz 'console=ttyS0 panic=-1 next=one'")
        vm.type("kexec")
        vm.wait_for("Command line: .*next=one", BOOT)
        site.assert_released()
    site.assert_clean()


def test_the_servers_log_shows_the_order(site: Site) -> None:
    site.serve(audit=True)
    site.put()
    with site.system() as vm:
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        log = site.server.log.read_text(errors="replace")
        events = re.findall(r"AUDIT\|(\w+)\|ok\|(?:.*/)?(.*)", log)
    assert events[0] == ("connect", "share")
    assert ("create_file", "disk.img") in events
    assert [event for event, name in events if name == "disk.img"][-1] == "close"
    assert events[-1] == ("disconnect", "share")


def test_without_a_way_back_the_container_stays_open(site: Site) -> None:
    """rd.handoff=none is every other initramfs: this is what the rest of this file is measured against."""
    site.put()
    with site.system("rw ip=dhcp rd.handoff=none") as vm:
        assert vm.run("ls /run/initramfs").split() == ["leases", "net", "share", "timeline"]
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        assert {file.path for file in site.server.open_files()} == {str(site.disk)}


# What systemd does by itself (INITRD_INTERFACE), for an init that can only be told to execute something.
PIVOT = """#!/bin/sh
[ -e /proc/1 ] || mount -t proc proc /proc  # `umount -a -r` has been here
[ -e /sys/block ] || mount -t sysfs sysfs /sys
mount -o remount,rw /run/initramfs
cd /run/initramfs
mkdir -p oldroot
for each in dev proc sys run; do mount -o rbind /$each $each; done
pivot_root . oldroot
exec chroot . /shutdown poweroff <dev/console >dev/console 2>&1
"""


def test_busybox_init_can_be_pointed_to_the_ramdisk(site: Site) -> None:
    site.put(files={"sbin/pivot": PIVOT})
    with site.system("rw ip=dhcp rd.handoff=ramdisk") as vm:
        vm.run("sed -i 's,^::restart:.*,::restart:/sbin/pivot,' /etc/inittab; kill -HUP 1")
        vm.type("kill -QUIT 1")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()


def test_systemd_can_be_supervised(site: Site) -> None:
    """Its `poweroff -f` calls reboot(2) on the spot (halt(8)): the ramdisk would never be asked."""
    site.put("systemd")
    with site.system("rw ip=dhcp rd.handoff=supervise") as vm:
        assert vm.run("cat /proc/1/comm") == "systemd\n"
        vm.type("poweroff -f")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()


def test_a_system_that_takes_its_network_down_first(site: Site) -> None:
    site.put()
    with site.system() as vm:
        vm.run("dd if=/dev/zero of=/root/large bs=1M count=4")
        vm.type("ip link set eth0 down; ip addr flush eth0; poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()
    assert site.read("/root/large") == bytes(4 << 20)


def test_a_cable_out_for_a_while(site: Site) -> None:
    site.put()
    with site.system() as vm:
        # The shell's own commands only: without the cable a program may have to be read, and even the write may wait.
        carrier = "while read carrier </sys/class/net/eth0/carrier && [ $carrier = 1 ]; do :; done"
        vm.run(f"{{ ({carrier}; echo cable-is-''out >/dev/console; echo meanwhile >/root/note) & }}")
        vm.set_link(False)
        vm.wait_for("cable-is-out", BOOT)
        vm.set_link(True)
        vm.run("wait; sync; ip addr show eth0 | grep 10.0.2.15", BOOT)
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()
    assert site.read("/root/note") == b"meanwhile\n"


def test_a_cable_out_for_good_ends_in_bounded_time(site: Site) -> None:
    site.put()
    with site.system() as vm:
        vm.run("dd if=/dev/zero of=/root/large bs=1M count=4")
        vm.set_link(False)
        vm.type("poweroff -n -f")  # without sync(2), which would wait for the server before we are asked
        vm.wait_for("NOT RELEASED", 600)
        vm.wait_powered_off(BOOT)
