"""The shells of early user space: where rd.break= stops, and where a boot that failed ends."""

import pytest

from init.cmdline.settings import STEPS
from tests.roots import PROMPT

from .site import BOOT, SHELL, Site

pytestmark = pytest.mark.vm

USB_KEYBOARD = ("-machine", "i8042=off", "-device", "qemu-xhci", "-device", "usb-kbd")


def test_break_stops_before_every_step_and_goes_on(site: Site) -> None:
    site.put()
    with site.boot(f"rw ip=dhcp overlay=tmpfs rd.break={','.join(STEPS)}") as vm:
        for step in STEPS:
            vm.wait_for(rf"(?s)rd\.break={step}: stopped before the step '{step}'.*{SHELL}", BOOT)
            vm.type("exit")
        vm.wait_for(PROMPT, BOOT)
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()


def test_a_root_mounted_by_hand_is_booted_from(site: Site) -> None:
    """By hand: with a keyboard on USB, the only one that the machine has."""
    site.put()
    with site.boot("rw ip=dhcp panic=0", loop="misspelt.img", up=SHELL, options=USB_KEYBOARD) as vm:
        vm.run("until grep -q 'USB Keyboard' /proc/bus/input/devices; do sleep 0.2; done; exec 9</dev/tty1")
        for key in ("h", "i", "ret"):
            vm.qmp.execute("send-key", keys=[{"type": "qcode", "data": key}])
        assert vm.run("read typed <&9; exec 9<&-; echo $typed") == "hi\n"
        vm.run("losetup /dev/loop3 /run/initramfs/share/disk.img; mount -t ext4 /dev/loop3 /sysroot")
        vm.type("exit")
        vm.wait_for(PROMPT, BOOT)
        assert "/dev/loop3 / ext4 rw" in vm.run("cat /proc/mounts")
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()


def test_leaving_the_shell_tries_again_and_its_poweroff_releases_everything(site: Site) -> None:
    site.put()
    site.serve(start=False)
    with site.boot("rw ip=dhcp panic=0 rd.retry=1 rd.break=switch", up=SHELL) as vm:
        assert vm.seen(r"what failed: //10.0.2.2/share: ")
        site.server.start()
        vm.type("exit")
        vm.wait_for(rf"(?s)rd\.break=switch: stopped before.*{SHELL}", BOOT)
        vm.run("cd /sysroot/root; test -e /run/initramfs/share/disk.img.lease; echo unsynced >note")
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()
    assert site.read("/root/note") == b"unsynced\n"
